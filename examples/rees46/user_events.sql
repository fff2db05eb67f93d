-- Every line of a REES46 event file is an event. "A session can have multiple purchase events. It's ok, because it's a
-- single order" (https://www.kaggle.com/datasets/mkechinov/ecommerce-behavior-data-from-multi-category-store).
WITH numbered AS (
    SELECT
        *,
        -- Lines may repeat to the last character (one second is the finest time); each is an event of its own.
        ROW_NUMBER() OVER (
            PARTITION BY event_time, event_type, product_id, price, user_id, user_session
            ORDER BY category_id, category_code, brand
        ) AS occurrence
    FROM events
),

identified AS (
    SELECT
        *,
        REGEXP_REPLACE(
            MD5(CONCAT_WS('|', 'rees46', event_time, event_type, product_id, COALESCE(price, ''), user_id,
                COALESCE(user_session, ''), occurrence)),
            '^(.{8})(.{4})(.{4})(.{4})(.{12})$', '$1-$2-$3-$4-$5'
        ) AS event_id
    FROM numbered
)

SELECT
    event_id,
    user_id,
    user_session AS session_id,
    CASE event_type WHEN 'view' THEN 'product_view' WHEN 'cart' THEN 'add_to_cart' ELSE event_type END AS event_type,
    CAST(event_time AS TIMESTAMP) AS timestamp,
    product_id,
    CASE WHEN event_type = 'purchase' THEN COALESCE(user_session, event_id) END AS transaction_id,
    'unknown' AS user_tier,
    TO_JSON(NAMED_STRUCT(
        'amount', CASE WHEN event_type = 'purchase' THEN price END,
        'category_code', category_code,
        'brand', brand
    )) AS properties
FROM identified
