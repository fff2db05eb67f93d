-- Bind: JSON array of dates. Times as text: the years 1 to 9999 must survive every client.
SELECT
    TO_CHAR(date, 'YYYY-MM-DD') AS date,
    extraction_id,
    COUNT(*) AS row_count,
    COUNT(session_id) + COUNT(session_start) + COUNT(page_views) AS matched,
    COALESCE(SUM(total_spent), 0) AS money_total,
    TO_CHAR(MIN(session_start), 'YYYY-MM-DD HH24:MI:SS.FF6') AS min_time,
    TO_CHAR(MAX(session_start), 'YYYY-MM-DD HH24:MI:SS.FF6') AS max_time
FROM recon.speed_sessions
WHERE date IN (SELECT TO_DATE(f.value::STRING, 'YYYY-MM-DD') FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?))) AS f)
GROUP BY date, extraction_id
