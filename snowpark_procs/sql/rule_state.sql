SELECT
    enabled,
    COALESCE(withdrawn, FALSE) AS withdrawn
FROM ops.quality_rules
WHERE dataset = ? AND code = ?
