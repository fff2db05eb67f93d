-- Dates that the mart has or that a snapshot was loaded for.
SELECT TO_CHAR(date, 'YYYY-MM-DD') AS date
FROM marts.daily_speed_comparable
UNION
SELECT TO_CHAR(date, 'YYYY-MM-DD') AS date
FROM recon.speed_extractions
ORDER BY date
