SELECT
    node,
    IFF(status IN ('error', 'fail', 'runtime error'), 1, 0)
FROM ops.dbt_runs
WHERE status <> 'skipped'
QUALIFY ROW_NUMBER() OVER (PARTITION BY node ORDER BY finished_at DESC, invocation_id DESC) = 1
