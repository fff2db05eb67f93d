-- Binds: JSON array of the dates that the batch holds as a whole; JSON array of batches that come after it.
-- Such a batch also holds all rows without a time, which are of no date.
INSERT INTO staging.&{table}_delta (&{key_columns}, is_changed, is_removed, previous_date&{previous_columns})
SELECT
    &{present_keys},
    TRUE AS is_changed,
    TRUE AS is_removed,
    present.&{time}::DATE AS previous_date&{present_columns}
FROM staging.&{table} AS present
LEFT JOIN staging.&{table}_delta AS delta
    ON &{match}
WHERE
    delta.batch_id IS NULL
    AND &{near}
    AND (
        present.&{time} IS NULL
        OR present.&{time}::DATE IN (SELECT TO_DATE(f.value::STRING, 'YYYY-MM-DD') FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?))) AS f)
    )
    AND present.batch_id NOT IN (SELECT f.value::STRING FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?))) AS f)
