WITH events AS (
    SELECT * FROM {{ source('staging', 'events_cleaned') }}
)

SELECT
    event_id,
    user_id,
    session_id,
    event_type,
    timestamp,
    device_type,
    browser,
    ip_address,
    page_url,
    product_id,
    search_query,
    transaction_id,
    user_tier,
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
