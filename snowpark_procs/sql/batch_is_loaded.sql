-- Bind: batch id.
SELECT COUNT(*) AS loaded
FROM ops.batches
WHERE batch_id = ?
