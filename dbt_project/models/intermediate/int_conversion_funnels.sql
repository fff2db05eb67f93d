WITH sessions AS (
    SELECT *
    FROM {{ ref('stg_user_sessions_enhanced') }}
    WHERE is_valid
)

SELECT
    date,
    user_tier,
    COUNT(*) AS sessions,
    COUNT_IF(product_views > 0) AS view_sessions,
    COUNT_IF(add_to_cart_events > 0) AS cart_sessions,
    COUNT_IF(converted_to_purchase) AS converting_sessions,
    SUM(product_views) AS product_views,
    SUM(add_to_cart_events) AS add_to_cart_events,
    SUM(purchases) AS purchases,
    SUM(total_spent) AS revenue
FROM sessions
GROUP BY date, user_tier
