-- Bind: when a batch was published. By table, the snapshot up to which the loaded batches before it go.
SELECT
    datasets.dataset,
    datasets.to_snapshot_id
FROM ops.batch_datasets AS datasets
INNER JOIN ops.batches AS batches
    ON datasets.batch_id = batches.batch_id
WHERE
    batches.mode = 'incremental'
    AND datasets.dataset <> 'user_sessions'
    AND batches.published_at < TO_TIMESTAMP_NTZ(?, 'YYYY-MM-DD HH24:MI:SS.FF6')
QUALIFY ROW_NUMBER() OVER (PARTITION BY datasets.dataset ORDER BY batches.published_at DESC, batches.batch_id DESC) = 1
