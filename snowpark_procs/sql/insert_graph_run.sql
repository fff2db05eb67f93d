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
    ?::TIMESTAMP_NTZ,
    CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ
