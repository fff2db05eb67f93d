{%- import 'modules/snowpark_procs/bundle.jinja' as bundle -%}
-- An alert is due while ops.due_alerts has a row of it; the action records that in ops.alert_events, and sends it with the notification
-- integration that the variable names. The alerts are serverless: a warehouse that each check wakes would never sleep.
-- https://docs.snowflake.com/en/user-guide/alerts
CREATE OR REPLACE PROCEDURE ops.raise_alert(alert STRING)
    {{ bundle.python() }}
    HANDLER = 'tell'
    COMMENT = 'Action of the alerts: records what is due, and tells people'
    EXECUTE AS OWNER
AS $$
{{ bundle.prologue('operations') }}
from snowpark_procs.raise_alert import Notification, raise_alert

NOTIFICATION = Notification({{ notification_integration | tojson }}, {{ notification_type | tojson }})


def tell(session, alert):
    return raise_alert(session, NOTIFICATION, alert)
$$;

{% for alert, minutes, comment in [
    ('graph_failed', 15, 'A run of the task graph failed or was cancelled'),
    ('graph_stopped', 60, 'The task graph was suspended after failures, or has not reported for hours'),
    ('convergence_slo', 60, 'A day and tier disagree for longer than the SLO'),
    ('not_ready', 60, 'A day waits too long for its data'),
] -%}
CREATE OR ALTER ALERT ops.a_{{ alert }}
    SCHEDULE = '{{ minutes }} MINUTE'
    COMMENT = '{{ comment }}'
    IF (EXISTS (
        SELECT 1
        FROM ops.due_alerts
        WHERE alert = '{{ alert }}'
    ))
    THEN
    CALL ops.raise_alert('{{ alert }}');

ALTER ALERT ops.a_{{ alert }} RESUME;

{% endfor %}
