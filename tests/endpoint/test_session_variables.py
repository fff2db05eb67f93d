"""SET, UNSET, SHOW VARIABLES, `$x` as a typed value and IDENTIFIER() wherever a name stands."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import snowflake.connector
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import RunningEndpoint

pytestmark = pytest.mark.integration


@pytest.fixture
def connection(endpoint: RunningEndpoint) -> Iterator[Any]:
    with endpoint.connect() as opened:
        opened.cursor().execute("CREATE OR REPLACE SCHEMA vars")
        yield opened


def run(connection: Any, *statements: str) -> Any:
    for statement in statements:
        cursor = connection.cursor().execute(statement)
    return cursor.fetchall()


def refusal(connection: Any, sql: str) -> Any:
    with pytest.raises(snowflake.connector.errors.ProgrammingError) as caught:
        run(connection, sql)
    return caught.value


# -- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("10", 10),
        ("-10", -10),
        ("1.50", Decimal("1.50")),
        ("1.5::FLOAT", 1.5),
        ("'it''s'", "it's"),
        (r"'back\\slash'", r"back\slash"),
        ("TRUE", True),
        ("'2024-02-29'::DATE", dt.date(2024, 2, 29)),
        ("'2024-02-29 01:02:03.4'::TIMESTAMP_NTZ", dt.datetime(2024, 2, 29, 1, 2, 3, 400_000)),
        ("'01:02:03'::TIME", dt.time(1, 2, 3)),
        ("X'0aff'", b"\x0a\xff"),
        ("NULL", None),
        ("(SELECT COUNT(*) + 1 FROM VALUES (1), (2))", 3),
        ("'a' || 'b' || 1", "ab1"),
    ],
)
def test_a_variable_keeps_the_value_and_the_type_of_its_expression(
    connection: Any, expression: str, value: Any
) -> None:
    ((found,),) = run(connection, f"SET v = {expression}", "SELECT $v")
    assert repr(found).replace("bytearray(", "").rstrip(")") == repr(value).rstrip(")")


def test_the_expression_is_evaluated_once_when_the_variable_is_set(connection: Any) -> None:
    run(connection, "CREATE SEQUENCE q", "SET n = (SELECT q.NEXTVAL)")
    assert run(connection, "SELECT $n, $n") == [(1, 1)]
    assert run(connection, "SELECT q.NEXTVAL") == [(2,)]


def test_several_variables_are_set_after_all_expressions_are_evaluated(connection: Any) -> None:
    run(connection, "SET (min, max) = (40, 70)", "SET (min, max) = (50, 2 * $min)")
    assert run(connection, "SELECT $min, $max") == [(50, 80)]
    assert run(connection, "SET (a, b, c) = (SELECT 1, 'x', TRUE)", "SELECT $a, $b, $c") == [(1, "x", True)]
    assert run(connection, "SET (u, w) = ((SELECT 5), (SELECT 'y'))", "SELECT $u, $w") == [(5, "y")]
    assert "number of variables (2)" in str(refusal(connection, "SET (a, b) = (1, 2, 3)"))


def test_variables_are_found_by_name_whatever_the_case_and_never_by_a_prefix(connection: Any) -> None:
    run(connection, "SET day = 1", "SET day_before = 2", "SET Days = 3")
    assert run(connection, "SELECT $DAY, $Day_Before, $days") == [(1, 2, 3)]


def test_text_that_looks_like_a_variable_is_none(connection: Any) -> None:
    run(connection, "SET x = 'seen'")
    sql = """SELECT '$x', "$x", $$ $x $$ AS body, $1 -- $x
             /* $x */ FROM (SELECT 'column' AS "$x", 2 AS b) t"""
    assert refusal(connection, "SELECT $1 FROM nowhere")
    assert run(connection, sql.replace(", $1", "")) == [("$x", "column", " $x ")]
    assert run(connection, "SELECT $1, $2, $x FROM VALUES (1, 2)") == [(1, 2, "seen")]
    assert run(connection, "SELECT a$x FROM (SELECT 1 AS a$x)") == [(1,)]


def test_a_value_is_data_never_sql(connection: Any) -> None:
    run(connection, "SET evil = '1; DROP TABLE t --'")
    assert run(connection, "SELECT $evil || $evil") == [("1; DROP TABLE t --" * 2,)]


def test_a_negative_value_does_not_make_a_comment(connection: Any) -> None:
    run(connection, "SET n = -5", "CREATE TABLE seen (a INT)", "INSERT INTO seen VALUES (-$n), (3-$n), ($n*2)")
    assert run(connection, "SELECT a FROM seen ORDER BY a") == [(-10,), (5,), (8,)]


def test_variables_stand_where_literals_stand(connection: Any) -> None:
    run(connection, "CREATE TABLE t (i INT, s VARCHAR)", "INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')")
    run(connection, "SET (n, s, d) = (2, 'b', '2024-01-01'::DATE)")
    assert run(connection, "SELECT i FROM t ORDER BY i LIMIT $n") == [(1,), (2,)]
    assert run(connection, "SELECT DATEADD(day, -$n, $d)") == [(dt.date(2023, 12, 30),)]
    run(connection, "UPDATE t SET s = $s || '!' WHERE i = $n", "DELETE FROM t WHERE s = 'a'")
    run(
        connection,
        "MERGE INTO t USING (SELECT $n + 7 AS i) x ON t.i = x.i WHEN NOT MATCHED THEN INSERT VALUES (x.i, $s)",
    )
    assert run(connection, "SELECT i, s FROM t ORDER BY i") == [(2, "b!"), (3, "c"), (9, "b")]
    run(connection, "CREATE TABLE made AS SELECT $n AS n, $s AS s")
    assert run(connection, "SELECT * FROM made") == [(2, "b")]
    run(connection, "ALTER TABLE made ADD COLUMN extra VARCHAR DEFAULT 'd'", "ALTER SESSION SET QUERY_TAG = $s")
    assert run(connection, "SHOW PARAMETERS LIKE 'QUERY_TAG'")[0][1] == "b"
    assert run(connection, "SHOW TABLES LIKE 'MADE'")[0][1] == "MADE"
    run(connection, "SET like_made = 'ma%'")
    assert [row[1] for row in run(connection, "SHOW TABLES LIKE $like_made")] == ["MADE"]


def test_a_column_that_is_a_variable_is_named_after_it(connection: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("SET max = 80")
    cursor.execute("SELECT $max, $max AS m")
    assert [column.name for column in cursor.description] == ["$MAX", "M"]


def test_a_variable_that_is_not_set_is_named(connection: Any) -> None:
    for sql in ("SELECT $nowhere", "CREATE TABLE t AS SELECT $nowhere a", "DROP ROLE IDENTIFIER($nowhere)"):
        error = refusal(connection, sql)
        assert (error.errno, "Session variable '$NOWHERE' does not exist" in str(error)) == (2211, True)


def test_unset_forgets_and_show_lists(connection: Any) -> None:
    run(connection, "SET (a, b, c) = (1, 'x', 2.5)")
    shown = connection.cursor(snowflake.connector.DictCursor).execute("SHOW VARIABLES").fetchall()
    assert [(row["name"], row["value"], row["type"]) for row in shown] == [
        ("A", "1", "fixed"),
        ("B", "x", "text"),
        ("C", "2.5", "fixed"),
    ]
    assert run(connection, "SHOW VARIABLES LIKE 'b%'")[0][3] == "B"
    run(connection, "UNSET a", "UNSET (b, missing)")
    assert [row[3] for row in run(connection, "SHOW VARIABLES")] == ["C"]
    assert refusal(connection, "SELECT $a").errno == 2211


def test_variables_are_the_sessions_own(endpoint: RunningEndpoint, connection: Any) -> None:
    run(connection, "SET mine = 1")
    with endpoint.connect() as other:
        assert refusal(other, "SELECT $mine").errno == 2211


def test_sizes_and_names_have_limits(connection: Any) -> None:
    run(connection, f"SET v = '{'é' * 128}'")
    assert run(connection, "SELECT LENGTH($v)") == [(128,)]
    assert "size is 257; the limit is 256" in str(refusal(connection, f"SET v = '{'é' * 128}x'"))
    run(connection, f"SET {'n' * 256} = 1")
    assert "too long" in str(refusal(connection, f"SET {'n' * 257} = 1"))
    assert "reserved" in str(refusal(connection, "SET current = 1"))
    assert "VARIANT" in str(refusal(connection, "SET v = PARSE_JSON('1')"))


def test_functions_read_variables_as_text_by_their_upper_case_name(connection: Any) -> None:
    run(connection, "SET var_2 = 'value_2'", "SET n = 5")
    assert run(connection, "SELECT GETVARIABLE('VAR_2'), SESSION_CONTEXT('VAR_2'), GETVARIABLE('N') || 'x'") == [
        ("value_2", "value_2", "5x")
    ]
    assert run(connection, "SELECT GETVARIABLE('var_2'), GETVARIABLE('MISSING')") == [(None, None)]


def test_a_view_reads_its_variables_when_it_is_queried(connection: Any) -> None:
    run(connection, "CREATE TABLE t AS SELECT 1 i UNION ALL SELECT 2", "SET n = 1")
    run(connection, "CREATE VIEW v AS SELECT i FROM t WHERE i = $n OR i::VARCHAR = GETVARIABLE('N')")
    assert run(connection, "SELECT * FROM v") == [(1,)]
    assert run(connection, "SET n = 2", "SELECT * FROM v") == [(2,)]


def test_values_bound_by_the_client_are_set_too(endpoint: RunningEndpoint) -> None:
    with endpoint.connect(paramstyle="qmark") as bound:
        bound.cursor().execute("SET (a, b) = (?, ?)", ("it's", 7))
        assert bound.cursor().execute("SELECT $a, $b, ?", (1,)).fetchall() == [("it's", 7, 1)]


@settings(max_examples=25, deadline=None)
@given(value=st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x00"), max_size=60))
def test_any_text_comes_back_as_it_was_set(endpoint: RunningEndpoint, value: str) -> None:
    if len(value.encode()) > 256:
        return
    with endpoint.connect(paramstyle="qmark") as opened:
        opened.cursor().execute("SET v = ?", (value,))
        assert opened.cursor().execute("SELECT $v, LENGTH($v)").fetchall() == [(value, len(value))]


# -- names ------------------------------------------------------------------------------------------------------------


def test_identifier_names_tables_views_columns_and_functions(connection: Any) -> None:
    run(connection, "SET (t, q, c) = ('vars.t', 'TEST.VARS.\"odd table\"', 'i')")
    run(connection, "CREATE TABLE IDENTIFIER($t) (i INT)", "CREATE TABLE IDENTIFIER($q) LIKE IDENTIFIER($t)")
    run(connection, "INSERT INTO IDENTIFIER($t) VALUES (1), (2)", "INSERT INTO IDENTIFIER($q) SELECT * FROM TABLE($t)")
    run(connection, "UPDATE IDENTIFIER($t) SET i = 10 WHERE i = 1", "DELETE FROM IDENTIFIER('vars.t') WHERE i = 2")
    assert run(connection, "SELECT a.i, b.i FROM IDENTIFIER($t) a JOIN IDENTIFIER($q) b ON b.i = 1") == [(10, 1)]
    assert run(connection, "SELECT IDENTIFIER($c), MAX(IDENTIFIER('I')) FROM TABLE('vars.t') GROUP BY 1") == [(10, 10)]
    assert run(connection, 'SELECT COUNT(*) FROM vars."odd table"') == [(2,)]
    run(connection, "SET f = 'ABS'")
    assert run(connection, "SELECT IDENTIFIER($f)(-1)") == [(1,)]
    run(connection, "ALTER TABLE IDENTIFIER($t) ADD COLUMN j INT", "TRUNCATE TABLE IDENTIFIER($t)")
    assert [row[0] for row in run(connection, "DESCRIBE TABLE IDENTIFIER($t)")] == ["I", "J"]
    run(
        connection,
        "COMMENT ON TABLE IDENTIFIER($t) IS 'about'",
        "SET v = 'v'",
        "CREATE VIEW IDENTIFIER($v) AS SELECT 1 a",
    )
    run(connection, "DROP VIEW IDENTIFIER($v)", "DROP TABLE IDENTIFIER($q)", "UNDROP TABLE IDENTIFIER($q)")
    assert [row[1] for row in run(connection, "SHOW TABLES IN SCHEMA IDENTIFIER('vars')")] == ["T", "odd table"]


def test_identifier_names_account_objects(connection: Any) -> None:
    run(connection, "SET (r, u, w) = ('\"MY-ROLE\"', 'some_user', 'some_wh')")
    run(connection, "CREATE OR REPLACE ROLE IDENTIFIER($r)", "CREATE USER IF NOT EXISTS IDENTIFIER($u) PASSWORD = $w")
    run(connection, "CREATE OR REPLACE WAREHOUSE IDENTIFIER($w)", "GRANT ROLE IDENTIFIER($r) TO USER IDENTIFIER($u)")
    run(
        connection,
        "GRANT USAGE ON WAREHOUSE IDENTIFIER($w) TO ROLE IDENTIFIER($r)",
        "GRANT ROLE IDENTIFIER($r) TO USER local",
    )
    assert [row[3] for row in run(connection, "SHOW GRANTS TO ROLE IDENTIFIER($r)")] == ["SOME_WH"]
    run(connection, "USE ROLE IDENTIFIER($r)", "USE WAREHOUSE IDENTIFIER($w)")
    assert run(connection, "SELECT CURRENT_ROLE(), CURRENT_WAREHOUSE()") == [("MY-ROLE", "SOME_WH")]
    run(
        connection,
        "USE ROLE ACCOUNTADMIN",
        "ALTER WAREHOUSE IDENTIFIER($w) SET COMMENT = $u",
        "DESCRIBE USER IDENTIFIER($u)",
    )
    run(connection, "REVOKE ROLE IDENTIFIER($r) FROM USER IDENTIFIER($u)")
    run(connection, "DROP ROLE IDENTIFIER($r)", "DROP USER IDENTIFIER($u)", "DROP WAREHOUSE IDENTIFIER($w)")


def test_identifier_names_databases_schemas_and_database_roles(connection: Any) -> None:
    run(connection, "SET (db, sch, dr) = ('vars_db', 'vars_sch', 'vars_db.reader')", "SET n = $db || '.' || $sch")
    run(connection, "CREATE OR REPLACE DATABASE IDENTIFIER($db)", "CREATE SCHEMA IDENTIFIER($n) WITH MANAGED ACCESS")
    run(connection, "USE DATABASE IDENTIFIER($db)", "USE SCHEMA IDENTIFIER($n)")
    assert run(connection, "SELECT CURRENT_DATABASE(), CURRENT_SCHEMA()") == [("VARS_DB", "VARS_SCH")]
    run(connection, "CREATE DATABASE ROLE IDENTIFIER($dr)", "CREATE OR REPLACE ROLE plain")
    run(connection, "GRANT DATABASE ROLE IDENTIFIER($dr) TO ROLE plain")
    run(connection, "GRANT USAGE ON DATABASE IDENTIFIER($db) TO DATABASE ROLE IDENTIFIER($dr)")
    run(connection, "GRANT SELECT ON FUTURE TABLES IN SCHEMA IDENTIFIER($n) TO DATABASE ROLE IDENTIFIER($dr)")
    assert [row[3] for row in run(connection, "SHOW GRANTS TO DATABASE ROLE IDENTIFIER($dr)")] == ["VARS_DB"]
    run(connection, "DROP SCHEMA IDENTIFIER($n)", "DROP DATABASE IDENTIFIER($db)", "USE DATABASE test")


def test_identifier_names_what_lives_in_schemas(connection: Any) -> None:
    run(connection, "SET (st, ff, tk, p, s) = ('st', 'ff', 'tk', 'p', 'sq')")
    run(connection, "CREATE STAGE IDENTIFIER($st)", "CREATE FILE FORMAT IDENTIFIER($ff) TYPE = CSV")
    run(connection, "CREATE SEQUENCE IDENTIFIER($s)", "DROP SEQUENCE IDENTIFIER($s)")
    run(connection, "CREATE TASK IDENTIFIER($tk) SCHEDULE = '60 MINUTE' AS SELECT $not_yet")
    run(connection, "ALTER TASK IDENTIFIER($tk) SUSPEND")
    assert "$not_yet" in str(run(connection, "DESCRIBE TASK IDENTIFIER($tk)"))
    run(
        connection,
        "CREATE PROCEDURE IDENTIFIER($p)(a INT) RETURNS INT LANGUAGE SQL AS 'BEGIN RETURN :a + 1; END'",
        "SET n = 4",
    )
    assert run(connection, "CALL IDENTIFIER($p)($n)") == [(5,)]
    run(connection, "DROP PROCEDURE IDENTIFIER($p)(INT)", "DROP TASK IDENTIFIER($tk)", "DROP STAGE IDENTIFIER($st)")


def test_names_are_bound_too(endpoint: RunningEndpoint, connection: Any) -> None:
    run(connection, "CREATE TABLE t (i INT, s VARCHAR)")
    with endpoint.connect(paramstyle="qmark", schema="VARS") as bound:
        bound.cursor().execute("INSERT INTO IDENTIFIER(?) VALUES (?, ?)", ("vars.t", 1, "a"))
        rows = bound.cursor().execute("SELECT ? || s FROM IDENTIFIER(?) WHERE i = ?", ("x", "t", 1)).fetchall()
        assert rows == [("xa",)]
        bound.cursor().execute("CREATE ROLE IF NOT EXISTS IDENTIFIER(?)", ('"bound-role"',))
        assert bound.cursor().execute("SHOW ROLES LIKE 'bound-role'").fetchall()[0][1] == "bound-role"


def test_identifier_takes_one_constant(connection: Any) -> None:
    run(connection, "SET (d, r) = ('test', 'NOT-A-NAME')")
    for sql in ("SELECT * FROM IDENTIFIER($d || '.vars.t')", "USE SCHEMA IDENTIFIER($d || '.vars')"):
        assert "syntax error" in str(refusal(connection, sql))
    assert "Invalid identifier 'NOT-A-NAME'" in str(refusal(connection, "CREATE ROLE IDENTIFIER($r)"))


def test_execute_immediate_runs_the_text_of_a_variable(connection: Any) -> None:
    assert run(connection, "SET stmt = 'SELECT 1 + 1'", "EXECUTE IMMEDIATE $stmt") == [(2,)]
