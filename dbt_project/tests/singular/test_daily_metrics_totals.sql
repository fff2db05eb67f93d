-- Each date's sessions, purchases and revenue equal those of the sessions themselves, whatever their tier.
WITH built_dates AS (
    {{ built_dates('mart_daily_metrics', 'user_sessions') }}
),

balance AS (
    SELECT
        sessions.date,
        1 AS sessions,
        sessions.page_views,
        sessions.purchases,
        sessions.total_spent AS revenue
    FROM {{ ref('stg_user_sessions_enhanced') }} AS sessions
    INNER JOIN built_dates ON sessions.date = built_dates.date
    WHERE {{ is_counted('sessions') }}

    UNION ALL

    SELECT
        metrics.date,
        -metrics.sessions AS sessions,
        -metrics.page_views AS page_views,
        -metrics.purchases AS purchases,
        -metrics.revenue AS revenue
    FROM {{ ref('mart_daily_metrics') }} AS metrics
    INNER JOIN built_dates ON metrics.date = built_dates.date
)

SELECT
    date,
    SUM(sessions) AS missing_sessions,
    SUM(page_views) AS missing_page_views,
    SUM(purchases) AS missing_purchases,
    SUM(revenue) AS missing_revenue
FROM balance
GROUP BY date
HAVING
    SUM(sessions) != 0
    OR SUM(page_views) != 0
    OR SUM(purchases) != 0
    OR SUM(revenue) != 0
