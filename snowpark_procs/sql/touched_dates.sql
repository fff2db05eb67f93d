-- Bind: batch id.
-- The UTC dates of the batch's rows, and (is_known) of the rows that STAGING has under the same keys: a row may have moved from any date.
-- This is the one statement of the flag step that no date bounds; it reads nothing but keys and times.
WITH brought AS (
    SELECT
        &{canonical_key} AS row_key,
        r.&{time}::DATE AS date
    FROM raw.&{dataset} AS r
    WHERE r.batch_id = ? AND &{delivered}
),

touched AS (
    SELECT
        date,
        FALSE AS is_known
    FROM brought
    UNION
    SELECT
        present.&{time}::DATE AS date,
        TRUE AS is_known
    FROM staging.&{table} AS present
    WHERE present.&{key} IN (SELECT brought.row_key FROM brought)
)

SELECT
    LEAST(GREATEST(date, TO_DATE('0001-01-01', 'YYYY-MM-DD')), TO_DATE('9999-12-31', 'YYYY-MM-DD')) AS date,
    is_known
FROM touched
WHERE date IS NOT NULL
