-- What dbt did, wherever it ran: one row per model or test of an invocation, written by its on-run-end hook (macro record_run).
CREATE TABLE IF NOT EXISTS ops.dbt_runs (
    invocation_id STRING NOT NULL,
    node STRING NOT NULL,                 -- name of the model or test
    materialization STRING NOT NULL,      -- view | incremental | ... ; test
    status STRING NOT NULL,               -- dbt's: success | pass | warn | error | fail | skipped
    seconds NUMBER(18, 3) NOT NULL,
    finished_at TIMESTAMP_NTZ NOT NULL    -- UTC, of the invocation
);
