-- Every purchase of a REES46 event file is a transaction of one unit.
WITH numbered AS (
    SELECT
        *,
        ROW_NUMBER() OVER (
            PARTITION BY event_time, event_type, product_id, price, user_id, user_session
            ORDER BY category_id, category_code, brand
        ) AS occurrence
    FROM events
    WHERE event_type = 'purchase'
)

SELECT
    REGEXP_REPLACE(
        MD5(CONCAT_WS('|', 'rees46', event_time, event_type, product_id, COALESCE(price, ''), user_id,
            COALESCE(user_session, ''), occurrence)),
        '^(.{8})(.{4})(.{4})(.{4})(.{12})$', '$1-$2-$3-$4-$5'
    ) AS transaction_id,
    user_id,
    product_id,
    1 AS quantity,
    CAST(price AS DECIMAL(10, 2)) AS unit_price,
    CAST(price AS DECIMAL(10, 2)) AS total_amount,
    'completed' AS status,
    'unknown' AS user_tier,
    CAST(event_time AS TIMESTAMP) AS created_at
FROM numbered
