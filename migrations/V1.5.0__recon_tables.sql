-- RECON: snapshots of the speed layer, every comparison ever made, and the tolerances (data, not code).

-- One row per snapshot of one UTC day of the speed layer's sessions. extraction_id comes of the day and the content: when
-- the content goes back to an earlier state, that snapshot's row is replaced, with the newer extracted_at. A day's current
-- snapshot is the one with the greatest extracted_at.
CREATE TABLE IF NOT EXISTS recon.speed_extractions (
    extraction_id STRING NOT NULL,
    date DATE NOT NULL,
    extracted_at TIMESTAMP_NTZ NOT NULL,
    row_count NUMBER(38, 0) NOT NULL,
    non_uuid_ids NUMBER(38, 0) NOT NULL,  -- identifiers that are no UUID in any form: kept as they came, counted
    loaded_at TIMESTAMP_NTZ NOT NULL
);

-- The rows of the newest snapshot of each day, as the speed layer had them (a session may occur more than once).
CREATE TABLE IF NOT EXISTS recon.speed_sessions (
    extraction_id STRING,
    date DATE,
    session_id STRING,
    user_id STRING,
    user_tier STRING,
    session_start TIMESTAMP_NTZ,
    session_end TIMESTAMP_NTZ,
    page_views NUMBER(38, 0),
    product_views NUMBER(38, 0),
    searches NUMBER(38, 0),
    add_to_cart_events NUMBER(38, 0),
    purchases NUMBER(38, 0),
    total_spent NUMBER(38, 2),
    loaded_at TIMESTAMP_NTZ,
    file_name STRING
)
CLUSTER BY (date, user_tier);

CREATE TABLE IF NOT EXISTS recon.tolerances (
    metric STRING NOT NULL,               -- sessions | page_views | purchases | revenue
    absolute NUMBER(38, 6) NOT NULL,
    relative NUMBER(18, 9) NOT NULL       -- 0.05 is five percent; within either limit is within tolerance
);

CREATE TABLE IF NOT EXISTS recon.runs (
    run_id STRING NOT NULL,
    date DATE NOT NULL,
    extraction_id STRING,                 -- NULL: there was no speed-layer snapshot to compare with
    change_id NUMBER(38, 0),              -- newest staging change of the date that the marts had been built from
    inputs_digest STRING NOT NULL,        -- MD5 of all that was compared: the same as the date's newest run's, no new run
    verdict STRING NOT NULL,              -- agree | within_tolerance | disagree | nothing_to_compare
    compared_at TIMESTAMP_NTZ NOT NULL
);

CREATE TABLE IF NOT EXISTS recon.results (
    run_id STRING NOT NULL,
    date DATE NOT NULL,
    user_tier STRING,                     -- NULL is a group like any other
    metric STRING NOT NULL,
    speed_value NUMBER(38, 6),
    batch_value NUMBER(38, 6),
    difference NUMBER(38, 6),             -- speed - batch; a missing side counts as zero
    relative_difference NUMBER(38, 9),    -- |difference| / |batch|; NULL when the batch value is zero or missing
    status STRING NOT NULL,               -- match | within_tolerance | out_of_tolerance | missing_in_batch | missing_in_speed
    compared_at TIMESTAMP_NTZ NOT NULL
);
