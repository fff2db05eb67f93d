{#- A change of a session may change the user of its purchases, which lie on its date or after midnight. -#}
{%- set limit_days = session_days() -%}
{%- set drivers = [driver('user_events'), driver('transactions'), driver('user_sessions', spill_days=-limit_days)] -%}
{%- set plan = build(drivers) -%}
{%- set known_dates = order_dates(plan) -%}
{{ build_note(plan, reach=all_dates() if plan['full'] else date_runs(known_dates)) }}

WITH purchase_events AS (
    SELECT
        {{ order_id('events') }} AS order_id,
        events.event_id,
        events.session_id,
        events.product_id,
        events.date,
        events.timestamp,
        events.user_id,
        events.user_tier,
        events.properties_parsed,
        {{ is_counted('events') }} AS is_counted
    FROM {{ ref('stg_events_cleaned') }} AS events
    WHERE
        events.event_type = 'purchase'
        AND events.is_valid
        {%- if not plan['full'] %}
        AND {{ on_times(known_dates, 'events.timestamp') }}
        {%- endif %}
),

valid_transactions AS (
    SELECT
        transactions.*,
        transactions.transaction_id AS order_id,
        COALESCE(transactions.quantity, 0) < 0 AS is_negative,
        LOWER(transactions.status) AS known_status,
        transactions.total_amount - COALESCE(transactions.tax_amount, 0) AS net_amount
    FROM {{ ref('stg_transactions_validated') }} AS transactions
    WHERE
        transactions.is_valid
        {%- if not plan['full'] %}
        AND {{ on_times(known_dates, 'transactions.created_at') }}
        {%- endif %}
),

-- Orders with a purchase or a transaction on a date of the build, now or when they were last built. All of an order is built anew.
touched AS (
    {{ touched_orders(plan, 'purchase_events', 'valid_transactions') }}
    {{- except_later_orders(plan, 'purchase_events', 'valid_transactions') }}
),

near_sessions AS (
    SELECT
        sessions.session_id,
        sessions.session_start,
        sessions.session_end,
        sessions.user_id,
        sessions.user_tier,
        {{ is_left_out('sessions') }} AS is_left_out
    FROM {{ ref('stg_user_sessions_enhanced') }} AS sessions
    {%- if not plan['full'] %}
    WHERE {{ on_times(known_dates, 'sessions.session_start', before=limit_days) }}
    {%- endif %}
),

-- Without a session that holds the event, the purchase has its own user and tier alone.
purchases AS (
    SELECT
        events.order_id,
        events.event_id,
        events.product_id,
        events.date,
        events.timestamp,
        events.is_counted,
        COALESCE(events.user_id, sessions.user_id) AS user_id,
        COALESCE(events.user_tier, sessions.user_tier) AS user_tier,
        {{ purchase_amount('events.properties_parsed') }} AS amount,
        {{ purchased_units('events.properties_parsed') }} AS units
    FROM purchase_events AS events
    LEFT JOIN near_sessions AS sessions
        ON
            events.session_id = sessions.session_id
            AND events.timestamp BETWEEN sessions.session_start AND sessions.session_end
    WHERE events.order_id IN (SELECT touched.order_id FROM touched)
),

transactions AS (
    SELECT *
    FROM valid_transactions
    WHERE order_id IN (SELECT touched.order_id FROM touched)
),

-- The user and the tier are each those of the first purchase that has one, of those that count.
ordered AS (
    SELECT
        purchases.*,
        MIN(IFF(is_counted, timestamp, NULL)) OVER (PARTITION BY order_id) AS ordered_at,
        FIRST_VALUE(IFF(is_counted, user_id, NULL)) IGNORE NULLS OVER (
            PARTITION BY order_id ORDER BY timestamp, event_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) AS order_user_id,
        FIRST_VALUE(IFF(is_counted, user_tier, NULL)) IGNORE NULLS OVER (
            PARTITION BY order_id ORDER BY timestamp, event_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) AS order_user_tier
    FROM purchases
),

-- Order lines, and those of which no purchase counts.
sold AS (
    SELECT
        order_id,
        product_id,
        ordered_at,
        order_user_id,
        order_user_tier,
        COALESCE(MIN(IFF(is_counted, timestamp, NULL)), MIN(timestamp)) AS occurred_at,
        COUNT_IF(is_counted) AS purchases,
        SUM(IFF(is_counted, amount, 0)) AS gross_amount,
        SUM(IFF(is_counted, units, 0)) AS units,
        COALESCE(MIN(IFF(is_counted, date, NULL)), MIN(date)) AS first_date,
        COALESCE(MAX(IFF(is_counted, date, NULL)), MAX(date)) AS last_date
    FROM ordered
    GROUP BY order_id, product_id, ordered_at, order_user_id, order_user_tier
),

sale_lines AS (
    SELECT
        sold.order_id,
        sold.product_id,
        IFF(sold.purchases > 0, 'sale', 'left_out_sale') AS line_kind,
        COALESCE(TO_DATE(sold.ordered_at), sold.first_date) AS date,
        sold.occurred_at,
        sold.ordered_at,
        sold.order_user_id AS user_id,
        sold.order_user_tier AS user_tier,
        sold.purchases,
        sold.gross_amount,
        IFF(sold.purchases > 0, COALESCE(transactions.quantity, sold.units), 0) AS units,
        COALESCE(transactions.discount_amount, 0) AS discount_amount,
        COALESCE(transactions.tax_amount, 0) AS tax_amount,
        CASE
            WHEN sold.purchases = 0 THEN 0
            WHEN transactions.known_status IN ({{ cancelled_statuses() }}) THEN 0
            ELSE COALESCE(transactions.net_amount, sold.gross_amount)
        END AS net_amount,
        0 AS returned_units,
        transactions.total_amount AS transaction_total,
        transactions.status,
        COALESCE(transactions.known_status IN ({{ cancelled_statuses() }}), FALSE) AS is_cancelled,
        LEAST(sold.first_date, COALESCE(transactions.date, sold.first_date)) AS first_date,
        GREATEST(sold.last_date, COALESCE(transactions.date, sold.last_date)) AS last_date
    FROM sold
    LEFT JOIN transactions
        ON
            sold.order_id = transactions.transaction_id
            AND EQUAL_NULL(sold.product_id, transactions.product_id)
            AND NOT transactions.is_negative
),

-- What an order's returns can take off at most, and whether any of its purchases counts.
order_amounts AS (
    SELECT
        order_id,
        SUM(net_amount) AS net_amount,
        SUM(purchases) AS purchases
    FROM sale_lines
    GROUP BY order_id
),

-- The sessions in which their users may have sent things back.
return_visits AS (
    SELECT
        transactions.transaction_id,
        transactions.product_id,
        BOOLAND_AGG(sessions.is_left_out) AS is_left_out
    FROM transactions
    INNER JOIN near_sessions AS sessions
        ON
            transactions.user_id = sessions.user_id
            AND transactions.created_at BETWEEN sessions.session_start AND sessions.session_end
    WHERE transactions.is_negative
    GROUP BY transactions.transaction_id, transactions.product_id
),

returned AS (
    SELECT
        transactions.*,
        ABS(COALESCE(transactions.net_amount, 0)) AS worth,
        order_amounts.net_amount AS order_amount,
        {{ is_left_out('transactions', has_agent=false) }}
        OR COALESCE(return_visits.is_left_out, FALSE)
        OR COALESCE(order_amounts.purchases = 0, FALSE) AS is_left_out
    FROM transactions
    LEFT JOIN return_visits
        ON
            transactions.transaction_id = return_visits.transaction_id
            AND EQUAL_NULL(transactions.product_id, return_visits.product_id)
    LEFT JOIN order_amounts
        ON transactions.order_id = order_amounts.order_id
    WHERE
        transactions.is_negative
        AND COALESCE(transactions.known_status, '') != 'adjustment'
),

-- The returns of one order take off, one after the other, what is left of it.
given_back AS (
    SELECT
        returned.*,
        CASE
            WHEN is_left_out THEN 0
            WHEN order_amount IS NULL THEN worth
            ELSE LEAST(worth, GREATEST(0, order_amount - COALESCE(SUM(worth) OVER (
                PARTITION BY order_id, is_left_out
                ORDER BY created_at, product_id NULLS FIRST
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ), 0)))
        END AS amount
    FROM returned
),

lines AS (
    SELECT *
    FROM sale_lines

    UNION ALL

    SELECT
        given_back.transaction_id AS order_id,
        given_back.product_id,
        IFF(given_back.is_left_out, 'left_out_return', 'return') AS line_kind,
        given_back.date,
        given_back.created_at AS occurred_at,
        NULL AS ordered_at,
        given_back.user_id,
        given_back.user_tier,
        0 AS purchases,
        0 AS gross_amount,
        0 AS units,
        COALESCE(given_back.discount_amount, 0) AS discount_amount,
        COALESCE(given_back.tax_amount, 0) AS tax_amount,
        -given_back.amount AS net_amount,
        IFF(given_back.is_left_out, 0, -given_back.quantity) AS returned_units,
        given_back.total_amount AS transaction_total,
        given_back.status,
        FALSE AS is_cancelled,
        given_back.date AS first_date,
        given_back.date AS last_date
    FROM given_back

    UNION ALL

    SELECT
        transactions.transaction_id AS order_id,
        transactions.product_id,
        'unsold' AS line_kind,
        transactions.date,
        transactions.created_at AS occurred_at,
        NULL AS ordered_at,
        transactions.user_id,
        transactions.user_tier,
        0 AS purchases,
        0 AS gross_amount,
        0 AS units,
        COALESCE(transactions.discount_amount, 0) AS discount_amount,
        COALESCE(transactions.tax_amount, 0) AS tax_amount,
        0 AS net_amount,
        0 AS returned_units,
        transactions.total_amount AS transaction_total,
        transactions.status,
        COALESCE(transactions.known_status IN ({{ cancelled_statuses() }}), FALSE) AS is_cancelled,
        transactions.date AS first_date,
        transactions.date AS last_date
    FROM transactions
    LEFT JOIN sold
        ON
            transactions.transaction_id = sold.order_id
            AND EQUAL_NULL(transactions.product_id, sold.product_id)
    WHERE
        NOT transactions.is_negative
        AND sold.order_id IS NULL
),

-- A touched order that has no line any more is one row of NULLs: the tombstone that replace_keys expects.
built AS (
    SELECT
        touched.order_id,
        lines.product_id,
        lines.line_kind,
        lines.date,
        lines.occurred_at,
        lines.ordered_at,
        lines.user_id,
        lines.user_tier,
        lines.purchases,
        lines.gross_amount,
        lines.units,
        lines.discount_amount,
        lines.tax_amount,
        lines.net_amount,
        lines.returned_units,
        lines.transaction_total,
        lines.status,
        lines.is_cancelled,
        lines.first_date,
        lines.last_date
    FROM touched
    {{ 'LEFT' if is_incremental() else 'INNER' }} JOIN lines
        ON touched.order_id = lines.order_id
)

SELECT
    order_id::VARCHAR AS order_id,
    product_id::VARCHAR AS product_id,
    line_kind::VARCHAR AS line_kind,
    date::DATE AS date,
    occurred_at::TIMESTAMP_NTZ AS occurred_at,
    ordered_at::TIMESTAMP_NTZ AS ordered_at,
    user_id::VARCHAR AS user_id,
    user_tier::VARCHAR AS user_tier,
    purchases::NUMBER(38, 0) AS purchases,
    gross_amount::NUMBER(38, 2) AS gross_amount,
    units::NUMBER(38, 0) AS units,
    discount_amount::NUMBER(38, 2) AS discount_amount,
    tax_amount::NUMBER(38, 2) AS tax_amount,
    net_amount::NUMBER(38, 2) AS net_amount,
    returned_units::NUMBER(38, 0) AS returned_units,
    transaction_total::NUMBER(38, 2) AS transaction_total,
    status::VARCHAR AS status,
    is_cancelled::BOOLEAN AS is_cancelled,
    first_date::DATE AS first_date,
    last_date::DATE AS last_date,
    IFF(line_kind IS NULL, NULL, {{ built_at() }}) AS created_at
FROM built
