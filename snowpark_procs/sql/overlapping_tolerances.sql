-- Bind: JSON array of dates. Limits of one metric and tier that are both for one of these dates.
WITH asked AS (
    SELECT TO_DATE(f.value::STRING, 'YYYY-MM-DD') AS date
    FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?))) AS f
)

SELECT
    asked.date,
    tolerances.metric,
    tolerances.user_tier,
    LISTAGG(
        tolerances.absolute || ' or ' || tolerances.relative * 100 || ' % from '
        || TO_CHAR(tolerances.valid_from, 'YYYY-MM-DD'),
        '; '
    ) WITHIN GROUP (ORDER BY tolerances.valid_from, tolerances.absolute, tolerances.relative) AS limits
FROM recon.tolerances AS tolerances
INNER JOIN asked
    ON
        tolerances.valid_from <= asked.date
        AND COALESCE(tolerances.valid_to, TO_DATE('9999-12-31', 'YYYY-MM-DD')) >= asked.date
GROUP BY asked.date, tolerances.metric, tolerances.user_tier
HAVING COUNT(*) > 1
ORDER BY asked.date, tolerances.metric, tolerances.user_tier
LIMIT 1
