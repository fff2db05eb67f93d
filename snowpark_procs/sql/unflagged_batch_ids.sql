SELECT batch_id
FROM ops.batches
WHERE flagged_at IS NULL
ORDER BY published_at, batch_id
