UPDATE ops.quality_rules
SET enabled = ?
WHERE dataset = ? AND code = ?
