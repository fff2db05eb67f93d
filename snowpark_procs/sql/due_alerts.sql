-- Bind: alert.
SELECT
    CURRENT_DATABASE() AS database_name,
    TO_JSON(detail) AS detail
FROM ops.due_alerts
WHERE alert = ?
ORDER BY began_at, detail
