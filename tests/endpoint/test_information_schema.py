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


def test_copy_history_tells_what_each_file_gave(endpoint: RunningEndpoint, connection: Any) -> None:
    """See: https://docs.snowflake.com/en/sql-reference/functions/copy_history"""
    folder = endpoint.s3_root / "landing" / "day"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text("1\n2\nx\n")
    (folder / "b.csv").write_text("x\n")
    make_roles(connection, "READER", "STRANGER")
    run(connection, "CREATE OR REPLACE SCHEMA test.s", "CREATE TABLE test.s.t (i INT)",
        "CREATE STAGE test.s.landing URL = 's3://landing/'",
        "COPY INTO test.s.t FROM @test.s.landing/day/ FILE_FORMAT = (TYPE = CSV) ON_ERROR = CONTINUE",
        "TRUNCATE TABLE test.s.t",
        "GRANT USAGE ON DATABASE test TO ROLE READER", "GRANT USAGE ON SCHEMA test.s TO ROLE READER",
        "GRANT USAGE ON DATABASE test TO ROLE STRANGER", "GRANT USAGE ON SCHEMA test.s TO ROLE STRANGER",
        "GRANT SELECT ON TABLE test.s.t TO ROLE READER")  # fmt: skip
    columns = (
        "file_name, stage_location, status, row_count, row_parsed, file_size, first_error_line_number, error_count,"
        " table_catalog_name, table_schema_name, table_name, pipe_name"
    )
    asked = f"""SELECT {columns} FROM TABLE(test.information_schema.copy_history(
        table_name => 'test.s.t', start_time => DATEADD(hours, -1, CURRENT_TIMESTAMP()))) ORDER BY 1"""
    with as_role(endpoint, "READER") as reader:
        assert run(reader, asked) == [
            ("day/a.csv", "s3://landing/", "Partially loaded", 2, 3, 6, 3, 1, "TEST", "S", "T", None),
            ("day/b.csv", "s3://landing/", "Load failed", 0, 1, 2, 1, 1, "TEST", "S", "T", None),
        ]
        assert run(reader, asked.replace("hours, -1,", "hours, 0,")) == []
        assert refused(reader, asked.replace("hours, -1,", "days, -15,"))[0] == 1008
        loads = "SELECT status, row_count, error_count FROM test.information_schema.load_history ORDER BY file_name"
        assert run(reader, loads) == [("PARTIALLY_LOADED", 2, 1), ("LOAD_FAILED", 0, 1)]
    with as_role(endpoint, "STRANGER") as stranger:
        assert refused(stranger, asked)[0] == 2003
        assert run(stranger, loads) == []


def test_query_history_tells_how_statements_ended(endpoint: RunningEndpoint, connection: Any) -> None:
    """See: https://docs.snowflake.com/en/sql-reference/functions/query_history"""
    run(connection, "CREATE OR REPLACE SCHEMA test.s", "CREATE OR REPLACE USER peer PASSWORD = 'pass' DEFAULT_ROLE = PEER",
        "CREATE WAREHOUSE wh")  # fmt: skip
    make_roles(connection, "PEER")
    run(connection, "GRANT ROLE peer TO USER peer", "GRANT USAGE ON WAREHOUSE wh TO ROLE peer")
    columns = (
        "query_text, query_type, execution_status, error_code, rows_produced, query_tag, warehouse_name, user_name"
    )
    asked = f"SELECT {columns} FROM TABLE(test.information_schema.query_history_by_session()) ORDER BY start_time"
    work = (
        "CREATE TABLE test.s.t AS SELECT 1 AS i",
        "BEGIN INSERT INTO test.s.t VALUES (2), (3); RETURN 1; END",
        "SELECT nothing FROM test.s.t",
    )
    with endpoint.connect(role="ACCOUNTADMIN", session_parameters={"QUERY_TAG": "nightly"}) as worker:
        run(worker, *work[:2])
        assert refused(worker, work[2])[0] == 904
        assert [row[:6] for row in run(worker, asked)] == [
            (work[0], "CREATE_TABLE_AS_SELECT", "SUCCESS", None, 1, "nightly"),
            (work[1], "EXECUTE_IMMEDIATE", "SUCCESS", None, 1, "nightly"),
            ("INSERT INTO test.s.t VALUES (2), (3)", "INSERT", "SUCCESS", None, 2, "nightly"),
            (work[2], "SELECT", "FAILED_WITH_ERROR", 904, None, "nightly"),
            (asked, "SELECT", "RUNNING", None, None, "nightly"),
        ]
    with endpoint.connect(user="peer", password="pass") as peer:
        run(peer, "USE WAREHOUSE wh", "SELECT 1")
        mine = "SELECT DISTINCT user_name FROM TABLE(test.information_schema.query_history(RESULT_LIMIT => 10000)) ORDER BY 1"
        assert run(peer, mine) == [("PEER",)]
    all_users = [name for (name,) in run(connection, mine)]
    assert {"LOCAL", "PEER"} <= set(all_users)
    of_warehouse = (
        f"SELECT {columns} FROM TABLE(test.information_schema.query_history_by_warehouse(WAREHOUSE_NAME => 'wh'))"
    )
    assert run(connection, f"{of_warehouse} WHERE query_type = 'SELECT' AND query_text = 'SELECT 1'") == [
        ("SELECT 1", "SELECT", "SUCCESS", None, 1, "", "WH", "PEER")
    ]
    secret = "SELECT COUNT(*) FROM TABLE(test.information_schema.query_history()) WHERE query_text LIKE '%pa' || 'ss%'"
    assert run(connection, secret) == [(0,)]
    old = "SELECT * FROM TABLE(test.information_schema.query_history(END_TIME_RANGE_START => DATEADD(day, -8, SYSDATE())))"
    assert refused(connection, old)[0] == 1008
    assert refused(connection, f"CREATE VIEW test.s.v AS {mine}")[0] == 2
