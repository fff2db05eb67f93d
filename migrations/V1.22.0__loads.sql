-- What a load reads, writes and remembers.

-- RAW is read by batch: a load writes partitions of its batch alone, and these are found by it. Sorting them by date, as the automatic clustering
-- did, mixed batches, and cost credits for an order that nothing asks for.
-- https://docs.snowflake.com/en/user-guide/tables-clustering-keys
ALTER TABLE raw.user_events DROP CLUSTERING KEY;
ALTER TABLE raw.transactions DROP CLUSTERING KEY;
ALTER TABLE raw.user_sessions DROP CLUSTERING KEY;

-- As which the columns of a batch's files are looked at before they are loaded.
CREATE FILE FORMAT IF NOT EXISTS ops.batch_files TYPE = PARQUET USE_LOGICAL_TYPE = TRUE;

ALTER TABLE ops.batches ADD COLUMN IF NOT EXISTS
load_seconds NUMBER(18, 3),              -- from the call to the end of the load
code_version STRING;                     -- hash of the code that loaded it; NULL: from before it was told

ALTER TABLE ops.batch_datasets ADD COLUMN IF NOT EXISTS
byte_count NUMBER(38, 0),                -- of the files
from_snapshot_id STRING,                 -- of the lake's table: the batch starts after it; NULL: at the table's beginning, or a dataset of no table
to_snapshot_id STRING;                   -- and reaches this one

UPDATE ops.batch_datasets
SET
    byte_count = told.byte_count,
    from_snapshot_id = told.from_snapshot_id,
    to_snapshot_id = told.to_snapshot_id
FROM (
    SELECT
        batches.batch_id,
        datasets.key AS dataset,
        GET(GET(batches.manifest:tables, datasets.key), 'from_snapshot_id')::STRING AS from_snapshot_id,
        GET(GET(batches.manifest:tables, datasets.key), 'to_snapshot_id')::STRING AS to_snapshot_id,
        COALESCE(SUM(files.value:bytes::NUMBER(38, 0)), 0) AS byte_count
    FROM
        ops.batches AS batches,
        LATERAL FLATTEN(INPUT => batches.manifest:datasets) AS datasets,
        LATERAL FLATTEN(INPUT => datasets.value:files, OUTER => TRUE) AS files
    GROUP BY 1, 2, 3, 4
) AS told
WHERE batch_datasets.batch_id = told.batch_id AND batch_datasets.dataset = told.dataset;

-- ops.load_pending takes an argument now.
DROP PROCEDURE IF EXISTS ops.load_pending();
