SELECT
    rules.dataset,
    rules.code,
    rules.found / NULLIF(rules.staged_rows, 0)
FROM ops.quality_summary AS rules
WHERE rules.severity = 'error'
