-- Binds: batch id, dataset, handling, scope, files, bytes, first and last snapshot, rows, money, earliest time, latest time.
INSERT INTO ops.batch_datasets (
    batch_id, dataset, handling, scope, file_count, byte_count, from_snapshot_id, to_snapshot_id, row_count, money_total, min_time,
    max_time
)
SELECT
    ?,
    ?,
    ?,
    ?,
    ?,
    ?,
    ?,
    ?,
    ?,
    ?::NUMBER(38, 2),
    TO_TIMESTAMP_NTZ(?, 'YYYY-MM-DD HH24:MI:SS.FF6'),
    TO_TIMESTAMP_NTZ(?, 'YYYY-MM-DD HH24:MI:SS.FF6')
