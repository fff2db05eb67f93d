-- Exactly one row per date and tier that has a valid session, and no other row, over all dates.
WITH built_dates AS (
    {{ built_dates(ref('mart_daily_metrics'), 'user_sessions') }}
),

counted AS (
    SELECT DISTINCT
        sessions.date,
        sessions.user_tier,
        1 AS expected,
        0 AS records
    FROM {{ ref('stg_user_sessions_enhanced') }} AS sessions
    INNER JOIN built_dates ON sessions.date = built_dates.date
    WHERE sessions.is_valid

    UNION ALL

    SELECT
        metrics.date,
        metrics.user_tier,
        0 AS expected,
        1 AS records
    FROM {{ ref('mart_daily_metrics') }} AS metrics
    INNER JOIN built_dates ON metrics.date = built_dates.date
)

SELECT
    date,
    user_tier,
    SUM(expected) AS expected,
    SUM(records) AS records
FROM counted
GROUP BY date, user_tier
HAVING SUM(expected) != 1 OR SUM(records) != 1
