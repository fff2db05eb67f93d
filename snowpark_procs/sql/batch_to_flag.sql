-- Bind: batch id.
SELECT
    flagged_at IS NOT NULL AS is_flagged,
    TO_JSON(manifest:affected_dates) AS affected_dates
FROM ops.batches
WHERE batch_id = ?
