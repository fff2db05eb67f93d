-- Exactly one row per date and tier that has a session, an order or a return, and no other row, over all dates.
WITH built_dates AS (
    {{ built_dates('mart_daily_metrics', 'user_sessions') }}
),

counted AS (
    SELECT
        wanted.date,
        wanted.user_tier,
        1 AS expected,
        0 AS records
    FROM (
        SELECT
            date,
            user_tier
        FROM {{ ref('int_conversion_funnels') }}
        UNION
        SELECT
            date,
            user_tier
        FROM {{ ref('int_user_days') }}
    ) AS wanted
    INNER JOIN built_dates ON wanted.date = built_dates.date

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
