-- Bind: batch id.
UPDATE ops.batches
SET flagged_at = CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ
WHERE batch_id = ?
