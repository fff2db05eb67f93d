-- Binds: StepRun.values().
INSERT INTO ops.step_runs (
    run_id, step, subject, status, row_count, started_at, finished_at, duration_ms, detail
)
SELECT ?, ?, ?, ?, ?, ?::TIMESTAMP_NTZ, ?::TIMESTAMP_NTZ, ?, PARSE_JSON(?)
