-- What an explanation depends on beside its run, so that it is renewed when that changes; and which columns buckets did not compare.

-- inputs_digest: MD5 of the snapshots of all dates, the state of STAGING, the batches on their way and the allowed lateness.
CREATE TABLE IF NOT EXISTS recon.explained_runs (
    run_id STRING NOT NULL,
    inputs_digest STRING NOT NULL,
    has_late BOOLEAN NOT NULL,               -- a session was late, which is lost some time later
    explained_at TIMESTAMP_NTZ NOT NULL
);

ALTER TABLE recon.speed_extractions ADD COLUMN IF NOT EXISTS
uncompared_columns ARRAY;                    -- columns that buckets did not compare: rows that were not read have the batch side's; NULL: all rows were read

-- Until now the times were left out of what is compared, unless a metric went by them.
UPDATE recon.speed_extractions
SET uncompared_columns = assumed.columns
FROM (
    SELECT
        extractions.extraction_id,
        ARRAY_COMPACT(ARRAY_CONSTRUCT(
            IFF(CONTAINS(unloads.compared, 'session_start'), NULL, 'session_start'),
            IFF(CONTAINS(unloads.compared, 'session_end'), NULL, 'session_end')
        )) AS columns
    FROM recon.speed_extractions AS extractions
    LEFT JOIN recon.bucket_unloads AS unloads
        ON extractions.date = unloads.date AND extractions.change_id = unloads.change_id
) AS assumed
WHERE speed_extractions.extraction_id = assumed.extraction_id AND speed_extractions.change_id IS NOT NULL;
