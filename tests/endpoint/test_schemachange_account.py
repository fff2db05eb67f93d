"""A deployment by schemachange with roles, database roles and names in variables, as its own demo has it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import RunningEndpoint

pytestmark = pytest.mark.integration

_PROVISION = """
SET db = 'PROJECT'; -- the database of everything
SET admin = $db || '_ADMIN';
SET deployer = '"' || $db || '-DEPLOY"'; -- a hyphen in a role's name
SET wh = $db || '_WH';
SET person = 'LOCAL';
SET password = 'secret';
CREATE USER IF NOT EXISTS IDENTIFIER($admin) WITH PASSWORD = $password MUST_CHANGE_PASSWORD = FALSE;
CREATE ROLE IF NOT EXISTS IDENTIFIER($admin);
CREATE ROLE IF NOT EXISTS IDENTIFIER($deployer);
GRANT ROLE IDENTIFIER($deployer) TO ROLE IDENTIFIER($admin);
GRANT ROLE IDENTIFIER($admin) TO ROLE SYSADMIN;
GRANT ROLE IDENTIFIER($admin) TO USER IDENTIFIER($person);
CREATE DATABASE IF NOT EXISTS IDENTIFIER($db);
GRANT OWNERSHIP ON DATABASE IDENTIFIER($db) TO ROLE IDENTIFIER($admin) WITH GRANT OPTION;
CREATE WAREHOUSE IF NOT EXISTS IDENTIFIER($wh);
GRANT OWNERSHIP ON WAREHOUSE IDENTIFIER($wh) TO ROLE IDENTIFIER($admin) WITH GRANT OPTION;
GRANT USAGE ON WAREHOUSE IDENTIFIER($wh) TO ROLE IDENTIFIER($deployer);
USE ROLE IDENTIFIER($admin);
USE DATABASE IDENTIFIER($db);
CREATE SCHEMA IF NOT EXISTS tracking;
CREATE DATABASE ROLE IF NOT EXISTS db_reader;
GRANT USAGE ON DATABASE IDENTIFIER($db) TO ROLE IDENTIFIER($deployer);
"""
_SETUP = """-- every script starts with words about it
SET sch = '{{ schema_name }}';
SET db = '{{ database_name }}';
SET place = $db || '.' || $sch;
SET deployer = '"' || $db || '-DEPLOY"';
SET reader = 'READER_' || $sch;
USE DATABASE IDENTIFIER($db);
CREATE DATABASE ROLE IF NOT EXISTS IDENTIFIER($reader);
GRANT DATABASE ROLE IDENTIFIER($reader) TO DATABASE ROLE db_reader;
CREATE SCHEMA IF NOT EXISTS IDENTIFIER($sch) WITH MANAGED ACCESS;
GRANT SELECT ON ALL TABLES IN SCHEMA IDENTIFIER($place) TO DATABASE ROLE IDENTIFIER($reader);
GRANT SELECT ON FUTURE TABLES IN SCHEMA IDENTIFIER($place) TO DATABASE ROLE IDENTIFIER($reader);
GRANT READ,WRITE ON FUTURE STAGES IN SCHEMA IDENTIFIER($place) TO DATABASE ROLE IDENTIFIER($reader);
GRANT USAGE ON ALL FILE FORMATS IN SCHEMA IDENTIFIER($place) TO DATABASE ROLE IDENTIFIER($reader);
GRANT CREATE FILE FORMAT ON SCHEMA IDENTIFIER($place) TO DATABASE ROLE IDENTIFIER($reader);
GRANT OWNERSHIP ON SCHEMA IDENTIFIER($place) TO ROLE IDENTIFIER($deployer) REVOKE CURRENT GRANTS;
"""
_OBJECTS = """use database {{ database_name }};
use schema {{ schema_name }};
-- a format called as its type
CREATE OR REPLACE FILE FORMAT JSON TYPE = 'JSON' STRIP_OUTER_ARRAY = FALSE;
CREATE OR REPLACE STAGE arrivals URL = 's3://bucket/arrivals';
create transient table arrived (v VARIANT, t TIMESTAMP);
CREATE TABLE done (at TIMESTAMP_LTZ, what VARCHAR);

