-- Bind: JSON array of dates.
DELETE FROM recon.speed_sessions
WHERE date IN (SELECT TO_DATE(f.value::STRING, 'YYYY-MM-DD') FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?))) AS f)
