-- Both marts are driven by the same changes, so that they have the same dates and tiers wherever both are built from
-- the same one.
WITH keys AS (
    SELECT
        date,
        user_tier,
        change_id
    FROM {{ ref('mart_daily_metrics') }}

    UNION ALL

    SELECT
        date,
        user_tier,
        change_id
    FROM {{ ref('mart_user_tier_analytics') }}
),

same_change AS (
    SELECT date
    FROM keys
    GROUP BY date
    HAVING MIN(change_id) = MAX(change_id)
)

SELECT
    keys.date,
    keys.user_tier,
    COUNT(*) AS records
FROM keys
INNER JOIN same_change ON keys.date = same_change.date
GROUP BY keys.date, keys.user_tier
HAVING COUNT(*) != 2
