"""Statements that the client does not wait for: their state, result and error, from any session of the user."""

from __future__ import annotations

import time
import uuid
from typing import Any

import pytest
from snowflake.connector.constants import QueryStatus
from snowflake.connector.errors import ProgrammingError
from snowflake.snowpark import Session

from tests.conftest import RunningEndpoint

pytestmark = pytest.mark.integration

SLOW = "SELECT 'slow' AS s, SYSTEM$WAIT(2) AS w"


def ended(connection: Any, query_id: str) -> QueryStatus:
    while connection.is_still_running(status := connection.get_query_status(query_id)):
        time.sleep(0.05)
    return QueryStatus(status)


def test_the_request_returns_before_the_statement_ends(endpoint: RunningEndpoint) -> None:
    with endpoint.connect() as connection:
        cursor = connection.cursor()
        cursor.execute_async(SLOW)
        assert connection.get_query_status(cursor.sfqid) == QueryStatus.RUNNING
        assert ended(connection, cursor.sfqid) == QueryStatus.SUCCESS
        cursor.get_results_from_sfqid(cursor.sfqid)
        assert cursor.fetchall() == [("slow", "waited 2 seconds")]


def test_the_result_is_waited_for_and_outlives_its_session(endpoint: RunningEndpoint) -> None:
    with endpoint.connect() as connection:
        cursor = connection.cursor()
        cursor.execute_async(SLOW)
    with endpoint.connect() as other:
        later = other.cursor()
        later.get_results_from_sfqid(cursor.sfqid)
        assert later.fetchall() == [("slow", "waited 2 seconds")]
        scanned = other.cursor().execute(f"SELECT s FROM TABLE(RESULT_SCAN('{cursor.sfqid}'))")
        assert scanned.fetchall() == [("slow",)]
    with endpoint.connect(user="somebody") as stranger:
        assert stranger.get_query_status(cursor.sfqid) == QueryStatus.NO_DATA
        with pytest.raises(ProgrammingError):
            stranger.cursor().execute(f"SELECT * FROM TABLE(RESULT_SCAN('{cursor.sfqid}'))")


@pytest.mark.parametrize(
    ("sql", "errno"), [("SELECT * FROM nowhere", 2003), ("SELECT 'x'::INT", 100038), ("SELEC 1", 1003)]
)
def test_an_error_arrives_when_the_client_asks(endpoint: RunningEndpoint, sql: str, errno: int) -> None:
    with endpoint.connect() as connection:
        cursor = connection.cursor()
        cursor.execute_async(sql)
        assert ended(connection, cursor.sfqid) == QueryStatus.FAILED_WITH_ERROR
        with pytest.raises(ProgrammingError) as caught:
            connection.get_query_status_throw_if_error(cursor.sfqid)
        assert caught.value.errno == errno
        with pytest.raises(ProgrammingError):
            cursor.get_results_from_sfqid(cursor.sfqid)


def test_an_error_carries_the_id_under_which_the_statement_is_known(endpoint: RunningEndpoint) -> None:
    with endpoint.connect() as connection:
        with pytest.raises(ProgrammingError) as caught:
            connection.cursor().execute("SELECT * FROM nowhere")
        assert connection.get_query_status(caught.value.sfqid) == QueryStatus.FAILED_WITH_ERROR


def test_an_unknown_statement_has_no_state(endpoint: RunningEndpoint) -> None:
    with endpoint.connect() as connection:
        assert connection.get_query_status(str(uuid.uuid4())) == QueryStatus.NO_DATA


def test_a_request_sent_again_runs_once(endpoint: RunningEndpoint) -> None:
    with endpoint.connect() as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE OR REPLACE TABLE once (i INT)")
        again = {"requestId": str(uuid.uuid4())}
        first = cursor.execute("INSERT INTO once VALUES (1)", _statement_params=again).sfqid
        assert cursor.execute("INSERT INTO once VALUES (1)", _statement_params=again).sfqid == first
        assert cursor.execute("SELECT COUNT(*) FROM once").fetchone() == (1,)


def test_snowpark_collects_without_waiting(endpoint: RunningEndpoint) -> None:
    with Session.builder.configs({"connection": endpoint.connect()}).create() as session:
        jobs = [session.sql(f"SELECT {i} AS i, SYSTEM$WAIT(1) AS w").collect_nowait() for i in range(3)]
        assert not jobs[-1].is_done()
        assert [job.result()[0]["I"] for job in jobs] == [0, 1, 2]
        job = session.sql("SELECT SYSTEM$WAIT(600)").collect_nowait()
        job.cancel()
        assert not job.is_done() or job.is_failed()
        with pytest.raises(Exception, match="cancel"):
            job.result()
        assert session.sql("SELECT 1").collect()[0][0] == 1
