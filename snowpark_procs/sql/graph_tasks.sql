-- Bind: id of the graph run. The newest attempt of each task: a run may succeed at its second. The finalizer itself is still running
-- and left out.
SELECT
    name,
    state,
    attempt_number AS attempt,
    error_message,
    TO_CHAR(query_start_time, 'YYYY-MM-DD HH24:MI:SS.FF6') AS started_at,
    TO_CHAR(completed_time, 'YYYY-MM-DD HH24:MI:SS.FF6') AS completed_at
FROM TABLE(INFORMATION_SCHEMA.TASK_HISTORY(RESULT_LIMIT => 1000))
WHERE graph_run_group_id = ? AND state NOT IN ('SCHEDULED', 'EXECUTING')
QUALIFY ROW_NUMBER() OVER (PARTITION BY name ORDER BY attempt_number DESC) = 1
ORDER BY query_start_time
