-- Bind: change id.
SELECT COUNT(DISTINCT date) AS dates
FROM ops.date_changes
WHERE change_id = ?
