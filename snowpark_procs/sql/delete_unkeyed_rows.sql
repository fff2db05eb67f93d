-- Binds: JSON array of the dates that the batch holds as a whole; JSON array of batches that come after it.
-- Rows without a key cannot be matched by the merge. The batch also holds all rows without a time, which are of no date.
DELETE FROM staging.&{table}
WHERE
    &{key} IS NULL
    AND &{near}
    AND (
        &{time} IS NULL
        OR &{time}::DATE IN (SELECT TO_DATE(f.value::STRING, 'YYYY-MM-DD') FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?))) AS f)
    )
    AND batch_id NOT IN (SELECT f.value::STRING FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?))) AS f)
