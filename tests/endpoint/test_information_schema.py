"""INFORMATION_SCHEMA tells who owns an object, since when, and when its rows changed last; text is compared as Snowflake does."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import RunningEndpoint
from tests.endpoint.rights import as_role, make_roles, refused, run

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def connection(endpoint: RunningEndpoint) -> Iterator[Any]:
    with endpoint.connect(role="ACCOUNTADMIN") as opened:
        yield opened


def _tables(connection: Any, columns: str, schema: str = "S") -> list[tuple[Any, ...]]:
    query = f"SELECT {columns} FROM test.INFORMATION_SCHEMA.TABLES WHERE table_schema = '{schema}' ORDER BY table_name"
    return list(run(connection, query))


def test_owner_and_options_are_those_of_the_object(endpoint: RunningEndpoint, connection: Any) -> None:
    make_roles(connection, "MAKER")
    run(connection, "CREATE OR REPLACE SCHEMA test.s", "GRANT USAGE ON DATABASE test TO ROLE MAKER",
        "GRANT USAGE, CREATE TABLE, CREATE VIEW ON SCHEMA test.s TO ROLE MAKER")  # fmt: skip
    with as_role(endpoint, "MAKER") as maker:
        run(maker, "CREATE TRANSIENT TABLE test.s.a (i INT) CLUSTER BY (i) DATA_RETENTION_TIME_IN_DAYS = 0 COMMENT = 'words'",
            "CREATE SECURE VIEW test.s.b AS SELECT * FROM test.s.a")  # fmt: skip
    run(connection, "CREATE TABLE test.s.c (i INT)")
    assert _tables(
        connection, "table_name, table_owner, table_type, is_transient, clustering_key, retention_time, comment"
    ) == [
        ("A", "MAKER", "BASE TABLE", "YES", "LINEAR(I)", 0, "words"),
        ("B", "MAKER", "VIEW", "NO", None, None, None),
        ("C", "ACCOUNTADMIN", "BASE TABLE", "NO", None, 1, None),
    ]
    run(connection, "GRANT OWNERSHIP ON TABLE test.s.c TO ROLE MAKER")
    assert _tables(connection, "table_owner")[2] == ("MAKER",)
    views = "SELECT table_owner, is_secure FROM test.INFORMATION_SCHEMA.VIEWS WHERE table_schema = 'S'"
    assert run(connection, views) == [("MAKER", "YES")]
    columns = "schema_owner, is_managed_access, is_transient"
    schemata = f"SELECT {columns} FROM test.INFORMATION_SCHEMA.SCHEMATA WHERE schema_name = 'T'"
    run(connection, "CREATE OR REPLACE TRANSIENT SCHEMA test.t WITH MANAGED ACCESS")
    assert run(connection, schemata) == [("ACCOUNTADMIN", "YES", "YES")]
    run(connection, "CREATE TABLE test.t.inside (i INT)")
    assert _tables(connection, "is_transient", "T") == [("YES",)]


def test_databases_are_those_that_the_role_sees(endpoint: RunningEndpoint, connection: Any) -> None:
    make_roles(connection, "ONE_DATABASE")
    run(
        connection,
        "CREATE DATABASE hidden COMMENT = 'not for all'",
        "GRANT USAGE ON DATABASE test TO ROLE ONE_DATABASE",
    )
    query = "SELECT database_name, database_owner, comment FROM test.INFORMATION_SCHEMA.DATABASES ORDER BY 1"
    assert ("HIDDEN", "ACCOUNTADMIN", "not for all") in run(connection, query)
    with as_role(endpoint, "ONE_DATABASE") as reader:
        assert [row[0] for row in run(reader, query)] == ["TEST"]
    run(connection, "DROP DATABASE hidden")


def test_last_altered_follows_rows_and_definition(connection: Any) -> None:
    run(
        connection,
        "CREATE OR REPLACE SCHEMA test.s",
        "CREATE TABLE test.s.t (i INT)",
        "CREATE TABLE test.s.still (i INT)",
    )

    def seen() -> tuple[dt.datetime, dt.datetime, dt.datetime]:
        still, changing = _tables(connection, "created, last_ddl, last_altered")
        assert still[0] == still[1] == still[2]
        return changing[0], changing[1], changing[2]

    created, ddl, altered = seen()
    assert created == ddl == altered
    for change in ("INSERT INTO test.s.t VALUES (1)", "UPDATE test.s.t SET i = 2", "DELETE FROM test.s.t WHERE i = 3",
                   "MERGE INTO test.s.t USING (SELECT 2 AS i) s ON t.i = s.i WHEN MATCHED THEN UPDATE SET i = 5",
                   "TRUNCATE TABLE test.s.t"):  # fmt: skip
        run(connection, change)
        before, (created, ddl, altered) = altered, seen()
        assert created == ddl
        assert altered > before
    run(connection, "BEGIN", "INSERT INTO test.s.t VALUES (1)", "ROLLBACK")
    assert seen()[2] == altered
    run(connection, "ALTER TABLE test.s.t SET CHANGE_TRACKING = TRUE")
    assert seen()[1] > altered


def test_text_is_compared_as_what_it_is_compared_with(connection: Any) -> None:
    """Source: https://docs.snowflake.com/en/sql-reference/data-type-conversion (implicit casting)."""
    run(connection, "CREATE OR REPLACE SCHEMA test.s", "CREATE TABLE test.s.t (a VARCHAR, d DATE, n NUMBER(9, 2), s VARCHAR)",
        "INSERT INTO test.s.t VALUES ('2024-01-03', '2024-01-03', 10.5, '9')")  # fmt: skip
    query = """SELECT a = d, a >= TO_TIMESTAMP_TZ('2024-01-01 00:00:00'), a BETWEEN '2023-01-01'::DATE AND d, n > s,
        s < 9.5, LENGTH(n), n LIKE '10%', UPPER(TRUE), a < CURRENT_TIMESTAMP() FROM test.s.t"""
    assert run(connection, query) == [(True, True, True, True, True, 5, True, "TRUE", True)]
    assert refused(connection, "SELECT * FROM test.s.t WHERE a > 5") == (
        100038,
        "Numeric value '2024-01-03' is not recognized",
    )
