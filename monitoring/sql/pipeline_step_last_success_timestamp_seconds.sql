SELECT
    step,
    DATE_PART('epoch_second', MAX(finished_at))
FROM ops.step_runs
WHERE status = 'succeeded'
GROUP BY step
UNION ALL
SELECT
    'task_graph',
    DATE_PART('epoch_second', MAX(reported_at))
FROM ops.graph_runs
WHERE status = 'succeeded'
UNION ALL
SELECT
    'dbt',
    DATE_PART('epoch_second', MAX(builds.finished_at))
FROM (
    SELECT MAX(finished_at) AS finished_at
    FROM ops.dbt_runs
    GROUP BY invocation_id
    HAVING COUNT_IF(status IN ('error', 'fail', 'runtime error')) = 0
) AS builds
UNION ALL
-- The grants are the last script of every deployment: it went through to its end.
SELECT
    'schemachange-deploy',
    DATE_PART('epoch_second', MAX(installed_on))
FROM schemachange.change_history
WHERE script = 'A__90_grants.sql' AND status = 'Success'
