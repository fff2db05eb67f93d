SELECT
    COUNT_IF(NOT is_removed) AS row_count,
    COUNT_IF(is_changed AND NOT is_removed) AS changed,
    COUNT_IF(is_removed) AS removed,
    COUNT_IF(NOT is_removed AND NOT is_valid) AS invalid
FROM staging.&{table}_delta
