SELECT
    states.state,
    COUNT(days.date)
FROM (
    VALUES ('not_ready'), ('nothing_to_compare'), ('open'), ('converging'), ('regressed'), ('stuck'), ('converged')
) AS states (state)
LEFT JOIN (
    SELECT
        runs.date,
        CASE
            WHEN runs.verdict IN ('not_ready', 'nothing_to_compare') THEN runs.verdict
            WHEN COUNT_IF(tiers.state = 'stuck') > 0 THEN 'stuck'
            WHEN COUNT_IF(tiers.state = 'regressed') > 0 THEN 'regressed'
            WHEN COUNT_IF(tiers.state = 'open') > 0 THEN 'open'
            WHEN COUNT_IF(tiers.state = 'converging') > 0 THEN 'converging'
            ELSE 'converged'
        END AS state
    FROM recon.latest_runs AS runs
    LEFT JOIN recon.convergence AS tiers
        ON runs.date = tiers.date
    GROUP BY runs.date, runs.verdict
) AS days
    ON states.state = days.state
GROUP BY states.state
