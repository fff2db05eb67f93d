SELECT
    results.metric,
    COALESCE(results.user_tier, 'none'),
    MAX(COALESCE(ABS(results.relative_difference), IFF(results.difference = 0, 0, 1)))
FROM recon.latest_results AS results
INNER JOIN (
    SELECT run_id
    FROM recon.latest_runs
    WHERE verdict NOT IN ('not_ready', 'nothing_to_compare')
    QUALIFY ROW_NUMBER() OVER (ORDER BY date DESC) <= 7
) AS judged
    ON results.run_id = judged.run_id
GROUP BY results.metric, results.user_tier
