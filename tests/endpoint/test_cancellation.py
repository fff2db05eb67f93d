"""Statements that are canceled or take too long: what the client gets, and what is left behind."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from snowflake.connector.errors import DatabaseError, ProgrammingError

from tests.conftest import RunningEndpoint

pytestmark = pytest.mark.integration

# Far longer than a test may take: what ends is ended by somebody.
FOREVER = "SELECT COUNT(*) FROM TABLE(GENERATOR(ROWCOUNT => 1000000)) a, TABLE(GENERATOR(ROWCOUNT => 1000000)) b"
SLEEPING = """CREATE OR REPLACE PROCEDURE {name}() RETURNS STRING LANGUAGE PYTHON RUNTIME_VERSION = '3.11'
PACKAGES = ('snowflake-snowpark-python') HANDLER = 'run' AS $$
import time
def run(session):
    session.sql("INSERT INTO notes VALUES ('started')").collect()
    {body}
    session.sql("INSERT INTO notes VALUES ('ended')").collect()
    return 'done'
$$"""
# Each is a way in which a statement can be at work.
STATEMENTS = {
    "query": FOREVER,
    "wait": "CALL SYSTEM$WAIT(600)",
    "insert": f"INSERT INTO notes SELECT TO_VARCHAR(n) FROM ({FOREVER.replace('COUNT(*)', 'COUNT(*) AS n')})",
    "table": f"CREATE OR REPLACE TABLE made AS {FOREVER.replace('COUNT(*)', 'COUNT(*) AS n')}",
    "script": "BEGIN LET i INT := 0; WHILE (i < 900000) DO i := i + 1; END WHILE; EXCEPTION WHEN OTHER THEN RETURN -1; END",
    "script_query": f"EXECUTE IMMEDIATE $$BEGIN {FOREVER}; EXCEPTION WHEN OTHER THEN RETURN 'caught'; END$$",
    "sleeping_handler": "CALL sleeping()",
    "querying_handler": "CALL querying()",
}


@pytest.fixture
def connection(endpoint: RunningEndpoint) -> Iterator[Any]:
    with endpoint.connect() as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE OR REPLACE TABLE notes (s STRING)")
        cursor.execute(SLEEPING.format(name="sleeping", body="time.sleep(600)"))
        cursor.execute(SLEEPING.format(name="querying", body=f"session.sql('''{FOREVER}''').collect()"))
        yield connection


def fails(action: Callable[[], Any], errno: int) -> DatabaseError:
    with pytest.raises(DatabaseError) as caught:
        action()
    assert (caught.value.errno, caught.value.sqlstate) == (errno, "57014"), caught.value
    return caught.value


def results(cursor: Any) -> list[Any]:
    """Wait for the statement that the cursor has submitted."""
    cursor.get_results_from_sfqid(cursor.sfqid)
    return list(cursor.fetchall())


def is_usable(connection: Any) -> None:
    """The session goes on, and holds neither a lock nor a transaction."""
    assert connection.cursor().execute("SELECT 1").fetchone() == (1,)
    assert connection.cursor().execute("SELECT CURRENT_TRANSACTION()").fetchone() == (None,)
    connection.cursor().execute("UPDATE notes SET s = s")


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_client_that_runs_out_of_time_cancels_its_statement(connection: Any, name: str) -> None:
    error = fails(lambda: connection.cursor().execute(STATEMENTS[name], timeout=2), 604)
    assert "SQL execution canceled" in str(error)
    is_usable(connection)
    expected = [("started",)] if "handler" in name else []
    assert connection.cursor().execute("SELECT s FROM notes").fetchall() == expected
    assert connection.cursor().execute("SHOW TABLES LIKE 'MADE'").fetchall() == []


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_ends_at_its_sessions_time_limit(connection: Any, name: str) -> None:
    connection.cursor().execute("ALTER SESSION SET STATEMENT_TIMEOUT_IN_SECONDS = 1")
    error = fails(lambda: connection.cursor().execute(STATEMENTS[name]), 630)
    assert "Statement reached its statement or warehouse timeout of 1 second(s) and was canceled." in str(error)
    connection.cursor().execute("ALTER SESSION UNSET STATEMENT_TIMEOUT_IN_SECONDS")
    is_usable(connection)


def test_a_time_limit_for_one_statement(connection: Any) -> None:
    limit = {"STATEMENT_TIMEOUT_IN_SECONDS": 1}
    fails(lambda: connection.cursor().execute(FOREVER, _statement_params=limit), 630)
    assert connection.cursor().execute("CALL SYSTEM$WAIT(1200, 'MILLISECONDS')").fetchone() == (
        "waited 1200 milliseconds",
    )


@pytest.mark.parametrize("value", ["abc", "-1"])
def test_a_time_limit_is_a_number(connection: Any, value: str) -> None:
    with pytest.raises(ProgrammingError, match="invalid value"):
        connection.cursor().execute(f"ALTER SESSION SET STATEMENT_TIMEOUT_IN_SECONDS = {value}")


def test_another_session_of_the_user_cancels_by_query_id(endpoint: RunningEndpoint, connection: Any) -> None:
    cursor = connection.cursor()
    cursor.execute_async(FOREVER)
    with endpoint.connect() as other:
        asked = f"SELECT SYSTEM$CANCEL_QUERY('{cursor.sfqid}')"
        answer = other.cursor().execute(asked)
        assert answer.fetchall() == [(f"query [{cursor.sfqid}] terminated.",)]
        assert answer.description[0].name == f"SYSTEM$CANCEL_QUERY('{cursor.sfqid.upper()}')"
        fails(lambda: results(cursor), 604)
        assert other.cursor().execute(asked).fetchone() == ("Identified SQL statement is not currently executing.",)
    with endpoint.connect(user="somebody") as stranger:
        connection.cursor().execute_async("CALL SYSTEM$WAIT(1)")
        assert stranger.cursor().execute(f"SELECT SYSTEM$CANCEL_QUERY('{cursor.sfqid}')").fetchone() == (
            "Identified SQL statement is not currently executing.",
        )


def test_all_statements_of_a_session_but_the_one_that_asks(endpoint: RunningEndpoint, connection: Any) -> None:
    (number,) = connection.cursor().execute("SELECT CURRENT_SESSION()").fetchone()
    assert str(connection.session_id) == number
    cursors = [connection.cursor() for _ in range(3)]
    for cursor in cursors:
        cursor.execute_async(FOREVER)
    assert connection.cursor().execute(f"SELECT SYSTEM$CANCEL_ALL_QUERIES({number})").fetchone() == ("3 cancelled.",)
    for cursor in cursors:
        fails(lambda cursor=cursor: results(cursor), 604)  # type: ignore[misc]
    assert connection.cursor().execute(f"SELECT SYSTEM$CANCEL_ALL_QUERIES({number})").fetchone() == ("0 cancelled.",)


def test_an_aborted_session_is_gone_with_what_it_held(endpoint: RunningEndpoint, connection: Any) -> None:
    with endpoint.connect() as other:
        other.cursor().execute("INSERT INTO notes VALUES ('mine')")
        other.cursor().execute("BEGIN")
        other.cursor().execute("DELETE FROM notes")
        answer = connection.cursor().execute(f"SELECT SYSTEM$ABORT_SESSION({other.session_id})").fetchone()
        assert answer == (f"session [{other.session_id}] terminated.",)
        connection.cursor().execute("UPDATE notes SET s = 'free'")
        with pytest.raises(Exception, match=r"390114|token has expired|New login|closed"):
            other.cursor().execute("SELECT 1")
    assert connection.cursor().execute("SELECT s FROM notes").fetchall() == [("free",)]


def test_a_wait_for_a_lock_is_bounded_and_can_be_canceled(endpoint: RunningEndpoint, connection: Any) -> None:
    with endpoint.connect() as other:
        other.cursor().execute("BEGIN")
        other.cursor().execute("DELETE FROM notes")
        waiting = connection.cursor()
        fails(lambda: waiting.execute("UPDATE notes SET s = 'x'", timeout=1), 604)
        connection.cursor().execute("ALTER SESSION SET LOCK_TIMEOUT = 1")
        error = fails(lambda: waiting.execute("UPDATE notes SET s = 'x'"), 625)
        assert re.search(
            r"Statement '\w+-[^']*' has locked table 'NOTES' in transaction \d+ and this lock has not yet", str(error)
        )
        connection.cursor().execute("ALTER SESSION SET LOCK_TIMEOUT = 0")
        fails(lambda: waiting.execute("UPDATE notes SET s = 'x'"), 625)
        other.cursor().execute("COMMIT")
        waiting.execute("UPDATE notes SET s = 'x'")


def test_of_two_transactions_that_wait_for_each_other_one_statement_fails(
    endpoint: RunningEndpoint, connection: Any
) -> None:
    connection.cursor().execute("CREATE OR REPLACE TABLE others (s STRING)")
    outcomes: list[str] = []
    both = threading.Barrier(2)

    def work(first: str, second: str) -> None:
        with endpoint.connect() as own:
            own.cursor().execute("BEGIN")
            own.cursor().execute(f"DELETE FROM {first}")
            both.wait(30)
            try:
                own.cursor().execute(f"DELETE FROM {second}")
                outcomes.append("done")
            except ProgrammingError as error:
                outcomes.append(str(error.errno))
                own.cursor().execute("ROLLBACK")

    threads = [threading.Thread(target=work, args=pair) for pair in (("notes", "others"), ("others", "notes"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(outcomes) == ["625", "done"]


def test_an_endpoint_that_ends_cancels_what_runs(endpoint: RunningEndpoint, tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.mktemp("ending")
    ending = RunningEndpoint(folder / "warehouse", folder / "s3")
    ending.start()
    ending.connect().cursor().execute_async(FOREVER)
    began = time.monotonic()
    ending.stop()
    assert time.monotonic() - began < 15
