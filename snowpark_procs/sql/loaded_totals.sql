-- Bind: batch id. Times as text: the years 1 to 9999 must survive every client.
SELECT
    COUNT(*) AS row_count,
    SUM(&{money}) AS money_total,
    TO_CHAR(MIN(&{time}), 'YYYY-MM-DD HH24:MI:SS.FF6') AS min_time,
    TO_CHAR(MAX(&{time}), 'YYYY-MM-DD HH24:MI:SS.FF6') AS max_time
FROM raw.&{table}
WHERE batch_id = ?
