-- Bind: batch id.
SELECT dataset, scope
FROM ops.batch_datasets
WHERE batch_id = ?
