-- Bind: run id. What the causes leave of each cell's recorded difference.
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
)

SELECT
    results.run_id,
    results.date,
    results.user_tier,
    results.metric,
    NULL AS session_id,
    NULL AS user_id,
    'unexplained' AS cause,
    NULL AS detail,
    NULL AS speed_value,
    NULL AS batch_value,
    results.difference - COALESCE(parts.difference, 0) AS difference
FROM recon.results AS results
LEFT JOIN parts
    ON results.metric = parts.metric AND EQUAL_NULL(results.user_tier, parts.user_tier)
WHERE results.run_id = ? AND results.difference <> COALESCE(parts.difference, 0)
