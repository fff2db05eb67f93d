-- The purchases of one product in a session of a REES46 event file are a transaction line, one unit each; the session is the
-- order (see user_events.sql), and a purchase outside any session is an order of its own.
WITH numbered AS (
    SELECT
        *,
        ROW_NUMBER() OVER (
            PARTITION BY event_time, event_type, product_id, price, user_id, user_session
            ORDER BY category_id, category_code, brand
        ) AS occurrence
    FROM events
    WHERE event_type = 'purchase'
),

typed AS (
    SELECT
        COALESCE(user_session, REGEXP_REPLACE(
            MD5(CONCAT_WS('|', 'rees46', event_time, event_type, product_id, COALESCE(price, ''), user_id,
                COALESCE(user_session, ''), occurrence)),
            '^(.{8})(.{4})(.{4})(.{4})(.{12})$', '$1-$2-$3-$4-$5'
        )) AS transaction_id,
        user_id,
        product_id,
        CAST(price AS DECIMAL(10, 2)) AS amount,
        CAST(event_time AS TIMESTAMP) AS created_at
    FROM numbered
),

judged AS (
    SELECT
        *,
        -- A purchase with a value that cannot be read is set aside alone: in a sum nobody would miss it.
        CASE WHEN amount IS NULL OR created_at IS NULL THEN MONOTONICALLY_INCREASING_ID() END AS unreadable
    FROM typed
)

SELECT
    transaction_id,
    MIN(user_id) AS user_id,
    product_id,
    CAST(COUNT(*) AS INT) AS quantity,
    CAST(ROUND(SUM(amount) / COUNT(*), 2) AS DECIMAL(10, 2)) AS unit_price,
    CAST(SUM(amount) AS DECIMAL(10, 2)) AS total_amount,
    'completed' AS status,
    'unknown' AS user_tier,
    MIN(created_at) AS created_at
FROM judged
GROUP BY transaction_id, product_id, unreadable
