-- Bind: alert.
INSERT INTO ops.alert_events (alert, raised_at, detail)
SELECT
    alert,
    CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ AS raised_at,
    detail
FROM ops.due_alerts
WHERE alert = ?
