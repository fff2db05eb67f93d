-- Bind: run id. One row per cell and cause; cells without a difference have none.
SELECT
    results.user_tier,
    results.metric,
    results.difference::STRING AS difference,
    explanations.cause,
    COUNT(DISTINCT explanations.session_id) AS sessions,
    SUM(explanations.difference)::STRING AS part
FROM recon.results AS results
LEFT JOIN recon.explanations AS explanations
    ON
        results.run_id = explanations.run_id
        AND results.metric = explanations.metric
        AND EQUAL_NULL(results.user_tier, explanations.user_tier)
LEFT JOIN recon.metrics AS metrics
    ON results.metric = metrics.metric
WHERE results.run_id = ?
GROUP BY results.user_tier, results.metric, results.difference, explanations.cause, metrics.position
ORDER BY results.user_tier, metrics.position, results.metric, ABS(SUM(explanations.difference)) DESC, explanations.cause
