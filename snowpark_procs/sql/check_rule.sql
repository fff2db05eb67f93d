-- Compiles a predicate against no rows.
SELECT COUNT_IF(&{predicate}) AS bad
FROM (
    SELECT
        present.*,
        &{extras}
    FROM staging.&{table} AS present
    WHERE FALSE
) AS no_rows
