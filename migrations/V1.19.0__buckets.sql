-- Buckets: the extraction fetches the speed layer's rows of those that differ, and the warehouse has the same rows of all others.

-- Which state of STAGING a day's file in the landing (_buckets/<day>.parquet) is of.
CREATE TABLE IF NOT EXISTS recon.bucket_unloads (
    date DATE NOT NULL,
    change_id NUMBER(38, 0) NOT NULL,        -- newest change of the date's sessions in STAGING
    compared STRING NOT NULL,                -- columns that the hash of a row covers
    bucket_count NUMBER(38, 0) NOT NULL,     -- a power of two
    session_count NUMBER(38, 0) NOT NULL,
    unloaded_at TIMESTAMP_NTZ NOT NULL
);

ALTER TABLE recon.speed_sessions ADD COLUMN IF NOT EXISTS
is_batch_row BOOLEAN;                        -- TRUE: its bucket is the same on both sides; what is not compared (the times) is the batch side's

ALTER TABLE recon.speed_extractions ADD COLUMN IF NOT EXISTS
change_id NUMBER(38, 0),                     -- of the buckets it was compared with; NULL: all its rows were read
fetched_rows NUMBER(38, 0);                  -- rows that were read
