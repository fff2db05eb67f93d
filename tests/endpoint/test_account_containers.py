"""Databases and schemas: what is in a new one, INFORMATION_SCHEMA as the current one, and names of what does not exist."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import snowflake.connector

from tests.conftest import RunningEndpoint

pytestmark = pytest.mark.integration


@pytest.fixture
def connection(endpoint: RunningEndpoint) -> Iterator[Any]:
    with endpoint.connect() as opened:
        yield opened


def run(connection: Any, *statements: str) -> Any:
    for statement in statements:
        cursor = connection.cursor().execute(statement)
    return cursor.fetchall()


def error(connection: Any, sql: str) -> tuple[int, str]:
    with pytest.raises(snowflake.connector.errors.ProgrammingError) as caught:
        run(connection, sql)
    return int(caught.value.errno or 0), str(caught.value.msg).rpartition("\n")[2]


def test_a_new_database_has_public_and_information_schema(connection: Any) -> None:
    run(connection, "CREATE OR REPLACE DATABASE fresh")
    assert [row[1] for row in run(connection, "SHOW SCHEMAS IN fresh")] == ["INFORMATION_SCHEMA", "PUBLIC"]
    run(connection, "CREATE OR REPLACE TABLE fresh.public.t (i INT)", "INSERT INTO fresh.public.t VALUES (1)")
    assert run(connection, "SELECT * FROM fresh.PUBLIC.T") == [(1,)]
    tables = run(connection, "SELECT table_name, table_schema FROM fresh.information_schema.tables")
    assert ("T", "PUBLIC") in tables
    run(
        connection,
        "CREATE TABLE fresh..dots (b BINARY(4), i INT)",
        "INSERT INTO fresh..dots SELECT TO_BINARY('0A'), 1.",
    )
    assert run(connection, 'SELECT dots.i, d.b FROM fresh..dots JOIN "FRESH"..dots AS d USING (i)') == [(1, b"\x0a")]
    run(connection, "ALTER TABLE fresh..dots ADD COLUMN c VARBINARY(4)", "DROP TABLE fresh..dots")
    for sql in (
        "ALTER DATABASE fresh RENAME TO f",
        "ALTER SCHEMA fresh.public SWAP WITH fresh.s",
        "SELECT NULL::DECFLOAT",
        "ALTER ACCOUNT SET TIMEZONE = 'UTC'",
    ):
        assert (error(connection, sql)[0], "Unsupported" in error(connection, sql)[1]) == (2, True), sql


def test_a_log_in_creates_nothing(endpoint: RunningEndpoint) -> None:
    place = "SELECT CURRENT_DATABASE(), CURRENT_SCHEMA()"
    with endpoint.connect(database="at_login") as connection:
        assert run(connection, place) == [(None, None)]
        assert run(connection, "SHOW DATABASES LIKE 'at_login'") == []
        assert error(connection, "CREATE TABLE t (i INT)")[0] == 90105
    with endpoint.connect(schema="at_login") as connection:
        assert run(connection, place) == [("TEST", None)]
        assert run(connection, "SHOW SCHEMAS LIKE 'at_login'") == []


def test_information_schema_can_be_the_current_one(connection: Any) -> None:
    run(connection, "CREATE OR REPLACE SCHEMA test.here", "CREATE TABLE t (i INT)", "USE SCHEMA INFORMATION_SCHEMA")
    assert run(connection, "SELECT CURRENT_SCHEMA()") == [("INFORMATION_SCHEMA",)]
    assert run(connection, "SELECT table_name FROM tables WHERE table_schema = 'HERE'") == [("T",)]
    assert run(connection, "SELECT column_name FROM columns WHERE table_schema = 'HERE'") == [("I",)]
    assert run(connection, "WITH tables AS (SELECT 1 AS i) SELECT * FROM tables") == [(1,)]
    run(connection, "DROP SCHEMA here")  # as a teardown does it: no schema of its own is in use
    assert error(connection, "DROP SCHEMA information_schema")[0] == 2043
    assert error(connection, "CREATE SCHEMA information_schema")[0] == 2002


@pytest.mark.parametrize(
    "scope",
    ["DATABASE nope", "SCHEMA nope", "SCHEMA nope.public", "nope", "nope.public", "SCHEMA test.nope"],
)
@pytest.mark.parametrize("kind", ["TABLES", "VIEWS", "STAGES", "PROCEDURES", "TASKS", "ALERTS", "MASKING POLICIES"])
def test_a_listing_of_what_does_not_exist_is_refused(connection: Any, kind: str, scope: str) -> None:
    assert error(connection, f"SHOW {kind} IN {scope}") == (
        2043,
        "Object does not exist, or operation cannot be performed.",
    )


def test_schemas_of_what_does_not_exist_are_refused(connection: Any) -> None:
    for sql in ("SHOW SCHEMAS IN nope", "SHOW SCHEMAS IN DATABASE nope", "USE nope", "USE DATABASE nope", "USE SCHEMA nope",
                "USE SCHEMA nope.public", "USE WAREHOUSE nope"):  # fmt: skip
        assert error(connection, sql)[0] == 2043, sql
    assert error(connection, "USE ROLE nope") == (2003, "Role 'NOPE' does not exist or not authorized.")


@pytest.mark.parametrize(
    "definition",
    [
        "TABLE {}.t (i INT)",
        "TABLE {}.t AS SELECT 1 AS i",
        "TEMPORARY TABLE {}.t (i INT)",
        "VIEW {}.t AS SELECT 1 AS i",
        "SEQUENCE {}.t",
        "STAGE {}.t",
        "FILE FORMAT {}.t TYPE = CSV",
        "TASK {}.t SCHEDULE = '1 MINUTE' AS SELECT 1",
        "PROCEDURE {}.t() RETURNS INT LANGUAGE SQL AS 'BEGIN RETURN 1; END'",
        "MASKING POLICY {}.t AS (a STRING) RETURNS STRING -> a",
    ],
)
def test_the_missing_part_of_a_new_name_is_told(connection: Any, definition: str) -> None:
    assert error(connection, "CREATE " + definition.format("nope.public")) == (
        2003,
        "Database 'NOPE' does not exist or not authorized.",
    )
    assert error(connection, "CREATE " + definition.format("test.nope")) == (
        2003,
        "Schema 'TEST.NOPE' does not exist or not authorized.",
    )


def test_a_missing_table_is_told_with_its_full_name(connection: Any) -> None:
    for sql in ("SELECT * FROM nope.s.t", "INSERT INTO nope.s.t VALUES (1)", "TRUNCATE TABLE nope.s.t"):
        assert error(connection, sql) == (2003, "Object 'NOPE.S.T' does not exist or not authorized.")
    run(connection, "DROP TABLE IF EXISTS nope.s.t", "DROP SCHEMA IF EXISTS nope.s", "DROP DATABASE IF EXISTS nope")
    assert error(connection, "CREATE SCHEMA nope.s") == (2003, "Database 'NOPE' does not exist or not authorized.")


def test_comments_of_databases_and_schemas_are_kept_and_shown(connection: Any) -> None:
    run(connection, "CREATE OR REPLACE DATABASE commented", "COMMENT ON DATABASE commented IS $$it's$$")
    run(connection, "COMMENT ON SCHEMA commented.public IS 'the \"first\"; -- %'")
    cursor = connection.cursor(snowflake.connector.DictCursor)
    (database,) = cursor.execute("SHOW DATABASES LIKE 'commented'").fetchall()
    (schema,) = cursor.execute("SHOW SCHEMAS LIKE 'public' IN commented").fetchall()
    assert (database["comment"], schema["comment"]) == ("it's", 'the "first"; -- %')
    assert error(connection, "COMMENT ON DATABASE nope IS 'x'")[0] == 2003
    run(connection, "COMMENT IF EXISTS ON DATABASE nope IS 'x'", "DROP DATABASE commented", "USE DATABASE test")


def test_a_leading_comment_changes_nothing(connection: Any) -> None:
    """As deployment tools send them: the comments of a script stand ahead of its statements."""
    run(connection, "CREATE OR REPLACE SCHEMA test.led", "CREATE TABLE t (i INT)", "CREATE STAGE s")
    run(connection, "CREATE FUNCTION plus(a INT) RETURNS INT AS 'a + 1'")
    for lead in ("-- why\n", "/* why */ ", "// why\n\n"):
        assert run(connection, f"{lead}SELECT plus(1)") == [(2,)]
        assert run(connection, f"{lead}COPY INTO t FROM @s") == [("Copy executed with 0 files processed.",)]
        assert "GlobalStats" in run(connection, f"{lead}EXPLAIN SELECT * FROM t")[0][0]
        run(connection, f"{lead}SET x = 1", f"{lead}USE SCHEMA led", f"{lead}GRANT SELECT ON TABLE t TO ROLE public")
