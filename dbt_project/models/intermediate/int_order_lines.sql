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
),

-- Without a session that holds the event, the purchase has its own user and tier alone.
purchases AS (
    SELECT
        events.order_id,
        events.event_id,
        events.product_id,
        events.date,
        events.timestamp,
        COALESCE(events.user_id, sessions.user_id) AS user_id,
        COALESCE(events.user_tier, sessions.user_tier) AS user_tier,
        {{ purchase_amount('events.properties_parsed') }} AS amount,
        {{ purchased_units('events.properties_parsed') }} AS units
    FROM purchase_events AS events
    LEFT JOIN {{ ref('stg_user_sessions_enhanced') }} AS sessions
        ON
            events.session_id = sessions.session_id
            AND events.timestamp BETWEEN sessions.session_start AND sessions.session_end
            {%- if not plan['full'] %}
            AND {{ on_times(known_dates, 'sessions.session_start', before=limit_days) }}
            {%- endif %}
    WHERE
        events.is_counted
        AND events.order_id IN (SELECT touched.order_id FROM touched)
),

transactions AS (
    SELECT *
    FROM valid_transactions
    WHERE order_id IN (SELECT touched.order_id FROM touched)
),

-- The user and the tier are each those of the first purchase that has one.
ordered AS (
    SELECT
        purchases.*,
        MIN(timestamp) OVER (PARTITION BY order_id) AS ordered_at,
        FIRST_VALUE(user_id) IGNORE NULLS OVER (
            PARTITION BY order_id ORDER BY timestamp, event_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) AS order_user_id,
        FIRST_VALUE(user_tier) IGNORE NULLS OVER (
            PARTITION BY order_id ORDER BY timestamp, event_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) AS order_user_tier
    FROM purchases
),

sold AS (
    SELECT
        order_id,
        product_id,
        ordered_at,
        order_user_id,
        order_user_tier,
        MIN(timestamp) AS occurred_at,
        COUNT(*) AS purchases,
        SUM(amount) AS gross_amount,
        SUM(units) AS units,
        MIN(date) AS first_date,
        MAX(date) AS last_date
    FROM ordered
    GROUP BY order_id, product_id, ordered_at, order_user_id, order_user_tier
),

lines AS (
    SELECT
        sold.order_id,
        sold.product_id,
        'sale' AS line_kind,
        TO_DATE(sold.ordered_at) AS date,
        sold.occurred_at,
        sold.ordered_at,
        sold.order_user_id AS user_id,
        sold.order_user_tier AS user_tier,
        sold.purchases,
        sold.gross_amount,
        COALESCE(transactions.quantity, sold.units) AS units,
        COALESCE(transactions.discount_amount, 0) AS discount_amount,
        COALESCE(transactions.tax_amount, 0) AS tax_amount,
        CASE
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

    UNION ALL

    SELECT
        transactions.transaction_id AS order_id,
        transactions.product_id,
        'return' AS line_kind,
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
        -ABS(COALESCE(transactions.net_amount, 0)) AS net_amount,
        -transactions.quantity AS returned_units,
        transactions.total_amount AS transaction_total,
        transactions.status,
        FALSE AS is_cancelled,
        transactions.date AS first_date,
        transactions.date AS last_date
    FROM transactions
    WHERE
        transactions.is_negative
        AND COALESCE(transactions.known_status, '') != 'adjustment'
        AND {{ is_counted('transactions', has_agent=false) }}

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
