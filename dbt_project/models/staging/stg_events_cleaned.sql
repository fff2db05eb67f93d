WITH events AS (
    SELECT * FROM {{ source('staging', 'events_cleaned') }}
)

SELECT
    event_id,
    NULLIF(user_id, '') AS user_id,
    NULLIF(session_id, '') AS session_id,
    event_type,
    timestamp,
    device_type,
    browser,
    ip_address,
    page_url,
    NULLIF(product_id, '') AS product_id,
    search_query,
    NULLIF(transaction_id, '') AS transaction_id,
    NULLIF(user_tier, '') AS user_tier,
    properties_parsed,
    is_valid,
    validation_errors,
    validation_warnings,
    is_bot_traffic,
    is_test_user,
    batch_id,
    processed_at,
    TO_DATE(timestamp) AS date
FROM events
