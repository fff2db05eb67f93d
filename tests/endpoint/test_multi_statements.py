"""Several statements in one request, and requests that a client does not wait for, through the plain connector."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from snowflake.connector.constants import QueryStatus
from snowflake.connector.errors import ProgrammingError

from local_stack.endpoint.language.text import statements
from tests.conftest import RunningEndpoint


def test_a_text_is_split_at_its_semicolons() -> None:
    text = "SELECT 'a;b'; -- no; comment\nSELECT $$;$$;;SELECT \"x;y\" /* ; */ ;\n-- the end"
    assert statements(text) == ["SELECT 'a;b'", "-- no; comment\nSELECT $$;$$", 'SELECT "x;y" /* ; */']


@pytest.fixture
def connection(endpoint: RunningEndpoint) -> Iterator[Any]:
    with endpoint.connect() as opened:
        opened.cursor().execute("CREATE OR REPLACE TABLE t (a INT)")
        yield opened


def results(cursor: Any) -> list[Any]:
    found = [cursor.fetchall()]
    while cursor.nextset():
        found.append(cursor.fetchall())
    return found


@pytest.mark.integration
def test_each_statement_has_its_result_and_its_binds(connection: Any) -> None:
    cursor = connection.cursor()
    sql = "INSERT INTO t VALUES (?), (?); SELECT a FROM t WHERE a > ? ORDER BY a; SELECT 'x;y'"
    cursor.execute(sql, (1, 2, 1), num_statements=3, _force_qmark_paramstyle=True)
    assert results(cursor) == [[(2,)], [(2,)], [("x;y",)]]
    cursor.execute("SELECT 1; SELECT 2;", num_statements=0)
    assert results(cursor) == [[(1,)], [(2,)]]


@pytest.mark.integration
def test_statements_flow_into_each_other(connection: Any) -> None:
    """See: https://docs.snowflake.com/en/sql-reference/operators-flow"""
    cursor = connection.cursor()
    cursor.execute("SHOW TABLES LIKE 'T' ->> SELECT \"name\", '->>' FROM $1")
    assert cursor.fetchall() == [("T", "->>")]
    chain = "SELECT ? AS a ->> SELECT a + 1 AS b FROM $1 ->> SELECT x.a, y.b FROM $2 x JOIN $1 y ON y.b > ?"
    cursor.execute(chain, (1, 1), _force_qmark_paramstyle=True)
    assert cursor.fetchall() == [(1, 2)]
    with pytest.raises(ProgrammingError, match="unexpected '->>'"):
        cursor.execute("->> SELECT 1")


@pytest.mark.integration
def test_the_count_must_be_met_and_a_failure_ends_the_run(connection: Any) -> None:
    cursor = connection.cursor()
    for wanted in (None, 3):
        with pytest.raises(ProgrammingError, match="statement count 2 did not match"):
            cursor.execute("SELECT 1; SELECT 2", num_statements=wanted)
    with pytest.raises(ProgrammingError, match="NOPE"):
        cursor.execute("INSERT INTO t VALUES (7); SELECT nope FROM t; INSERT INTO t VALUES (8)", num_statements=3)
    assert cursor.execute("SELECT a FROM t").fetchall() == [(7,)]


@pytest.mark.integration
def test_an_asynchronous_statement_tells_its_result_and_its_error_when_asked(connection: Any) -> None:
    cursor = connection.cursor()
    cursor.execute_async("SELECT 1; SELECT 2", num_statements=2)
    cursor.get_results_from_sfqid(cursor.sfqid)
    assert results(cursor) == [[(1,)], [(2,)]]
    cursor.execute_async("SELECT nope FROM t")
    deadline = time.monotonic() + 30
    while connection.is_still_running(status := connection.get_query_status(cursor.sfqid)):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert status == QueryStatus.FAILED_WITH_ERROR
    with pytest.raises(ProgrammingError, match="invalid identifier 'NOPE'") as error:
        cursor.get_results_from_sfqid(cursor.sfqid)
    assert error.value.errno == 904
