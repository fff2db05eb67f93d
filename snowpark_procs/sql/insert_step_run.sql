-- Binds: StepRun.values().
INSERT INTO ops.step_runs (
    run_id, step, subject, status, row_count, started_at, finished_at, duration_ms, detail
)
SELECT ?, ?, ?, ?, ?, TO_TIMESTAMP_NTZ(?, 'YYYY-MM-DD HH24:MI:SS.FF6'), TO_TIMESTAMP_NTZ(?, 'YYYY-MM-DD HH24:MI:SS.FF6'), ?, PARSE_JSON(?)
