"""Snowflake's transaction rules, several sessions at once, and kill -9."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import snowflake.connector

from local_stack.endpoint.chain import Chain
from local_stack.endpoint.engine import cancellation
from local_stack.endpoint.engine.engine import Engine
from local_stack.endpoint.engine.locks import TableLocks
from local_stack.endpoint.sessions import Sessions
from local_stack.endpoint.statements import SqlError
from tests.conftest import RunningEndpoint


@pytest.fixture
def sessions(endpoint: RunningEndpoint) -> Iterator[tuple[Any, Any]]:
    with endpoint.connect() as one, endpoint.connect() as other:
        one.cursor().execute("CREATE OR REPLACE TABLE t (i INT, s STRING)")
        yield one.cursor(), other.cursor()


def count(cursor: Any, table: str = "t") -> int:
    return int(cursor.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])


def test_others_see_a_transaction_only_after_its_commit(sessions: tuple[Any, Any]) -> None:
    one, other = sessions
    one.execute("BEGIN")
    one.execute("INSERT INTO t VALUES (1, 'a')")
    other.execute("INSERT INTO t VALUES (2, 'b')")
    assert (count(one), count(other)) == (2, 1)
    one.execute("COMMIT")
    assert count(other) == 2


def test_transactions_and_locks_are_shown(endpoint: RunningEndpoint, sessions: tuple[Any, Any]) -> None:
    one, other = sessions
    assert other.execute("SHOW TRANSACTIONS").fetchall() == other.execute("SHOW LOCKS").fetchall() == []
    one.execute("BEGIN")
    one.execute("UPDATE t SET i = 2")
    number, session = one.execute("SELECT CURRENT_TRANSACTION(), CURRENT_SESSION()").fetchone()
    shown = other.execute("SHOW TRANSACTIONS IN ACCOUNT").fetchone()
    assert (str(shown[0]), shown[2], shown[5]) == (number, int(session), "running")
    table, kind, transaction, began, status, *_ = other.execute("SHOW LOCKS").fetchone()
    assert (table.split(".")[-1], kind, str(transaction), began, status) == (
        "T",
        "PARTITIONS",
        number,
        shown[4],
        "HOLDING",
    )
    with endpoint.connect(user="SOMEONE") as foreign:
        assert foreign.cursor().execute("SHOW TRANSACTIONS").fetchall() == []
    one.execute("ROLLBACK")
    assert other.execute("SHOW LOCKS IN ACCOUNT").fetchall() == []


@pytest.mark.parametrize(
    "ddl", ["CREATE OR REPLACE TABLE u AS SELECT 1 AS i", "CREATE OR REPLACE VIEW w AS SELECT 1 AS i"]
)
def test_ddl_commits_the_open_transaction(sessions: tuple[Any, Any], ddl: str) -> None:
    one, other = sessions
    one.execute("BEGIN")
    one.execute("INSERT INTO t VALUES (1, 'a')")
    one.execute(ddl)
    one.execute("ROLLBACK")
    assert count(other) == 1


def test_a_transaction_reads_what_others_commit(sessions: tuple[Any, Any]) -> None:
    one, other = sessions
    one.execute("BEGIN")
    assert count(one) == 0
    other.execute("INSERT INTO t VALUES (1, 'a')")
    assert count(one) == 1
    one.execute("UPDATE t SET s = 'changed'")
    one.execute("COMMIT")
    assert other.execute("SELECT s FROM t").fetchone() == ("changed",)


def test_a_compilation_error_leaves_the_transaction_open(sessions: tuple[Any, Any]) -> None:
    one, other = sessions
    one.execute("BEGIN")
    one.execute("INSERT INTO t VALUES (1, 'a')")
    with pytest.raises(snowflake.connector.errors.ProgrammingError):
        one.execute("SELECT no_such_column FROM t")
    one.execute("COMMIT")
    assert count(other) == 1


def test_a_statement_that_fails_undoes_itself_alone(sessions: tuple[Any, Any]) -> None:
    one, other = sessions
    one.execute("BEGIN")
    one.execute("INSERT INTO t VALUES (1, 'a')")
    with pytest.raises(snowflake.connector.errors.ProgrammingError):
        one.execute("INSERT INTO t SELECT s::INT, s FROM t")
    with pytest.raises(snowflake.connector.errors.ProgrammingError):
        one.execute("SELECT s::INT FROM t")
    one.execute("INSERT INTO t VALUES (2, 'b')")
    assert (count(one), count(other)) == (2, 0)
    one.execute("COMMIT")
    assert other.execute("SELECT i FROM t ORDER BY i").fetchall() == [(1,), (2,)]


def test_autocommit_off(endpoint: RunningEndpoint, sessions: tuple[Any, Any]) -> None:
    _, other = sessions
    with endpoint.connect(autocommit=False) as connection:
        connection.cursor().execute("INSERT INTO t VALUES (1, 'a')")
        assert count(other) == 0
        connection.rollback()
        connection.cursor().execute("INSERT INTO t VALUES (2, 'b')")
        connection.commit()
    assert count(other) == 1


def test_concurrent_writers_wait_for_each_other(endpoint: RunningEndpoint, sessions: tuple[Any, Any]) -> None:
    one, _ = sessions
    one.execute("INSERT INTO t VALUES (0, 'counter')")
    failures: list[Exception] = []

    def work() -> None:
        try:
            with endpoint.connect() as connection:
                cursor = connection.cursor()
                for _ in range(5):
                    cursor.execute("UPDATE t SET i = i + 1 WHERE s = 'counter'")
                    cursor.execute("INSERT INTO t VALUES (1, 'row')")
                cursor.execute("BEGIN")
                cursor.execute("DELETE FROM t WHERE s = 'row' AND i < 0")
                cursor.execute("UPDATE t SET i = i + 1 WHERE s = 'counter'")
                cursor.execute("COMMIT")
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert one.execute("SELECT i FROM t WHERE s = 'counter'").fetchone() == (24,)
    assert count(one) == 21


def test_twenty_statements_wait_for_a_lock_and_no_more() -> None:
    locks = TableLocks()
    locks.acquire("holder", ["D.S.T"], 0)
    with ThreadPoolExecutor(20) as threads:
        waiting = [threads.submit(locks.acquire, f"waiter {n}", ["D.S.T"], 60) for n in range(20)]
        while len(locks.listed()) < 21:
            assert not any(one.done() for one in waiting)
        with pytest.raises(SqlError, match=r"(?s)has locked table 'T' .* exceeds the 20 statements limit") as refused:
            locks.acquire("one too many", ["D.S.T"], 60)
        assert refused.value.errno == 625
        locks.release("holder")
        for _ in waiting:  # each takes it in its turn
            while not (held := [owner for _, owner, since in locks.listed() if since]):
                assert not any(one.exception() for one in waiting if one.done())
            locks.release(held[0])
        assert [one.result() for one in waiting] == [None] * 20


def test_an_idle_transaction_that_blocks_another_is_rolled_back(tmp_path: Path) -> None:
    engine = Engine(tmp_path / "warehouse", tmp_path / "s3", idle_blocker_seconds=0)
    registry = Sessions(engine, Chain())
    one, other = registry.open(), registry.open()
    other.execute("ALTER SESSION SET LOCK_TIMEOUT = 0")
    for sql in ("CREATE DATABASE d", "CREATE TABLE t AS SELECT 1 i", "BEGIN", "UPDATE t SET i = 2"):
        one.execute(sql)
    update = "UPDATE d.public.t SET i = i + 10"
    with cancellation.statement() as waiting, ThreadPoolExecutor(1) as threads:
        running = threads.submit(copy_context().run, one.execute, "SELECT SYSTEM$WAIT(600)")
        while not one.under_way:
            assert not running.done()
        with pytest.raises(SqlError, match=r"(?s)has locked table 'T' in transaction \d+ .*LOCK_TIMEOUT, 0 seconds"):
            other.execute(update)
        waiting.request(cancellation.canceled())
        assert isinstance(running.exception(), SqlError)
    other.execute(update)
    with pytest.raises(SqlError, match="It was idle for 0 seconds"):
        one.execute("COMMIT")
    assert one.execute("UPDATE t SET i = 0 WHERE i = 11").rows() == [(1, 0)]
    registry.close_all()
    engine.close()


def test_temporary_tables_are_the_sessions_own_and_hide(endpoint: RunningEndpoint, sessions: tuple[Any, Any]) -> None:
    one, other = sessions
    one.execute("INSERT INTO t VALUES (1, 'a')")
    other.execute("CREATE TEMPORARY TABLE test.public.t AS SELECT 9 AS i")
    assert other.execute("SELECT t.i FROM t").fetchall() == [(9,)]
    assert count(one) == 1
    other.execute("DROP TABLE t")
    assert other.execute("SELECT i FROM t").fetchall() == [(1,)]


@pytest.mark.integration
def test_killed_in_the_middle_of_a_load(tmp_path: Path) -> None:
    running = RunningEndpoint(tmp_path / "warehouse", tmp_path / "s3")
    folder = tmp_path / "s3" / "bucket"
    folder.mkdir(parents=True)
    pq.write_table(pa.table({"i": list(range(10_000))}), folder / "rows.parquet")
    copy = (
        "COPY INTO loads FROM @s FILES = ('rows.parquet') FILE_FORMAT = (TYPE = PARQUET) "
        "MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE"
    )
    running.start()
    try:
        cursor = running.connect().cursor()
        cursor.execute("CREATE TABLE loads (i INT)")
        cursor.execute("CREATE STAGE s URL = 's3://bucket/'")
        cursor.execute("INSERT INTO loads VALUES (-1)")
        cursor.execute("BEGIN")
        cursor.execute("DELETE FROM loads")
        assert cursor.execute(copy).fetchone()[1] == "LOADED"
        running.stop(signal.SIGKILL)
        running.start()
        with running.connect() as connection:
            cursor = connection.cursor()
            assert cursor.execute("SELECT COUNT(*), MIN(i) FROM loads").fetchone() == (1, -1)
            assert cursor.execute(copy).fetchone()[1] == "LOADED", "the killed load is not remembered"
        running.stop()
        running.start()
        with running.connect() as connection:
            assert count(connection.cursor(), "loads") == 10_001
            assert connection.cursor().execute(copy).fetchone()[1] == "LOAD_SKIPPED"
    finally:
        running.stop()
