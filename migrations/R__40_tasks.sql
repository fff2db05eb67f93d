-- The task graph of the warehouse side, every hour:
--   t_load -> t_flag -> [t_dbt ->] [t_extract ->] t_reconcile, finalizer t_report
--   t_load -> t_load_rest
-- A batch that cannot be loaded keeps none from being flagged that was loaded before it: t_load leaves the failure to t_load_rest, which tries
-- again and fails in its place, while t_flag and its successors go on.
-- t_dbt is there when the variable dbt_project names a DBT PROJECT object; otherwise dbt runs outside (CronJob), and t_reconcile
-- compares the days whose marts are up to date; t_reconcile_apart does the same later in the hour, for marts built outside the
-- graph and for snapshots of the speed layer that arrive without a batch.
-- With dbt_project, t_freshness asks in the same rhythm whether what dbt reads is too old; its failure is the alarm. It is a root of its
-- own without a limit of failures, because three failures would suspend the graph that brings new data.
-- t_extract is there when the variable speed_integration is set.
-- A task is changed only while its root is suspended. Every step is idempotent: the graph may be retried.
USE SCHEMA ops;

ALTER TASK IF EXISTS ops.t_load SUSPEND;
ALTER TASK IF EXISTS ops.t_reconcile_apart SUSPEND;
ALTER TASK IF EXISTS ops.t_freshness SUSPEND;

CREATE OR ALTER TASK ops.t_load
    WAREHOUSE = {{ warehouse }}
    SCHEDULE = 'USING CRON {{ load_schedule }} UTC'
    USER_TASK_TIMEOUT_MS = 3600000
    TIMEZONE = 'UTC', QUERY_TAG = 'pipeline'
    SUSPEND_TASK_AFTER_NUM_FAILURES = 3
    TASK_AUTO_RETRY_ATTEMPTS = 2
    COMMENT = 'Loads every published batch'
AS
CALL ops.load_pending(TRUE);

CREATE OR ALTER TASK ops.t_load_rest
    WAREHOUSE = {{ warehouse }}
    USER_TASK_TIMEOUT_MS = 3600000
    TIMEZONE = 'UTC', QUERY_TAG = 'pipeline'
    COMMENT = 'Fails by the batch at which t_load has stopped after others'
    AFTER ops.t_load
    WHEN SYSTEM$GET_PREDECESSOR_RETURN_VALUE('T_LOAD') = 'FAILED'
AS
CALL ops.load_pending();

CREATE OR ALTER TASK ops.t_flag
    WAREHOUSE = {{ warehouse }}
    USER_TASK_TIMEOUT_MS = 3600000
    TIMEZONE = 'UTC', QUERY_TAG = 'pipeline'
    COMMENT = 'Takes the loaded batches into STAGING, also those whose flagging failed before'
    AFTER ops.t_load
    WHEN SYSTEM$GET_PREDECESSOR_RETURN_VALUE('T_LOAD') != 'EMPTY'
AS
CALL ops.flag_quality();
{% if dbt_project %}
CREATE OR ALTER TASK ops.t_dbt
    WAREHOUSE = {{ warehouse }}
    USER_TASK_TIMEOUT_MS = 3600000
    TIMEZONE = 'UTC', QUERY_TAG = 'pipeline'
    COMMENT = 'Builds the marts inside Snowflake'
    AFTER ops.t_flag
AS
EXECUTE DBT PROJECT {{ dbt_project }} ARGS = 'build --selector hourly --target prod';
{% endif %}
{%- set built = 'ops.t_dbt' if dbt_project else 'ops.t_flag' %}
{%- if speed_integration %}
CREATE OR ALTER TASK ops.t_extract
    WAREHOUSE = {{ warehouse }}
    USER_TASK_TIMEOUT_MS = 3600000
    TIMEZONE = 'UTC', QUERY_TAG = 'pipeline'
    COMMENT = 'Takes the snapshot of yesterday from the speed layer, where that has changed'
    AFTER {{ built }}
AS
CALL recon.extract_speed_layer(DATEADD('day', -1, CURRENT_DATE()));
{% endif %}
CREATE OR ALTER TASK ops.t_reconcile
    WAREHOUSE = {{ warehouse }}
    USER_TASK_TIMEOUT_MS = 3600000
    TIMEZONE = 'UTC', QUERY_TAG = 'pipeline'
    COMMENT = 'Compares the days whose marts are up to date'
    AFTER {{ 'ops.t_extract' if speed_integration else built }}
AS
CALL recon.reconcile_pending();
-- What an emptied variable leaves without successors.
{% for task, variable in [('t_extract', speed_integration), ('t_dbt', dbt_project)] if not variable -%}
DROP TASK IF EXISTS ops.{{ task }};
{% endfor %}
CREATE OR ALTER TASK ops.t_report
    WAREHOUSE = {{ warehouse }}
    USER_TASK_TIMEOUT_MS = 600000
    TIMEZONE = 'UTC', QUERY_TAG = 'pipeline'
    COMMENT = 'Writes down how the graph went'
    FINALIZE = t_load
AS
CALL ops.report_run();

CREATE OR ALTER TASK ops.t_reconcile_apart
    WAREHOUSE = {{ warehouse }}
    SCHEDULE = 'USING CRON {{ reconcile_schedule }} UTC'
    USER_TASK_TIMEOUT_MS = 3600000
    TIMEZONE = 'UTC', QUERY_TAG = 'pipeline'
    SUSPEND_TASK_AFTER_NUM_FAILURES = 3
    COMMENT = 'Compares the days whose marts were built outside the graph'
AS
CALL recon.reconcile_pending();

-- Whether the function resumes a finalizer is not documented.
ALTER TASK ops.t_report RESUME;
SELECT SYSTEM$TASK_DEPENDENTS_ENABLE('ops.t_load');
ALTER TASK ops.t_reconcile_apart RESUME;
{% if dbt_project %}
-- dbt Projects on Snowflake support this command on objects with a live version:
-- https://docs.snowflake.com/en/user-guide/data-engineering/dbt-projects-on-snowflake-supported-commands
CREATE OR ALTER TASK ops.t_freshness
    WAREHOUSE = {{ warehouse }}
    SCHEDULE = 'USING CRON {{ reconcile_schedule }} UTC'
    USER_TASK_TIMEOUT_MS = 600000
    TIMEZONE = 'UTC', QUERY_TAG = 'pipeline'
    SUSPEND_TASK_AFTER_NUM_FAILURES = 0
    COMMENT = 'Fails while what dbt reads is too old'
AS
EXECUTE DBT PROJECT {{ dbt_project }} ARGS = 'source freshness --target prod';

ALTER TASK ops.t_freshness RESUME;
{% else %}
DROP TASK IF EXISTS ops.t_freshness;
{% endif %}
