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
    COMMENT = 'A day disagrees for longer than {{ convergence_slo_hours }} hours'
    IF (EXISTS (
        SELECT 1
        FROM recon.convergence
        WHERE
            state = 'stuck'
            AND date NOT IN (
                SELECT detail:date::DATE FROM ops.alert_events WHERE alert = 'convergence_slo'
            )
    ))
    THEN
    INSERT INTO ops.alert_events (alert, raised_at, detail)
    SELECT
        'convergence_slo',
        CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ,
        OBJECT_CONSTRUCT('date', date::STRING, 'bad_cells', bad_cells, 'age_hours', age_hours)
    FROM recon.convergence
    WHERE
        state = 'stuck'
        AND date NOT IN (SELECT detail:date::DATE FROM ops.alert_events WHERE alert = 'convergence_slo');

ALTER ALERT ops.a_graph_failed RESUME;
ALTER ALERT ops.a_convergence_slo RESUME;
