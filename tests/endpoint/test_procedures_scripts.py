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
        opened.cursor().execute("CREATE TABLE t (a INT, b STRING)")
        opened.cursor().execute("INSERT INTO t VALUES (1, 'x'), (2, 'y')")
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
            rows_of_t CURSOR FOR SELECT a FROM t ORDER BY a;
        BEGIN
            INSERT INTO t VALUES (:n, :tag);
            FOR i IN 1 TO (n) DO total := total + i; END FOR;
            FOR r IN rows_of_t DO
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
    with pytest.raises(snowflake.connector.errors.ProgrammingError, match="Bind variable :NOPE not set"):
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
    for statement in ("ASYNC (SELECT 1)", "AWAIT ALL", "CANCEL rs", "LET rs RESULTSET := ASYNC (SELECT 1)"):
        with pytest.raises(
            snowflake.connector.errors.ProgrammingError, match=r"Unsupported feature '\w+ in a SQL procedure"
        ):
            run(connection, f"BEGIN {statement}; END")


def test_a_loop_over_rows_names_them(connection: Any) -> None:
    with pytest.raises(snowflake.connector.errors.ProgrammingError, match=r"syntax error .* unexpected '\('"):
        run(connection, "BEGIN FOR r IN (SELECT a FROM t) DO RETURN r.a; END FOR; END")


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ("BEGIN LET s STRING := (SELECT 'x'); RETURN s; END", "x"),
        ("BEGIN LET n INT := (SELECT COUNT(*) FROM t); RETURN n + 1; END", 3),
        ("BEGIN LET n := (SELECT MAX(a) FROM t); RETURN n; END", 2),
        ("DECLARE x INT; BEGIN x := (SELECT a FROM t WHERE b = 'y'); RETURN x; END", 2),
        ("DECLARE y INT DEFAULT (SELECT COUNT(*) FROM t); BEGIN RETURN y; END", 2),
        ("BEGIN RETURN (SELECT 2) * 10; END", 20),
        ("BEGIN LET k STRING := 'y'; RETURN (SELECT a FROM t WHERE b = :k) + (SELECT 1); END", 3),
        ("BEGIN IF ((SELECT COUNT(*) FROM t) = 2) THEN RETURN 'two'; END IF; RETURN 'other'; END", "two"),
        ("BEGIN IF (EXISTS (SELECT 1 FROM t WHERE a = 9)) THEN RETURN 'yes'; END IF; RETURN 'no'; END", "no"),
        ("DECLARE s INT := 0; BEGIN FOR i IN 1 TO (SELECT COUNT(*) FROM t) DO s := s + i; END FOR; RETURN s; END", 3),
        ("BEGIN LET n INT := (SELECT a FROM t WHERE b = 'none'); RETURN COALESCE(n, -1); END", -1),
        ("BEGIN LET n NUMBER(5,1) := (SELECT 1.26); RETURN n::STRING; END", "1.3"),
    ],
)
def test_a_query_in_the_place_of_a_value_gives_its_value(connection: Any, block: str, expected: Any) -> None:
    assert run(connection, block) == [(expected,)]


def test_a_query_in_the_place_of_a_value_gives_one_value(connection: Any) -> None:
    with pytest.raises(
        snowflake.connector.errors.ProgrammingError, match="Single-row subquery returns more than"
    ) as error:
        run(connection, "BEGIN LET n INT := (SELECT a FROM t); RETURN n; END")
    assert (error.value.errno, error.value.sqlstate) == (90150, "22000")
    assert "Uncaught exception of type 'EXPRESSION_ERROR' on line 1 at position 6" in str(error.value)
    with pytest.raises(snowflake.connector.errors.ProgrammingError, match="Unsupported subquery type"):
        run(connection, "BEGIN LET n INT := (SELECT a, b FROM t WHERE a = 1); RETURN n; END")


def test_arguments_of_call_are_evaluated_once_and_not_for_a_call_that_fails(connection: Any) -> None:
    run(connection, "CREATE SEQUENCE sq")
    run(connection, "CREATE PROCEDURE echo(n INT) RETURNS INT LANGUAGE SQL AS 'BEGIN RETURN n; END'")
    for wrong in ("CALL nowhere(sq.nextval)", "CALL echo(sq.nextval, 2)", "CALL echo(nope => sq.nextval)"):
        with pytest.raises(snowflake.connector.errors.ProgrammingError):
            run(connection, wrong)
    assert [run(connection, "CALL echo(sq.nextval)")[0][0] for _ in range(3)] == [1, 2, 3]
    assert run(connection, "SELECT sq.nextval + 1") == [(5,)]
    assert run(connection, "CALL echo((SELECT COUNT(*) FROM t))") == [(2,)]
    assert run(connection, "CALL echo(SELECT COUNT(*) FROM t)") == [(2,)]


