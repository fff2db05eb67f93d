SELECT
    'flag_quality',
    COUNT(*)
FROM ops.batches
WHERE flagged_at IS NULL
