SELECT dataset, code, severity, predicate
FROM ops.quality_rules
WHERE enabled
ORDER BY dataset, code
