-- Binds: metric; tier; first and last date of the new limits (NULL: no end).
-- What the earlier limits of these dates leave before and after them, as rows of their own.
INSERT INTO recon.tolerances (metric, user_tier, valid_from, valid_to, absolute, relative, set_by, set_at)
WITH change AS (
    SELECT
        ?::STRING AS metric,
        ?::STRING AS user_tier,
        TO_DATE(?, 'YYYY-MM-DD') AS first_date,
        TO_DATE(?, 'YYYY-MM-DD') AS last_date
),

held AS (
    SELECT
        tolerances.*,
        change.first_date,
        change.last_date
    FROM recon.tolerances AS tolerances
    INNER JOIN change
        ON tolerances.metric = change.metric AND EQUAL_NULL(tolerances.user_tier, change.user_tier)
    WHERE
        COALESCE(tolerances.valid_to >= change.first_date, TRUE)
        AND COALESCE(tolerances.valid_from <= change.last_date, TRUE)
)

SELECT
    metric,
    user_tier,
    valid_from,
    DATEADD('day', -1, first_date) AS valid_to,
    absolute,
    relative,
    set_by,
    set_at
FROM held
WHERE valid_from < first_date
UNION ALL
SELECT
    metric,
    user_tier,
    DATEADD('day', 1, last_date) AS valid_from,
    valid_to,
    absolute,
    relative,
    set_by,
    set_at
FROM held
WHERE COALESCE(valid_to > last_date, last_date IS NOT NULL)
