WITH sessions AS (
    SELECT * FROM {{ source('staging', 'user_sessions_enhanced') }}
)

SELECT
    session_id,
    NULLIF(user_id, '') AS user_id,
    NULLIF(user_tier, '') AS user_tier,
    session_start,
    session_end,
    session_duration_minutes,
    page_views,
    product_views,
    searches,
    add_to_cart_events,
    purchases,
    total_spent,
    items_purchased,
    avg_order_value,
    device_type,
    browser,
    converted_to_purchase,
    conversion_time_minutes,
    is_high_value_session,
    is_bounce_session,
    first_purchase_at,
    event_count,
    distinct_ip_count,
    is_valid,
    validation_errors,
    validation_warnings,
    is_bot_traffic,
    is_test_user,
    batch_id,
    processed_at,
    TO_DATE(session_start) AS date
FROM sessions
