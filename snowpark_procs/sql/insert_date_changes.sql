-- Binds: change id, dataset, batch id.
INSERT INTO ops.date_changes (change_id, dataset, date, batch_id, changed_at)
SELECT
    ? AS change_id,
    ? AS dataset,
    dates.date,
    ? AS batch_id,
    CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ AS changed_at
FROM (
    SELECT previous_date AS date
    FROM staging.&{table}_delta
    WHERE is_changed
    UNION
    SELECT &{time}::DATE AS date
    FROM staging.&{table}_delta
    WHERE is_changed AND NOT is_removed
) AS dates
WHERE dates.date IS NOT NULL
ORDER BY dates.date
