SELECT
    node,
    COUNT_IF(status IN ('error', 'fail', 'runtime error'))
FROM ops.dbt_runs
GROUP BY node
