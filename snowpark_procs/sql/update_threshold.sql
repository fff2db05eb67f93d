UPDATE ops.quality_thresholds
SET value = ?
WHERE name = ?