CREATE OR REPLACE PROCEDURE refresh()
RETURNS VARCHAR
LANGUAGE SQL
AS
BEGIN
    TRUNCATE TABLE {{ database_name }}.{{ schema_name }}.done;
    INSERT INTO {{ database_name }}.{{ schema_name }}.done SELECT CURRENT_TIMESTAMP(), 'refreshed';
    RETURN 'done';
END;

DECLARE
    n INTEGER;
BEGIN
    SELECT COUNT(*) INTO :n FROM {{ database_name }}.{{ schema_name }}.done;
    IF (n = 0) THEN
        INSERT INTO {{ database_name }}.{{ schema_name }}.done VALUES (CURRENT_TIMESTAMP(), 'seeded');
    END IF;
END;
-- the last line is a comment
"""
_LOAD = """use schema {{ database_name }}.{{ schema_name }};
-- nothing has arrived yet
COPY INTO arrived FROM (SELECT $1, CONVERT_TIMEZONE('UTC', 'US/Eastern', $1:time::TIMESTAMP_NTZ) FROM @arrivals)
    FILE_FORMAT = (FORMAT_NAME = 'JSON');
"""
_TEARDOWN = """SET sch = '{{ schema_name }}';
SET reader = 'READER_' || $sch;
USE DATABASE {{ database_name }};
USE SCHEMA INFORMATION_SCHEMA;
DROP SCHEMA IF EXISTS IDENTIFIER($sch);
DROP DATABASE ROLE IF EXISTS IDENTIFIER($reader);
"""


@pytest.fixture
def admin(endpoint: RunningEndpoint) -> Iterator[Any]:
    with endpoint.connect(role="ACCOUNTADMIN") as opened:
        assert list(opened.execute_string(_PROVISION, remove_comments=True))
        yield opened


def _deploy(endpoint: RunningEndpoint, scripts: Path, table: str, role: str) -> str:
    command = Path(sys.executable).with_name("schemachange")
    options = ["--root-folder", str(scripts), "--config-folder", str(scripts.parent), "--create-change-history-table",
               "--change-history-table", table, "--snowflake-role", role, "--snowflake-warehouse", "PROJECT_WH",
               "--vars", '{"database_name": "PROJECT", "schema_name": "first_1_0"}']  # fmt: skip
    ran = subprocess.run(
        [str(command), "deploy", *options], env=endpoint.environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
    return ran.stdout + ran.stderr


def _applied(endpoint: RunningEndpoint, connection: Any, table: str) -> list[tuple[str, str]]:
    return list(connection.cursor().execute(f"SELECT script, status FROM {table} ORDER BY installed_on").fetchall())


def test_a_project_is_set_up_deployed_and_torn_down_by_roles_and_variables(
    endpoint: RunningEndpoint, admin: Any, tmp_path: Path
) -> None:
    for folder, name, text in (("setup", "A__setup.sql", _SETUP), ("project", "V1.0__objects.sql", _OBJECTS),
                               ("project", "V1.1__load.sql", _LOAD), ("teardown", "A__teardown.sql", _TEARDOWN)):  # fmt: skip
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / name).write_text(text)
    for _ in range(2):
        _deploy(endpoint, tmp_path / "setup", "PROJECT.TRACKING.SETUP_HISTORY", "PROJECT_ADMIN")
    history = "PROJECT.FIRST_1_0.CHANGE_HISTORY"
    for _ in range(2):
        _deploy(endpoint, tmp_path / "project", history, "PROJECT-DEPLOY")
        applied = _applied(endpoint, admin, history)
        assert applied == [("V1.0__objects.sql", "Success"), ("V1.1__load.sql", "Success")]  # the second time nothing
    assert admin.cursor().execute("SELECT what FROM PROJECT.FIRST_1_0.DONE").fetchall() == [("seeded",)]
    assert admin.cursor().execute("SHOW DATABASE ROLES IN DATABASE PROJECT").fetchall()
    _deploy(endpoint, tmp_path / "teardown", "PROJECT.TRACKING.SETUP_HISTORY", "PROJECT_ADMIN")
    schemas = [row[1] for row in admin.cursor().execute("SHOW SCHEMAS IN DATABASE PROJECT").fetchall()]
    assert "TRACKING" in schemas
    assert "FIRST_1_0" not in schemas
