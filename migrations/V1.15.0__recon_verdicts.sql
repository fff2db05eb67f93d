-- What is compared, within which limits, and when a day is ready to be judged: all of it is data.

-- One row per metric. It is also the name of a column of marts.daily_speed_comparable, in which the batch side has it.
-- expression: what one session brings, over the columns that recon.speed_sessions and staging.user_sessions_enhanced share; its sum, or
-- the number of its distinct values, is the metric. It runs with the owner's rights: only the deployment writes here.
CREATE TABLE IF NOT EXISTS recon.metrics (
    metric STRING NOT NULL,
    aggregate STRING NOT NULL,            -- sum | count_distinct
    expression STRING NOT NULL,
    unit STRING NOT NULL,                 -- a word for people, as 'sessions' or 'money'
    description STRING NOT NULL,
    position NUMBER(38, 0) NOT NULL       -- in which order reports show it
);

-- Numbers that the comparison goes by. The deployment adds what is missing and leaves a value as an operator has set it.
CREATE TABLE IF NOT EXISTS recon.settings (
    name STRING NOT NULL,
    value NUMBER(38, 6) NOT NULL,
    description STRING NOT NULL
);

-- Limits get dates of effect, and may be of one tier. recon.set_tolerance writes them, nobody else.
-- user_tier: '*' for every tier without a limit of its own; NULL for sessions without a tier.
ALTER TABLE recon.tolerances ADD COLUMN IF NOT EXISTS
user_tier STRING,
valid_from DATE,                          -- the first UTC date that the limits are for
valid_to DATE,                            -- the last one; NULL: no end
set_by STRING,
set_at TIMESTAMP_NTZ;

UPDATE recon.tolerances
SET user_tier = '*', valid_from = TO_DATE('0001-01-01', 'YYYY-MM-DD')
WHERE valid_from IS NULL;

-- How a run came out, what it waited for, and what identified both sides.
-- waits_for: why the day is not ready, as codes and batches; NULL where it is ready.
ALTER TABLE recon.runs ADD COLUMN IF NOT EXISTS
waits_for STRING,
not_measured STRING,                      -- metrics that the speed layer has no column for: no cells of the run
is_override BOOLEAN,                      -- TRUE: with limits of one CALL; no verdict of the day, no part of its convergence
matching NUMBER(38, 0),
within_tolerance NUMBER(38, 0),
out_of_tolerance NUMBER(38, 0),
missing_in_batch NUMBER(38, 0),
missing_in_speed NUMBER(38, 0),
extracted_at TIMESTAMP_NTZ,               -- of the snapshot compared with
speed_rows NUMBER(38, 0),
batch_digest STRING;                      -- MD5 of the rows of marts.daily_speed_comparable that were compared

UPDATE recon.runs
SET
    is_override = FALSE,
    matching = COALESCE(counted.matching, 0),
    within_tolerance = COALESCE(counted.within_tolerance, 0),
    out_of_tolerance = COALESCE(counted.out_of_tolerance, 0),
    missing_in_batch = COALESCE(counted.missing_in_batch, 0),
    missing_in_speed = COALESCE(counted.missing_in_speed, 0)
FROM (
    SELECT
        earlier.run_id,
        COUNT_IF(results.status = 'match') AS matching,
        COUNT_IF(results.status = 'within_tolerance') AS within_tolerance,
        COUNT_IF(results.status = 'out_of_tolerance') AS out_of_tolerance,
        COUNT_IF(results.status = 'missing_in_batch') AS missing_in_batch,
        COUNT_IF(results.status = 'missing_in_speed') AS missing_in_speed
    FROM recon.runs AS earlier
    LEFT JOIN recon.results AS results
        ON earlier.run_id = results.run_id
    GROUP BY earlier.run_id
) AS counted
WHERE runs.run_id = counted.run_id AND runs.matching IS NULL;

-- The limits that were used, and what the batch side leaves out.
ALTER TABLE recon.results ADD COLUMN IF NOT EXISTS
absolute_tolerance NUMBER(38, 6),
relative_tolerance NUMBER(18, 9),
invalid_value NUMBER(38, 6);              -- the metric over the batch side's sessions that are not valid

-- Work table of a comparison: what one statement found, so that results and runs are written from one evaluation. One row per cell, and for
-- a date without cells one row without a metric. Filled and emptied in the transaction of the comparison, so always empty to others.
CREATE TRANSIENT TABLE IF NOT EXISTS recon.comparison (
    run_id STRING,
    date DATE,
    extraction_id STRING,
    extracted_at TIMESTAMP_NTZ,
    speed_rows NUMBER(38, 0),
    change_id NUMBER(38, 0),
    batch_digest STRING,
    inputs_digest STRING,
    waits_for STRING,
    not_measured STRING,
    user_tier STRING,
    metric STRING,
    speed_value NUMBER(38, 6),
    batch_value NUMBER(38, 6),
    invalid_value NUMBER(38, 6),
    absolute_tolerance NUMBER(38, 6),
    relative_tolerance NUMBER(18, 9),
    difference NUMBER(38, 6),
    relative_difference NUMBER(38, 9),
    status STRING
);

-- It takes limits of its own from now on (R__21_procedures_recon.sql).
DROP PROCEDURE IF EXISTS recon.reconcile_day(DATE);
