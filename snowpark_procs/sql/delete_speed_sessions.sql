-- Bind: JSON array of dates.
DELETE FROM recon.speed_sessions
WHERE date IN (SELECT f.value::DATE FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?))) AS f)
