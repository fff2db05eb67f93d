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

{% for alert, comment in [
    ('convergence_slo', 'A day and tier disagree for longer than the SLO'),
    ('not_ready', 'A day waits too long for its data'),
] -%}
CREATE OR ALTER ALERT ops.a_{{ alert }}
    WAREHOUSE = {{ warehouse }}
    SCHEDULE = '60 MINUTE'
    COMMENT = '{{ comment }}'
    IF (EXISTS (
        SELECT 1
        FROM ops.due_alerts
        WHERE alert = '{{ alert }}'
    ))
    THEN
    INSERT INTO ops.alert_events (alert, raised_at, detail)
    SELECT
        alert,
        CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ,
        detail
    FROM ops.due_alerts
    WHERE alert = '{{ alert }}';

{% endfor -%}
ALTER ALERT ops.a_graph_failed RESUME;
ALTER ALERT ops.a_convergence_slo RESUME;
ALTER ALERT ops.a_not_ready RESUME;