def test_cursors_are_opened_fetched_and_closed(connection: Any) -> None:
    block = """
    DECLARE
        low INT := 1;
        x INT; y STRING;
        c CURSOR FOR SELECT a, b FROM t WHERE a >= ? ORDER BY a DESC;
    BEGIN
        OPEN c USING (low);
        FETCH c INTO x, y;
        LET seen STRING := x || y;
        FETCH c INTO x, y;
        seen := seen || x || y;
        FETCH c INTO x, y;
        CLOSE c;
        RETURN seen || COALESCE(y, ' end');
    END"""
    assert run(connection, block) == [("2y1x end",)]
    over = "DECLARE s INT := 0; c CURSOR FOR SELECT a FROM t; BEGIN FOR r IN c DO s := s + r.a; END FOR; RETURN s; END"
    assert run(connection, over) == [(3,)]
    table = "DECLARE c CURSOR FOR SELECT a FROM t ORDER BY a; BEGIN OPEN c; RETURN TABLE(RESULTSET_FROM_CURSOR(c)); END"
    assert run(connection, table) == [(1,), (2,)]
    with pytest.raises(snowflake.connector.errors.ProgrammingError, match="Cursor 'C' is not open"):
        run(connection, "DECLARE x INT; c CURSOR FOR SELECT a FROM t; BEGIN FETCH c INTO x; END")


def test_result_sets_are_assigned_and_read(connection: Any) -> None:
    block = """
    DECLARE
        rs RESULTSET;
        low INT := 2;
        total INT := 0;
    BEGIN
        rs := (EXECUTE IMMEDIATE 'SELECT a FROM t WHERE a >= ?' USING (low));
        LET c CURSOR FOR rs;
        FOR r IN c DO total := total + r.a; END FOR;
        rs := (SELECT a * 10 AS a FROM t WHERE a < :low);
        FOR r IN rs DO INSERT INTO t VALUES (:r.a, 'row'); END FOR;
        RETURN total || '/' || (SELECT MAX(a) FROM t);
    END"""
    assert run(connection, block) == [("2/10",)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("CASE (x) WHEN 1 THEN RETURN 'one'; WHEN 3 THEN RETURN 'three'; ELSE RETURN 'many'; END CASE;", "three"),
        ("CASE WHEN x > 5 THEN RETURN 'big'; WHEN x > 2 THEN RETURN 'mid'; END;", "mid"),
        ("CASE (x) WHEN 1 THEN RETURN 'one'; END CASE; RETURN 'none';", "none"),
        ("REPEAT x := x - 1; UNTIL (x <= 0) END REPEAT; RETURN x;", 0),
        ("LOOP x := x + 1; IF (x > 7) THEN BREAK; END IF; END LOOP; RETURN x;", 8),
        ("WHILE (TRUE) DO LOOP x := x + 1; BREAK outer_one; END LOOP inner_one; END WHILE outer_one; RETURN x;", 4),
        (
            "FOR i IN 1 TO 3 DO FOR j IN 1 TO 3 DO IF (j = 2) THEN CONTINUE o; END IF; x := x + 1; END FOR;"
            " END FOR o; RETURN x;",
            6,
        ),
        ("FOR i IN REVERSE 1 TO 3 LOOP x := x * 10 + i; END LOOP; RETURN x;", 3321),
        ("LET a ARRAY := [1, 2]; FOR i IN 0 TO 1 DO x := x + a[i]; END FOR; RETURN x;", 6),
        ("BEGIN LET x STRING := 'inner'; NULL; END; RETURN x;", 3),
    ],
)  # fmt: skip
def test_branches_loops_and_labels(connection: Any, body: str, expected: Any) -> None:
    assert run(connection, f"DECLARE x INT := 3; BEGIN {body} END") == [(expected,)]


def test_conditions_stand_in_parentheses(connection: Any) -> None:
    for body in (
        "IF 1 = 1 THEN RETURN 1; END IF;",
        "WHILE TRUE DO BREAK; END WHILE;",
        "REPEAT NULL; UNTIL TRUE END REPEAT;",
    ):
        with pytest.raises(snowflake.connector.errors.ProgrammingError, match="syntax error"):
            run(connection, f"BEGIN {body} RETURN 2; END")


