{% import 'modules/snowpark_procs/bundle.jinja' as bundle -%}
-- Procedures that take a published batch from the landing through RAW to STAGING.
-- The Python code is the package snowpark_procs, carried inside each definition.
CREATE OR REPLACE PROCEDURE ops.load_batch(batch_id STRING)
    {{ bundle.python() }}
    HANDLER = 'load_batch'
    COMMENT = 'Loads one published batch into RAW, checked against its manifest, or nothing'
    EXECUTE AS OWNER
AS $$
{{ bundle.prologue('landing', 'loading') }}
from snowpark_procs.load_batch import load_batch
$$;

CREATE OR REPLACE PROCEDURE ops.load_pending(leave_failure BOOLEAN DEFAULT FALSE)
    {{ bundle.python() }}
    HANDLER = 'load_pending'
    COMMENT = 'Loads every published batch that is not loaded yet, in the order of publication'
    EXECUTE AS OWNER
AS $$
{{ bundle.prologue('landing', 'loading') }}
from snowpark_procs.load_pending import load_pending
$$;

CREATE OR REPLACE PROCEDURE ops.flag_quality(batch_id STRING DEFAULT NULL)
    {{ bundle.python() }}
    HANDLER = 'flag_quality'
    COMMENT = 'Takes a loaded batch (default: all not flagged yet) into STAGING with its quality flags'
    EXECUTE AS OWNER
AS $$
{{ bundle.prologue('flagging') }}
from snowpark_procs.flag_quality import flag_quality
$$;

CREATE OR REPLACE PROCEDURE ops.reflag(from_date DATE DEFAULT NULL, to_date DATE DEFAULT NULL)
    {{ bundle.python() }}
    HANDLER = 'reflag'
    COMMENT = 'Judges dates of STAGING anew under the present rules and thresholds; without bounds all'
    EXECUTE AS OWNER
AS $$
{{ bundle.prologue('flagging') }}
from snowpark_procs.reflag import reflag
$$;

CREATE OR REPLACE PROCEDURE ops.report_run()
    {{ bundle.python() }}
    HANDLER = 'report_run'
    COMMENT = 'Finalizer of the task graph: writes down how the run went'
    -- The task's own session reads TASK_HISTORY; whether a procedure with owner's rights may is not documented.
    EXECUTE AS CALLER
AS $$
{{ bundle.prologue('operations') }}
from snowpark_procs.report_run import report_run
$$;
