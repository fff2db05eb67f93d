{% import 'modules/snowpark_procs/bundle.jinja' as bundle -%}
-- Procedures that compare the speed layer with the marts.
CREATE OR REPLACE PROCEDURE recon.load_speed_snapshot(date DATE)
    COPY GRANTS
    RETURNS VARIANT
    LANGUAGE PYTHON
    RUNTIME_VERSION = '3.11'
    ARTIFACT_REPOSITORY = snowflake.snowpark.pypi_shared_repository
    PACKAGES = ('snowflake-snowpark-python', 'jsonschema')
    HANDLER = 'load_speed_snapshot'
    COMMENT = 'Loads the newest snapshot of one UTC day of the speed layer'
    EXECUTE AS OWNER
AS $$
{{ bundle.prologue() }}
from snowpark_procs.load_speed_snapshot import load_speed_snapshot
$$;

CREATE OR REPLACE PROCEDURE recon.reconcile_day(date DATE)
    COPY GRANTS
    RETURNS VARIANT
    LANGUAGE PYTHON
    RUNTIME_VERSION = '3.11'
    ARTIFACT_REPOSITORY = snowflake.snowpark.pypi_shared_repository
    PACKAGES = ('snowflake-snowpark-python', 'jsonschema')
    HANDLER = 'reconcile_day'
    COMMENT = 'Compares one UTC day of the speed layer with the marts'
    EXECUTE AS OWNER
AS $$
{{ bundle.prologue() }}
from snowpark_procs.reconcile_days import reconcile_day
$$;

CREATE OR REPLACE PROCEDURE recon.reconcile_range(from_date DATE DEFAULT NULL, to_date DATE DEFAULT NULL)
    COPY GRANTS
    RETURNS VARIANT
    LANGUAGE PYTHON
    RUNTIME_VERSION = '3.11'
    ARTIFACT_REPOSITORY = snowflake.snowpark.pypi_shared_repository
    PACKAGES = ('snowflake-snowpark-python', 'jsonschema')
    HANDLER = 'reconcile_range'
    COMMENT = 'Compares every day of a range; without bounds every day that is known'
    EXECUTE AS OWNER
AS $$
{{ bundle.prologue() }}
from snowpark_procs.reconcile_days import reconcile_range
$$;

CREATE OR REPLACE PROCEDURE recon.reconcile_pending()
    COPY GRANTS
    RETURNS VARIANT
    LANGUAGE PYTHON
    RUNTIME_VERSION = '3.11'
    ARTIFACT_REPOSITORY = snowflake.snowpark.pypi_shared_repository
    PACKAGES = ('snowflake-snowpark-python', 'jsonschema')
    HANDLER = 'reconcile_pending'
    COMMENT = 'Compares every day whose marts are up to date; for tasks'
    EXECUTE AS OWNER
AS $$
{{ bundle.prologue() }}
from snowpark_procs.reconcile_days import reconcile_pending
$$;
