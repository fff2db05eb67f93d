WITH sessions AS (
    SELECT *
    FROM {{ ref('stg_user_sessions_enhanced') }}
    WHERE is_valid
),

-- Users first, so that distinct and repeat users need no second pass. Sessions without a user are one group of
-- their own, left out of every count of users.
users AS (
    SELECT
        date,
        user_tier,
        user_id,
        COUNT(*) AS sessions,
        SUM(event_count) AS events,
        SUM(page_views) AS page_views,
        SUM(product_views) AS product_views,
        SUM(searches) AS searches,
        SUM(purchases) AS purchases,
        SUM(session_duration_minutes) AS session_minutes,
        COUNT_IF(is_bounce_session) AS bounce_sessions,
        SUM(conversion_time_minutes) AS conversion_minutes,
        COUNT(conversion_time_minutes) AS timed_conversions
    FROM sessions
    GROUP BY date, user_tier, user_id
)

SELECT
    date,
    user_tier,
    SUM(sessions) AS sessions,
    COUNT(user_id) AS unique_users,
    SUM(events) AS events,
    SUM(page_views) AS page_views,
    SUM(product_views) AS product_views,
    SUM(searches) AS searches,
    SUM(session_minutes) AS session_minutes,
    SUM(bounce_sessions) AS bounce_sessions,
    SUM(IFF(user_id IS NULL, 0, purchases)) AS purchases_of_known_users,
    COUNT_IF(user_id IS NOT NULL AND purchases > 0) AS buyers,
    COUNT_IF(user_id IS NOT NULL AND purchases > 1) AS repeat_buyers,
    SUM(conversion_minutes) AS conversion_minutes,
    SUM(timed_conversions) AS timed_conversions
FROM users
GROUP BY date, user_tier
