-- Both marts are driven by the same changes, so that they have the same dates and tiers wherever both contain the newest of them.
WITH built_dates AS (
    {{ built_dates('mart_daily_metrics', 'user_sessions') }}
    INTERSECT
    {{ built_dates('mart_user_tier_analytics', 'user_sessions') }}
),

keys AS (
    SELECT
        date,
        user_tier
    FROM {{ ref('mart_daily_metrics') }}

    UNION ALL

    SELECT
        date,
        user_tier
    FROM {{ ref('mart_user_tier_analytics') }}
)

SELECT
    keys.date,
    keys.user_tier,
    COUNT(*) AS records
FROM keys
INNER JOIN built_dates ON keys.date = built_dates.date
GROUP BY keys.date, keys.user_tier
HAVING COUNT(*) != 2
