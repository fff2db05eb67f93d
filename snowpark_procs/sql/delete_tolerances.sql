-- Binds: metric; tier; first and last date (NULL: no end). What follows split_tolerances: only rows that reach into these dates.
DELETE FROM recon.tolerances
USING (
    SELECT
        ?::STRING AS metric,
        ?::STRING AS user_tier,
        TO_DATE(?, 'YYYY-MM-DD') AS first_date,
        TO_DATE(?, 'YYYY-MM-DD') AS last_date
) AS change
WHERE
    tolerances.metric = change.metric
    AND EQUAL_NULL(tolerances.user_tier, change.user_tier)
    AND COALESCE(tolerances.valid_to >= change.first_date, TRUE)
    AND COALESCE(tolerances.valid_from <= change.last_date, TRUE)
