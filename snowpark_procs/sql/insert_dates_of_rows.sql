-- Binds: change id, dataset, batch or run; change id, dataset.
INSERT INTO ops.date_changes (change_id, dataset, date, batch_id, changed_at)
WITH changed_rows AS (
    &{rows}
),

dates AS (
    SELECT DISTINCT &{time}::DATE AS date
    FROM changed_rows
)

SELECT
    ? AS change_id,
    ? AS dataset,
    dates.date,
    ? AS batch_id,
    CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ AS changed_at
FROM dates
WHERE
    dates.date IS NOT NULL
    AND dates.date NOT IN (SELECT known.date FROM ops.date_changes AS known WHERE known.change_id = ? AND known.dataset = ?)
ORDER BY dates.date
