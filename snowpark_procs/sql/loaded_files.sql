-- Bind: batch id.
SELECT
    file_name,
    COUNT(*) AS row_count
FROM raw.&{table}
WHERE batch_id = ?
GROUP BY file_name
