-- Sessions and users of a date, under the users' tier of that date.
-- One query without named parts, so that a condition on the date reaches the tables below.
SELECT
    date,
    user_tier,
    SUM(sessions) AS sessions,
    SUM(events) AS events,
    SUM(page_views) AS page_views,
    SUM(product_views) AS product_views,
    SUM(searches) AS searches,
    SUM(session_microseconds) AS session_microseconds,
    SUM(bounce_sessions) AS bounce_sessions,
    SUM(purchase_microseconds) AS purchase_microseconds,
    SUM(timed_purchases) AS timed_purchases,
    SUM(unique_users) AS unique_users,
    SUM(buyers) AS buyers,
    SUM(repeat_buyers) AS repeat_buyers,
    SUM(returning_buyers) AS returning_buyers,
    SUM(orders_of_users) AS orders_of_users,
    SUM(net_revenue_to_date) AS net_revenue_to_date,
    SUM(active_dates_to_date) AS active_dates_to_date
FROM (
    SELECT
        date,
        user_tier,
        COUNT(*) AS sessions,
        SUM(event_count) AS events,
        SUM(page_views) AS page_views,
        SUM(product_views) AS product_views,
        SUM(searches) AS searches,
        SUM(duration) AS session_microseconds,
        COUNT_IF(event_count = 1 AND purchases = 0) AS bounce_sessions,
        SUM(time_to_purchase) AS purchase_microseconds,
        COUNT(time_to_purchase) AS timed_purchases,
        0 AS unique_users,
        0 AS buyers,
        0 AS repeat_buyers,
        0 AS returning_buyers,
        0 AS orders_of_users,
        0 AS net_revenue_to_date,
        0 AS active_dates_to_date
    FROM (
        SELECT
            sessions.date,
            IFF(sessions.user_id IS NULL, sessions.user_tier, user_days.user_tier) AS user_tier,
            sessions.event_count,
            sessions.page_views,
            sessions.product_views,
            sessions.searches,
            sessions.purchases,
            {{ microseconds('sessions.session_start', 'sessions.session_end') }} AS duration,
            {{ microseconds('sessions.session_start', 'sessions.first_purchase_at') }} AS time_to_purchase
        FROM {{ ref('stg_user_sessions_enhanced') }} AS sessions
        LEFT JOIN {{ ref('int_user_days') }} AS user_days
            ON
                sessions.date = user_days.date
                AND sessions.user_id = user_days.user_id
        WHERE {{ is_counted('sessions') }}
    ) AS sessions
    GROUP BY date, user_tier

    UNION ALL

    SELECT
        date,
        user_tier,
        0 AS sessions,
        0 AS events,
        0 AS page_views,
        0 AS product_views,
        0 AS searches,
        0 AS session_microseconds,
        0 AS bounce_sessions,
        0 AS purchase_microseconds,
        0 AS timed_purchases,
        COUNT_IF(sessions > 0) AS unique_users,
        COUNT_IF(orders > 0) AS buyers,
        COUNT_IF(orders > 1) AS repeat_buyers,
        COUNT_IF(orders > 0 AND orders_to_date > orders) AS returning_buyers,
        SUM(orders) AS orders_of_users,
        SUM(net_revenue_to_date) AS net_revenue_to_date,
        SUM(active_dates_to_date) AS active_dates_to_date
    FROM {{ ref('int_user_days') }}
    GROUP BY date, user_tier
) AS metrics
GROUP BY date, user_tier
