-- Bind: id of the graph run. The finalizer itself is still running and left out.
SELECT
    name,
    state,
    error_message,
    TO_CHAR(query_start_time, 'YYYY-MM-DD HH24:MI:SS.FF3') AS started_at,
    TO_CHAR(completed_time, 'YYYY-MM-DD HH24:MI:SS.FF3') AS completed_at
FROM TABLE(INFORMATION_SCHEMA.TASK_HISTORY(RESULT_LIMIT => 1000))
WHERE graph_run_group_id = ? AND state NOT IN ('SCHEDULED', 'EXECUTING')
ORDER BY query_start_time
