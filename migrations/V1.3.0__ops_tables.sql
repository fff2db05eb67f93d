-- OPS: the ledger. Every step writes here in the transaction that does its work.

-- One row per loaded batch.
CREATE TABLE IF NOT EXISTS ops.batches (
    batch_id STRING NOT NULL,
    contract_version NUMBER(38, 0) NOT NULL,
    mode STRING NOT NULL,                 -- incremental | backfill
    manifest VARIANT NOT NULL,
    published_at TIMESTAMP_NTZ NOT NULL,
    loaded_at TIMESTAMP_NTZ NOT NULL,
    flagged_at TIMESTAMP_NTZ              -- NULL until ops.flag_quality has processed it
);

-- One row per dataset of a loaded batch: what the manifest promised and what COPY delivered (they are equal, or
-- nothing was loaded).
CREATE TABLE IF NOT EXISTS ops.batch_datasets (
    batch_id STRING NOT NULL,
    dataset STRING NOT NULL,              -- user_events | transactions | user_sessions
    handling STRING NOT NULL,             -- passthrough | rewritten
    scope STRING NOT NULL,                -- added | dates
    file_count NUMBER(38, 0) NOT NULL,
    row_count NUMBER(38, 0) NOT NULL,
    money_total NUMBER(38, 2),
    min_time TIMESTAMP_NTZ,
    max_time TIMESTAMP_NTZ
);

-- Which dates of which dataset changed in STAGING, and in what order. Marts rebuild a date when its newest
-- change_id is above the one that their rows carry. For user_sessions the date is that of session_start: the old
-- and the new one where a session moved. change_id grows in the order of commits: it is taken under the lock of the step.
CREATE TABLE IF NOT EXISTS ops.date_changes (
    change_id NUMBER(38, 0) NOT NULL,     -- one per flagged batch
    dataset STRING NOT NULL,
    date DATE NOT NULL,
    batch_id STRING NOT NULL,
    changed_at TIMESTAMP_NTZ NOT NULL
);

-- One row per attempt at a step.
CREATE TABLE IF NOT EXISTS ops.step_runs (
    run_id STRING NOT NULL,
    step STRING NOT NULL,                 -- load_batch | flag_quality | reconcile_day | ...
    subject STRING,                       -- batch id or date
    status STRING NOT NULL,               -- succeeded | failed
    row_count NUMBER(38, 0),
    started_at TIMESTAMP_NTZ NOT NULL,
    finished_at TIMESTAMP_NTZ NOT NULL,
    duration_ms NUMBER(38, 0) NOT NULL,
    detail VARIANT
);

-- Quality rules are data (R__10_quality_rules.sql). predicate: a SQL condition over the dataset's staging columns and
--   events    properties_text (the JSON as it came)
--   sessions  has_test_event (TRUE when an event of the session is a test user's)
-- error: TRUE for a BAD row, which stays with is_valid = FALSE. warn: TRUE for a suspicious row. flag: code names the
-- boolean column that the condition fills. NULL counts as FALSE. The predicates run with the owner's rights: only the
-- deployment writes here.
CREATE TABLE IF NOT EXISTS ops.quality_rules (
    dataset STRING NOT NULL,              -- events | sessions | transactions
    code STRING NOT NULL,
    severity STRING NOT NULL,             -- error | warn | flag
    predicate STRING NOT NULL,
    description STRING NOT NULL,
    enabled BOOLEAN NOT NULL DEFAULT TRUE
);

-- One row per kind of work that must not run twice at once: a run updates its row first, in its transaction.
CREATE TABLE IF NOT EXISTS ops.locks (
    name STRING NOT NULL,                 -- load | flag | speed | reconcile
    taken_by STRING,                      -- run_id of the last run that committed
    taken_at TIMESTAMP_NTZ
);

INSERT INTO ops.locks (name)
SELECT names.name
FROM (VALUES ('load'), ('flag'), ('speed'), ('reconcile')) AS names (name)
WHERE names.name NOT IN (SELECT locks.name FROM ops.locks AS locks);

-- One row per finished run of the task graph, written by its finalizer.
CREATE TABLE IF NOT EXISTS ops.graph_runs (
    graph_run_id STRING NOT NULL,
    root_task STRING NOT NULL,
    status STRING NOT NULL,               -- succeeded | failed
    failed_task STRING,
    error_message STRING,
    tasks VARIANT NOT NULL,               -- name, state and times of each task
    started_at TIMESTAMP_NTZ,
    reported_at TIMESTAMP_NTZ NOT NULL
);

-- What the alerts found, one row per firing.
CREATE TABLE IF NOT EXISTS ops.alert_events (
    alert STRING NOT NULL,
    raised_at TIMESTAMP_NTZ NOT NULL,
    detail VARIANT NOT NULL
);
