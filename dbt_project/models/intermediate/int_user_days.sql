{%- set plan = build([driver('user_sessions'), driver('orders', derived=true)]) -%}
{#- A user's rows before the first date of the build stay as they are. -#}
{%- set reach = all_dates() if plan['full'] else dates_onwards(plan['dates']) -%}
{{ build_note(plan, reach=reach) }}

WITH affected_dates AS (
    {{ affected_dates(plan) }}
),

own_sessions AS (
    SELECT
        sessions.date,
        sessions.user_id,
        sessions.user_tier,
        sessions.session_start,
        sessions.session_id
    FROM {{ ref('stg_user_sessions_enhanced') }} AS sessions
    WHERE
        sessions.user_id IS NOT NULL
        AND {{ is_counted('sessions') }}
        AND {{ on_times(plan['dates'], 'sessions.session_start') }}
),

own_orders AS (
    SELECT *
    FROM {{ ref('int_orders') }}
    WHERE
        user_id IS NOT NULL
        AND {{ on_dates(plan['dates'], 'date') }}
),

own_returns AS (
    SELECT *
    FROM {{ ref('int_order_lines') }}
    WHERE
        line_kind = 'return'
        AND user_id IS NOT NULL
        AND {{ on_dates(plan['dates'], 'date') }}
),

-- Where a date's tier is found: sessions first, then orders, then returns; of each kind the last with one.
tiers AS (
    SELECT
        date,
        user_id,
        user_tier
    FROM (
        SELECT
            date,
            user_id,
            user_tier,
            1 AS kind,
            session_start AS moment,
            session_id AS id,
            NULL AS product_id
        FROM own_sessions
        UNION ALL
        SELECT
            date,
            user_id,
            user_tier,
            2 AS kind,
            ordered_at AS moment,
            order_id AS id,
            NULL AS product_id
        FROM own_orders
        UNION ALL
        SELECT
            date,
            user_id,
            user_tier,
            3 AS kind,
            occurred_at AS moment,
            order_id AS id,
            product_id
        FROM own_returns
    ) AS sightings
    WHERE user_tier IS NOT NULL
    QUALIFY ROW_NUMBER() OVER (
        PARTITION BY date, user_id ORDER BY kind ASC, moment DESC, id DESC, product_id DESC NULLS LAST
    ) = 1
),

activity AS (
    SELECT
        date,
        user_id,
        SUM(sessions) AS sessions,
        SUM(orders) AS orders,
        SUM(returns) AS returns,
        SUM(net_revenue) AS net_revenue
    FROM (
        SELECT
            date,
            user_id,
            1 AS sessions,
            0 AS orders,
            0 AS returns,
            0 AS net_revenue
        FROM own_sessions
        UNION ALL
        SELECT
            date,
            user_id,
            0 AS sessions,
            1 AS orders,
            0 AS returns,
            net_amount AS net_revenue
        FROM own_orders
        UNION ALL
        SELECT
            date,
            user_id,
            0 AS sessions,
            0 AS orders,
            1 AS returns,
            net_amount AS net_revenue
        FROM own_returns
    ) AS acts
    GROUP BY date, user_id
),

fresh AS (
    SELECT
        activity.date,
        activity.user_id,
        tiers.user_tier,
        activity.sessions,
        activity.orders,
        activity.returns,
        activity.net_revenue::NUMBER(38, 2) AS net_revenue
    FROM activity
    INNER JOIN affected_dates
        ON activity.date = affected_dates.date
    LEFT JOIN tiers
        ON
            activity.date = tiers.date
            AND activity.user_id = tiers.user_id
),

replaced AS (
    SELECT
        known.date,
        known.user_id,
        known.user_tier,
        known.sessions,
        known.orders,
        known.returns,
        known.net_revenue
    FROM {{ this if is_incremental() else 'fresh' }} AS known
    INNER JOIN affected_dates
        ON known.date = affected_dates.date
    WHERE {{ on_dates(plan['dates'], 'known.date') if is_incremental() else 'FALSE' }}
),

-- A user of whom something differs has his history summed anew, from the first difference on.
changed_users AS (
    SELECT
        user_id,
        MIN(date) AS first_date
    FROM (
        {%- if plan['full'] %}
        SELECT * FROM fresh
        UNION ALL
        SELECT * FROM replaced
        {%- else %}
        (
            SELECT * FROM fresh
            MINUS
            SELECT * FROM replaced
        )
        UNION ALL
        (
            SELECT * FROM replaced
            MINUS
            SELECT * FROM fresh
        )
        {%- endif %}
    ) AS differing
    GROUP BY user_id
),

-- With everything to build, there is nothing to continue.
stored AS (
    SELECT
        known.date,
        known.user_id,
        known.user_tier,
        known.sessions,
        known.orders,
        known.returns,
        known.net_revenue
    FROM {{ this if is_incremental() else 'fresh' }} AS known
    INNER JOIN changed_users
        ON known.user_id = changed_users.user_id
    WHERE {{ 'FALSE' if plan['full'] else in_ranges(reach, 'known.date') }}
),

followed AS (
    SELECT
        user_id,
        SUM(orders) AS orders,
        SUM(net_revenue) AS net_revenue,
        COUNT(*) AS active_dates
    FROM stored
    GROUP BY user_id
),

-- What came before the first date of the build: the user's totals less what is stored from that date on.
earlier AS (
    SELECT
        changed_users.user_id,
        changed_users.first_date,
        COALESCE(totals.orders, 0) - COALESCE(followed.orders, 0) AS orders,
        COALESCE(totals.net_revenue, 0) - COALESCE(followed.net_revenue, 0) AS net_revenue,
        COALESCE(totals.active_dates, 0) - COALESCE(followed.active_dates, 0) AS active_dates
    FROM changed_users
    LEFT JOIN {{ source('ops', 'user_totals') }} AS totals
        ON
            changed_users.user_id = totals.user_id
            AND {{ 'FALSE' if plan['full'] else 'TRUE' }}
    LEFT JOIN followed
        ON changed_users.user_id = followed.user_id
),

history AS (
    SELECT fresh.*
    FROM fresh
    UNION ALL
    SELECT stored.*
    FROM stored
    LEFT JOIN affected_dates
        ON stored.date = affected_dates.date
    WHERE affected_dates.date IS NULL
),

summed AS (
    SELECT
        history.*,
        earlier.first_date,
        earlier.orders + SUM(history.orders) OVER (
            PARTITION BY history.user_id ORDER BY history.date ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS orders_to_date,
        earlier.net_revenue + SUM(history.net_revenue) OVER (
            PARTITION BY history.user_id ORDER BY history.date ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS net_revenue_to_date,
        earlier.active_dates + COUNT(*) OVER (
            PARTITION BY history.user_id ORDER BY history.date ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS active_dates_to_date
    FROM history
    INNER JOIN earlier
        ON history.user_id = earlier.user_id
),

-- A row that is no more is one of NULLs: the tombstone that replace_keys expects.
built AS (
    SELECT
        date,
        user_id,
        user_tier,
        sessions,
        orders,
        returns,
        net_revenue,
        orders_to_date,
        net_revenue_to_date,
        active_dates_to_date
    FROM summed
    WHERE date >= first_date
    {%- if is_incremental() %}
    UNION ALL
    SELECT
        replaced.date,
        replaced.user_id,
        NULL AS user_tier,
        NULL AS sessions,
        NULL AS orders,
        NULL AS returns,
        NULL AS net_revenue,
        NULL AS orders_to_date,
        NULL AS net_revenue_to_date,
        NULL AS active_dates_to_date
    FROM replaced
    LEFT JOIN fresh
        ON
            replaced.date = fresh.date
            AND replaced.user_id = fresh.user_id
    WHERE fresh.user_id IS NULL
    {%- endif %}
)

SELECT
    date::DATE AS date,
    user_id::VARCHAR AS user_id,
    user_tier::VARCHAR AS user_tier,
    sessions::NUMBER(38, 0) AS sessions,
    orders::NUMBER(38, 0) AS orders,
    returns::NUMBER(38, 0) AS returns,
    net_revenue::NUMBER(38, 2) AS net_revenue,
    orders_to_date::NUMBER(38, 0) AS orders_to_date,
    net_revenue_to_date::NUMBER(38, 2) AS net_revenue_to_date,
    active_dates_to_date::NUMBER(38, 0) AS active_dates_to_date,
    IFF(sessions IS NULL, NULL, {{ built_at() }}) AS created_at
FROM built
