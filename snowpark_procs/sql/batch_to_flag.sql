-- Bind: batch id.
SELECT flagged_at IS NOT NULL AS is_flagged
FROM ops.batches
WHERE batch_id = ?
