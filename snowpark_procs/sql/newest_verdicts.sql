-- Binds: JSON array of dates; whether the runs with limits of one CALL are meant.
SELECT
    TO_CHAR(runs.date, 'YYYY-MM-DD') AS date,
    runs.run_id,
    runs.extraction_id,
    runs.verdict,
    runs.waits_for,
    TO_CHAR(runs.compared_at, 'YYYY-MM-DD HH24:MI:SS.FF6') AS compared_at,
    runs.matching + runs.within_tolerance + runs.out_of_tolerance + runs.missing_in_batch + runs.missing_in_speed AS cells,
    runs.out_of_tolerance + runs.missing_in_batch + runs.missing_in_speed AS bad_cells
FROM recon.runs AS runs
INNER JOIN (
    SELECT TO_DATE(f.value::STRING, 'YYYY-MM-DD') AS date
    FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?))) AS f
) AS asked
    ON runs.date = asked.date
WHERE COALESCE(runs.is_override, FALSE) = ?
QUALIFY ROW_NUMBER() OVER (PARTITION BY runs.date ORDER BY runs.compared_at DESC, runs.run_id DESC) = 1
ORDER BY runs.date
