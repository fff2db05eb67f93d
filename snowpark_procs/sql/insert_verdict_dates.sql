-- Binds: change id, dataset, batch id; change id, dataset.
INSERT INTO ops.date_changes (change_id, dataset, date, batch_id, changed_at)
SELECT
    ? AS change_id,
    ? AS dataset,
    dates.date,
    ? AS batch_id,
    CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ AS changed_at
FROM (
    SELECT DISTINCT verdicts.timestamp::DATE AS date
    FROM (
        &{verdicts}
    ) AS verdicts
) AS dates
WHERE dates.date NOT IN (SELECT known.date FROM ops.date_changes AS known WHERE known.change_id = ? AND known.dataset = ?)
ORDER BY dates.date
