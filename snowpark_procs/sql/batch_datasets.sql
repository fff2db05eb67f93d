-- Bind: batch id.
SELECT dataset, scope, row_count, min_time::DATE AS first_date, max_time::DATE AS last_date
FROM ops.batch_datasets
WHERE batch_id = ?
