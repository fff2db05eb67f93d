"""SQL procedures and scripting blocks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import snowflake.connector

from tests.conftest import RunningEndpoint

pytestmark = pytest.mark.integration


@pytest.fixture
def connection(endpoint: RunningEndpoint) -> Iterator[Any]:
    with endpoint.connect() as opened:
        opened.cursor().execute("CREATE OR REPLACE SCHEMA sp")
        opened.cursor().execute("CREATE TABLE t AS SELECT column1 AS a, column2 AS b FROM VALUES (1, 'x'), (2, 'y')")
        yield opened


def run(connection: Any, sql: str) -> Any:
    return connection.cursor().execute(sql).fetchall()


def test_variables_loops_and_conditions(connection: Any) -> None:
    run(
        connection,
        """
        CREATE PROCEDURE work(n INT, tag STRING DEFAULT 'none') RETURNS VARIANT LANGUAGE SQL AS $$
        DECLARE
            total INT DEFAULT 0;
            kind STRING;
        BEGIN
            INSERT INTO t VALUES (:n, :tag);
            FOR i IN 1 TO n DO total := total + i; END FOR;
            FOR r IN (SELECT a FROM t ORDER BY a) DO
                IF (r.a = 2) THEN CONTINUE; END IF;
                total := total + r.a;
            END FOR;
            WHILE (total > 100) DO total := total - 10; END WHILE;
            SELECT COUNT(*) INTO :n FROM t;
            IF (total > 6) THEN kind := 'big'; ELSEIF (total = 6) THEN kind := 'six'; ELSE kind := 'small'; END IF;
            RETURN OBJECT_CONSTRUCT('total', total, 'kind', kind, 'rows', n, 'tag', tag);
        END
        $$
        """,
    )
    answer = json.loads(run(connection, "CALL work(3)")[0][0])
    assert answer == {"total": 10, "kind": "big", "rows": 3, "tag": "none"}
    assert run(connection, "SELECT a, b FROM t WHERE b = 'none'") == [(3, "none")]


def test_exceptions_are_caught_raised_and_reported(connection: Any) -> None:
    run(
        connection,
        "CREATE PROCEDURE caught() RETURNS STRING LANGUAGE SQL AS BEGIN SELECT * FROM missing; RETURN 'no';"
        " EXCEPTION WHEN STATEMENT_ERROR THEN RETURN 'caught ' || SQLSTATE; END",
    )
    assert run(connection, "CALL caught()") == [("caught 42S02",)]
    block = (
        "DECLARE mine EXCEPTION (-20002, 'too bad'); BEGIN RAISE mine;"
        " EXCEPTION WHEN mine THEN RETURN SQLERRM || SQLCODE; END"
    )
    assert run(connection, block) == [("too bad-20002",)]
    with pytest.raises(snowflake.connector.errors.ProgrammingError, match="too bad"):
        run(connection, "DECLARE mine EXCEPTION (-20002, 'too bad'); BEGIN RAISE mine; END")
    with pytest.raises(snowflake.connector.errors.ProgrammingError, match="identifier NOPE must be declared"):
        run(connection, "BEGIN INSERT INTO t VALUES (:nope, 'x'); END")


def test_tables_are_returned(connection: Any) -> None:
    run(
        connection,
        "CREATE PROCEDURE rows_of() RETURNS TABLE(a INT, b STRING) LANGUAGE SQL AS"
        " $$ DECLARE rs RESULTSET DEFAULT (SELECT a, b FROM t ORDER BY a DESC); BEGIN RETURN TABLE(rs); END $$",
    )
    assert run(connection, "CALL rows_of()") == [(2, "y"), (1, "x")]
    assert run(connection, "SELECT SUM(a) FROM TABLE(rows_of())") == [(3,)]


def test_blocks_run_alone_and_immediately(connection: Any) -> None:
    assert run(connection, "BEGIN LET x INT := 4; RETURN x * 2; END") == [(8,)]
    assert run(connection, "EXECUTE IMMEDIATE $$ BEGIN RETURN 'now'; END $$") == [("now",)]
    assert run(connection, "EXECUTE IMMEDIATE 'SELECT MAX(a) FROM t'") == [(2,)]
    run(connection, "BEGIN")  # a transaction, no block
    run(connection, "ROLLBACK")


def test_a_transaction_left_open_is_rolled_back_with_an_error(connection: Any) -> None:
    body = "BEGIN BEGIN TRANSACTION; INSERT INTO t VALUES (9, 'z'); RETURN 'x'; END"
    run(connection, f"CREATE PROCEDURE leaves() RETURNS STRING LANGUAGE SQL AS $$ {body} $$")
    with pytest.raises(snowflake.connector.errors.ProgrammingError, match="incomplete"):
        run(connection, "CALL leaves()")
    assert run(connection, "SELECT COUNT(*) FROM t WHERE a = 9") == [(0,)]


def test_what_is_not_run_is_named(connection: Any) -> None:
    with pytest.raises(snowflake.connector.errors.ProgrammingError, match="FETCH in a SQL procedure"):
        run(connection, "BEGIN FETCH c INTO x; END")
