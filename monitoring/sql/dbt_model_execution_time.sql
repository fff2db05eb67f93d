SELECT
    node,
    materialization,
    COUNT(*),
    SUM(seconds),
    COUNT_IF(seconds <= 1),
    COUNT_IF(seconds <= 5),
    COUNT_IF(seconds <= 15),
    COUNT_IF(seconds <= 60),
    COUNT_IF(seconds <= 300),
    COUNT_IF(seconds <= 900)
FROM ops.dbt_runs
WHERE materialization <> 'test' AND status <> 'skipped'
GROUP BY node, materialization
