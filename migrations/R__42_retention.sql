{% import 'modules/snowpark_procs/bundle.jinja' as bundle -%}
-- How long RAW keeps the rows of a batch that is in STAGING (variable raw_retention_days; 0: for ever).
ALTER TASK IF EXISTS ops.t_purge SUSPEND;

CREATE OR REPLACE PROCEDURE ops.purge_raw(keep_days NUMBER(38, 0))
    {{ bundle.python() }}
    HANDLER = 'purge_raw'
    COMMENT = 'Deletes the rows of RAW whose batches were flagged more than so many days ago: CALL ops.purge_raw(90)'
    EXECUTE AS OWNER
AS $$
{{ bundle.prologue('operations') }}
from snowpark_procs.purge_raw import purge_raw
$$;
{% if raw_retention_days | int %}
CREATE OR ALTER TASK ops.t_purge
    WAREHOUSE = {{ warehouse }}
    SCHEDULE = 'USING CRON 7 3 * * * UTC'
    USER_TASK_TIMEOUT_MS = 3600000
    TIMEZONE = 'UTC', QUERY_TAG = 'pipeline'
    COMMENT = 'Deletes what RAW need not keep'
AS
CALL ops.purge_raw({{ raw_retention_days | int }});

ALTER TASK ops.t_purge RESUME;
{% else %}
DROP TASK IF EXISTS ops.t_purge;
{% endif %}
