SELECT COUNT(*) AS row_count
FROM (
    &{rows}
) AS counted