def test_handlers_by_name_kind_and_what_follows_them(connection: Any) -> None:
    continues = """
    DECLARE n INT := 0;
    BEGIN
        INSERT INTO missing VALUES (1);
        n := n + 1;
        n := 1 / 0;
        n := n + 10;
        RETURN n;
    EXCEPTION
        WHEN STATEMENT_ERROR CONTINUE THEN n := n + 100;
        WHEN EXPRESSION_ERROR CONTINUE THEN n := n + 1000;
    END"""
    assert run(connection, continues) == [(1111,)]
    again = (
        "DECLARE mine EXCEPTION (-20003, 'mine'); BEGIN BEGIN RAISE mine; EXCEPTION WHEN mine THEN RAISE; END;"
        " EXCEPTION WHEN OTHER THEN RETURN SQLCODE || SQLERRM || SQLSTATE; END"
    )
    assert run(connection, again) == [("-20003mineP0001",)]
    with pytest.raises(snowflake.connector.errors.ProgrammingError) as error:
        run(connection, "BEGIN\n  LET x INT := 1;\n  SELECT * FROM missing;\nEND")
    assert "Uncaught exception of type 'STATEMENT_ERROR' on line 3 at position 2" in str(error.value)
    assert error.value.errno == 2003


def test_what_a_statement_did_is_told(connection: Any) -> None:
    block = """
    DECLARE told STRING;
    BEGIN
        UPDATE t SET b = b || '!' WHERE a > 1;
        told := SQLROWCOUNT || '/' || SQLFOUND || '/' || SQLNOTFOUND;
        DELETE FROM t WHERE a = 99;
        told := told || ' ' || SQLROWCOUNT || '/' || SQLNOTFOUND;
        SELECT a FROM t;
        RETURN told || ' ' || COALESCE(SQLROWCOUNT::STRING, 'NULL') || ACTIVITY_COUNT;
    END"""
    assert run(connection, block) == [("1/true/false 0/true NULL2",)]


def test_select_into_takes_one_row(connection: Any) -> None:
    assert run(
        connection, "DECLARE x INT; y STRING; BEGIN SELECT a, b INTO :x, :y FROM t WHERE a = 2; RETURN x || y; END"
    ) == [("2y",)]
    assert run(connection, "DECLARE x INT; BEGIN SELECT COUNT(*) INTO x FROM t; RETURN x; END") == [(2,)]
    assert run(connection, "DECLARE x INT := 5; BEGIN SELECT a INTO :x FROM t WHERE a = 9; RETURN x; END") == [(None,)]
    with pytest.raises(snowflake.connector.errors.ProgrammingError, match="exactly 1 returned row, but got 2"):
        run(connection, "DECLARE x INT; BEGIN SELECT a INTO :x FROM t; RETURN x; END")


def test_names_in_strings_comments_and_calls_are_no_variables(connection: Any) -> None:
    block = """
    DECLARE a INT := 7; day INT := 2; b STRING := 'v';
    BEGIN
        -- :a is a comment
        INSERT INTO t VALUES (:a, ':a and b'); /* :nope */
        RETURN 'a b' || b || DATEADD(day, day, '2024-01-01'::DATE) || (SELECT MAX(b) FROM t WHERE a = :a);
    END"""
    assert run(connection, block) == [("a bv2024-01-03:a and b",)]


def test_values_of_every_type_pass_through_variables(connection: Any) -> None:
    block = """
    DECLARE
        d DATE := '2024-01-15'; n NUMBER(10,2) := -1.5; f FLOAT := 0.25; o OBJECT := OBJECT_CONSTRUCT('k', ARRAY_CONSTRUCT(1, 2));
        ts TIMESTAMP_NTZ := '2024-01-15 10:00:00.5'; flag BOOLEAN := TRUE; name STRING := 'IT''S'; nothing INT;
        target STRING := 't';
    BEGIN
        CREATE OR REPLACE TABLE kept AS SELECT :d AS d, :n AS n, :f AS f, :o AS o, :ts AS ts, :flag AS flag, :name AS name;
        INSERT INTO kept (name) VALUES ('longer than that');
        LET rows_of INT := (SELECT COUNT(*) FROM IDENTIFIER(:target));
        RETURN o:k[1]::INT + rows_of + COALESCE(nothing, 0);
    END"""
    assert run(connection, block) == [(4,)]
    (row,) = run(connection, "SELECT d, n, f, o:k[0]::INT, ts, flag, name FROM kept WHERE n IS NOT NULL")
    assert [str(value) for value in row] == [
        "2024-01-15", "-1.50", "0.25", "1", "2024-01-15 10:00:00.500000", "True", "IT'S",
    ]  # fmt: skip
