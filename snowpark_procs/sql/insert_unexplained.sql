-- Binds: run id; on a day that waits for a build, how much is known of what the marts hold; run id.
-- What the causes leave of each cell's recorded difference. They tell how the speed layer differs from STAGING, so that on such a day the
-- rest is between STAGING and the marts.
INSERT INTO recon.explanations (
    run_id, date, user_tier, metric, session_id, user_id, cause, detail, speed_value, batch_value, difference
)
WITH parts AS (
    SELECT
        user_tier,
        metric,
        SUM(difference) AS difference
    FROM recon.explanations
    WHERE run_id = ?
    GROUP BY user_tier, metric
),

remainder AS (
    SELECT ?::STRING AS detail
)

SELECT
    results.run_id,
    results.date,
    results.user_tier,
    results.metric,
    NULL AS session_id,
    NULL AS user_id,
    IFF(remainder.detail IS NULL, 'unexplained', 'not_yet_built') AS cause,
    remainder.detail,
    NULL AS speed_value,
    NULL AS batch_value,
    results.difference - COALESCE(parts.difference, 0) AS difference
FROM recon.results AS results
CROSS JOIN remainder
LEFT JOIN parts
    ON results.metric = parts.metric AND EQUAL_NULL(results.user_tier, parts.user_tier)
WHERE results.run_id = ? AND results.difference <> COALESCE(parts.difference, 0)
