{% import 'modules/snowpark_procs/bundle.jinja' as bundle -%}
-- Procedures that compare the speed layer with the marts.
CREATE OR REPLACE PROCEDURE recon.load_speed_snapshot(date DATE)
    {{ bundle.python() }}
    HANDLER = 'load_speed_snapshot'
    COMMENT = 'Loads the newest snapshot of one UTC day of the speed layer: CALL recon.load_speed_snapshot(''2024-01-15'')'
    EXECUTE AS OWNER
AS $$
{{ bundle.prologue('landing', 'speed_layer', 'snapshots') }}
from snowpark_procs.load_speed_snapshot import load_speed_snapshot
$$;

CREATE OR REPLACE PROCEDURE recon.reconcile_day(date DATE, tolerances VARIANT DEFAULT NULL)
    {{ bundle.python() }}
    HANDLER = 'reconcile_day'
    COMMENT = 'Compares one UTC day of the speed layer with the marts: CALL recon.reconcile_day(''2024-01-15''), or with limits of your own, kept apart: CALL recon.reconcile_day(''2024-01-15'', PARSE_JSON(''{"revenue": {"relative": 0.01}}''))'
    EXECUTE AS OWNER
AS $$
{{ bundle.prologue('landing', 'speed_layer', 'snapshots', 'tolerances', 'comparing') }}
from snowpark_procs.reconcile_days import reconcile_day
$$;

CREATE OR REPLACE PROCEDURE recon.reconcile_range(from_date DATE DEFAULT NULL, to_date DATE DEFAULT NULL)
    {{ bundle.python() }}
    HANDLER = 'reconcile_range'
    COMMENT = 'Compares every day of a range, without bounds every day that is known: CALL recon.reconcile_range(''2024-01-15'', ''2024-01-21'')'
    EXECUTE AS OWNER
AS $$
{{ bundle.prologue('landing', 'speed_layer', 'snapshots', 'tolerances', 'comparing') }}
from snowpark_procs.reconcile_days import reconcile_range
$$;

CREATE OR REPLACE PROCEDURE recon.reconcile_pending()
    {{ bundle.python() }}
    HANDLER = 'reconcile_pending'
    COMMENT = 'Compares every known day whose inputs changed, for tasks: CALL recon.reconcile_pending()'
    EXECUTE AS OWNER
AS $$
{{ bundle.prologue('landing', 'speed_layer', 'snapshots', 'tolerances', 'comparing') }}
from snowpark_procs.reconcile_days import reconcile_pending
$$;

CREATE OR REPLACE PROCEDURE recon.set_tolerance(
    metric STRING,
    absolute NUMBER(38, 6),
    relative NUMBER(18, 9),
    user_tier STRING DEFAULT '*',
    valid_from DATE DEFAULT NULL,
    valid_to DATE DEFAULT NULL
)
    {{ bundle.python() }}
    HANDLER = 'set_tolerance'
    COMMENT = 'Sets the limits of a metric; one percent of revenue from 2024 on: CALL recon.set_tolerance(''revenue'', 0, 0.01, ''*'', ''2024-01-01'')'
    EXECUTE AS OWNER
AS $$
{{ bundle.prologue('tolerances') }}
from snowpark_procs.tolerances import set_tolerance
$$;

CREATE OR REPLACE PROCEDURE recon.explain(date DATE, user_tier STRING DEFAULT '*', metric STRING DEFAULT '*')
    {{ bundle.python() }}
    HANDLER = 'explain'
    COMMENT = 'Says which sessions make up a day''s differences, and why: CALL recon.explain(''2024-01-15''), or of one cell: CALL recon.explain(''2024-01-15'', ''gold'', ''revenue''); then SELECT * FROM recon.explanations'
    EXECUTE AS OWNER
AS $$
{{ bundle.prologue('landing', 'speed_layer', 'snapshots', 'comparing') }}
from snowpark_procs.explain import explain
$$;

CREATE OR REPLACE PROCEDURE recon.unload_buckets()
    {{ bundle.python() }}
    HANDLER = 'unload_buckets'
    COMMENT = 'Unloads what the batch side''s days come to, bucket by bucket, so that the extraction fetches only rows that differ: CALL recon.unload_buckets()'
    EXECUTE AS OWNER
AS $$
{{ bundle.prologue('speed_layer', 'snapshots') }}
from snowpark_procs.unload_buckets import unload_buckets
$$;
