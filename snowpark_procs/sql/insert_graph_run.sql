-- Binds: graph run id, root task, status, failed task, error message, JSON array of tasks, start.
INSERT INTO ops.graph_runs (
    graph_run_id, root_task, status, failed_task, error_message, tasks, started_at, reported_at
)
SELECT
    ?,
    ?,
    ?,
    ?,
    ?,
    PARSE_JSON(?),
    TO_TIMESTAMP_NTZ(?, 'YYYY-MM-DD HH24:MI:SS.FF6'),
    CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ
