-- What raises an alert is a row in ops.alert_events; a notification integration of the account can be added to the actions.
CREATE OR ALTER ALERT ops.a_graph_failed
    WAREHOUSE = {{ warehouse }}
    SCHEDULE = '15 MINUTE'
    COMMENT = 'A run of the task graph failed'
    IF (EXISTS (
        SELECT 1
        FROM ops.graph_runs
        WHERE
            status = 'failed'
            AND reported_at > COALESCE(
                (SELECT MAX(raised_at) FROM ops.alert_events WHERE alert = 'graph_failed'),
                '1970-01-01'::TIMESTAMP_NTZ
            )
    ))
    THEN
    INSERT INTO ops.alert_events (alert, raised_at, detail)
    SELECT
        'graph_failed',
        CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ,
        OBJECT_CONSTRUCT('failed_task', failed_task, 'error_message', error_message)
    FROM ops.graph_runs
    WHERE status = 'failed'
    QUALIFY ROW_NUMBER() OVER (ORDER BY reported_at DESC) = 1;

CREATE OR ALTER ALERT ops.a_convergence_slo
    WAREHOUSE = {{ warehouse }}
    SCHEDULE = '60 MINUTE'
    COMMENT = 'A day and tier disagree for longer than the SLO'
    IF (EXISTS (
        SELECT 1
        FROM ops.due_alerts
        WHERE alert = 'convergence_slo'
    ))
    THEN
    INSERT INTO ops.alert_events (alert, raised_at, detail)
    SELECT
        alert,
        CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ,
        detail
    FROM ops.due_alerts
    WHERE alert = 'convergence_slo';

CREATE OR ALTER ALERT ops.a_not_ready
    WAREHOUSE = {{ warehouse }}
    SCHEDULE = '60 MINUTE'
    COMMENT = 'A day waits too long for its data'
    IF (EXISTS (
        SELECT 1
        FROM ops.due_alerts
        WHERE alert = 'not_ready'
    ))
    THEN
    INSERT INTO ops.alert_events (alert, raised_at, detail)
    SELECT
        alert,
        CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ,
        detail
    FROM ops.due_alerts
    WHERE alert = 'not_ready';

ALTER ALERT ops.a_graph_failed RESUME;
ALTER ALERT ops.a_convergence_slo RESUME;
ALTER ALERT ops.a_not_ready RESUME;
