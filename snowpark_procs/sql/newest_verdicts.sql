-- Bind: JSON array of dates.
WITH newest AS (
    SELECT
        r.date,
        r.run_id,
        r.extraction_id,
        r.verdict,
        r.compared_at
    FROM recon.runs AS r
    INNER JOIN (
        SELECT f.value::DATE AS date
        FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?))) AS f
    ) AS asked
        ON r.date = asked.date
    QUALIFY ROW_NUMBER() OVER (PARTITION BY r.date ORDER BY r.compared_at DESC, r.run_id DESC) = 1
)

SELECT
    newest.date::STRING AS date,
    newest.run_id,
    newest.extraction_id,
    newest.verdict,
    TO_CHAR(newest.compared_at, 'YYYY-MM-DD HH24:MI:SS.FF6') AS compared_at,
    COUNT(results.status) AS cells,
    COUNT_IF(results.status NOT IN ('match', 'within_tolerance')) AS bad_cells
FROM newest
LEFT JOIN recon.results AS results ON newest.run_id = results.run_id
GROUP BY newest.date, newest.run_id, newest.extraction_id, newest.verdict, newest.compared_at
ORDER BY newest.date
