"""The core's rewrites as SQL -> SQL, and the statements that are refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlglot

from local_stack.endpoint.engine.transactions import Effect
from local_stack.endpoint.features.session.identifiers import resolve_names
from local_stack.endpoint.language.parse import parse
from local_stack.endpoint.outcome import ColumnInfo
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import SqlError, Statement
from local_stack.endpoint.translation.casts import casts, try_casts, variants
from local_stack.endpoint.translation.context import Context, Rewrite
from local_stack.endpoint.translation.effects import classify
from local_stack.endpoint.translation.names import column_lists, reserved_words
from local_stack.endpoint.translation.strictness import strictness
from local_stack.endpoint.translation.tables import temporary_tables
from local_stack.endpoint.translation.times import formats, strftime_format
from tests.endpoint.in_process import opened_session

# The server ignores it too: fakesnow reads DuckDB's result this way.
pytestmark = pytest.mark.filterwarnings("ignore:Arrow output on a DB-API result")


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    with opened_session(tmp_path_factory.mktemp("rewrites")) as opened:
        yield opened


@pytest.mark.parametrize(
    ("rewrite", "before", "after"),
    [
        (casts, "SELECT CAST(v AS VARCHAR)", "SELECT CAST(_fs_global.main._sf_text(v) AS VARCHAR)"),
        (casts, "SELECT CAST(v AS INT128)", "SELECT CAST(_fs_global.main._sf_integer(v) AS INT128)"),
        # Arithmetic of integers is one already: the macro, which repeats its argument, is not nested.
        (
            casts,
            "SELECT CAST((CAST(v AS INT128) * -(2 + CAST(w AS INT128))) AS INT128)",
            "SELECT CAST((CAST(_fs_global.main._sf_integer(v) AS INT128)"
            " * -(2 + CAST(_fs_global.main._sf_integer(w) AS INT128))) AS INT128)",
        ),
        (
            casts,
            "SELECT CAST(CAST(v AS INT128) / 2 AS INT128)",
            "SELECT CAST(_fs_global.main._sf_integer(CAST(_fs_global.main._sf_integer(v) AS INT128) / 2) AS INT128)",
        ),
        (casts, "SELECT CAST('a' AS VARCHAR)", "SELECT CAST('a' AS VARCHAR)"),
        (
            casts,
            "SELECT CAST((JSON_EXTRACT_PATH_TEXT(p, 'a')) AS VARCHAR)",
            "SELECT CAST((JSON_EXTRACT_PATH_TEXT(p, 'a')) AS VARCHAR)",
        ),
        (variants, "SELECT 'a'::VARIANT", "SELECT _FS_GLOBAL.MAIN._SF_VARIANT('a')"),
        # What is known to be an ARRAY needs no macro that decides by its type, and repeats it.
        (variants, "SELECT ARRAY_COMPACT(a)::VARIANT", "SELECT TO_JSON(ARRAY_COMPACT(a))"),
        (variants, "SELECT (ARRAY_CONSTRUCT(b))::VARIANT", "SELECT TO_JSON(([b]))"),
        (variants, "SELECT ARRAY_SIZE(a)::VARIANT", "SELECT _fs_global.main._sf_variant(ARRAY_SIZE(a))"),
        (try_casts, "SELECT TRY_CAST(x AS TIMESTAMPNTZ)", "SELECT _fs_global.main._sf_try_timestamp(x)"),
        (formats, "SELECT TO_CHAR(t, 'YYYY')", "SELECT _fs_global.main._sf_format_time(t, '%Y')"),
        (
            column_lists,
            "CREATE TABLE t (a, b) AS SELECT 1, 2",
            "CREATE TABLE t AS SELECT * FROM (SELECT 1, 2) AS Q(a, b)",
        ),
        (reserved_words, "SELECT at, x.do FROM window AS x", 'SELECT "at", x."do" FROM "window" AS x'),
        (
            temporary_tables,
            "CREATE TEMPORARY TABLE d.s.t AS SELECT 1 AS i",
            'CREATE TEMPORARY TABLE "temp"."main"."D.S.T" AS SELECT 1 AS i',
        ),
    ],
)
def test_sql_to_sql(session: Session, rewrite: Rewrite, before: str, after: str) -> None:
    rewritten = rewrite(sqlglot.parse_one(before, read="snowflake"), Context(session))
    assert rewritten.sql(dialect="snowflake").casefold() == after.casefold()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("CREATE TABLE IDENTIFIER('d.\"S x\".t') (i INT)", 'CREATE TABLE D."S x".T (i INT)'),
        ("SELECT $n, '$n' FROM IDENTIFIER( $t ) -- $n", "SELECT $n, '$n' FROM D.T -- $n"),
        ("GRANT SELECT ON TABLE identifier($t) TO ROLE IDENTIFIER('r')", "GRANT SELECT ON TABLE D.T TO ROLE R"),
        ("CREATE USER u COMMENT = $t DAYS_TO_EXPIRY = $n", "CREATE USER u COMMENT = 'd.t' DAYS_TO_EXPIRY =  -1"),
        ("SELECT * FROM TABLE($t), TABLE(f($t))", "SELECT * FROM D.T, TABLE(f($t))"),
        (
            "CREATE TASK IDENTIFIER($t) AS SELECT $n FROM IDENTIFIER($t)",
            "CREATE TASK D.T AS SELECT $n FROM IDENTIFIER($t)",
        ),
        ("SELECT * FROM IDENTIFIER(?)", "SELECT * FROM IDENTIFIER(?)"),  # not bound: asked for its columns
        ("BEGIN LET x := $n; END", "BEGIN LET x := $n; END"),
        ("COPY INTO t FROM (SELECT $1, $2:a FROM @s)", "COPY INTO t FROM (SELECT $1, $2:a FROM @s)"),
    ],
)
def test_names_given_by_variables_are_written_in(session: Session, before: str, after: str) -> None:
    session.variables.set("t", ColumnInfo("t", "TEXT"), "d.t")
    session.variables.set("n", ColumnInfo("n", "FIXED"), -1)
    assert resolve_names(Statement(before), (), session)[0].text == after


def test_time_formats() -> None:
    assert strftime_format('YYYY-MM-DD"T"HH24:MI:SS.FF6"Z"') == "%Y-%m-%dT%H:%M:%S.%fZ"
    assert strftime_format('"100%" MON') == "100%% %b"


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE t (start INT)",
        "SELECT 1 AS rows",
        "CREATE DYNAMIC TABLE t TARGET_LAG = '1 minute' WAREHOUSE = w AS SELECT 1",
        "SELECT * FROM t AT(OFFSET => -60)",
        "SELECT TO_CHAR(1, '9EEEE')",
    ],
)
def test_refused_by_rewrites(session: Session, sql: str) -> None:
    expression = sqlglot.parse_one(sql, read="snowflake")
    with pytest.raises(SqlError):
        formats(strictness(expression, Context(session)), Context(session))


@pytest.mark.parametrize(
    ("sql", "effect"),
    [
        ("SELECT 1", Effect.READ),
        ("INSERT INTO t SELECT 1", Effect.APPEND),
        ("MERGE INTO t USING u ON t.i = u.i WHEN MATCHED THEN DELETE", Effect.CHANGE),
        ("CREATE TABLE t AS SELECT 1", Effect.DDL),
        ("DROP TABLE t", Effect.DDL),
    ],
)
def test_effects(sql: str, effect: Effect) -> None:
    assert classify(parse(sql), "D", "S")[0] is effect


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("CREATE STREAM s ON TABLE t", "CREATE STREAM"),
        ("CREATE EXTERNAL TABLE t", "CREATE EXTERNAL TABLE"),
        ("SHOW SHARES", "SHOW SHARES"),
        ("CREATE MATERIALIZED VIEW v AS SELECT 1", "CREATE MATERIALIZED VIEW"),
    ],
)
def test_unsupported_statements_are_refused_by_name(session: Session, sql: str, name: str) -> None:
    with pytest.raises(SqlError, match=f"Unsupported feature '{name}'"):
        session.execute(sql)


def test_tables_are_cloned_swapped_dropped_and_undropped(session: Session) -> None:
    session.execute("CREATE OR REPLACE TABLE a (i INT NOT NULL DEFAULT 5)")
    session.execute("INSERT INTO a VALUES (1)")
    session.execute("CREATE OR REPLACE TABLE b CLONE a")
    session.execute("INSERT INTO b VALUES (2)")
    session.execute("ALTER TABLE a SWAP WITH b")
    assert session.execute("SELECT COUNT(*) FROM a").scalar() == 2
    session.execute("DROP TABLE a")
    with pytest.raises(SqlError, match="does not exist"):
        session.execute("SELECT * FROM a")
    session.execute("UNDROP TABLE a")
    assert session.execute("SELECT SUM(i) FROM a").scalar() == 3
    assert session.execute("DESCRIBE TABLE a").rows()[0][:4] == ("I", "NUMBER(38,0)", "COLUMN", "N")


def test_schemas_and_databases_are_cloned_and_undropped(session: Session) -> None:
    session.execute("CREATE SCHEMA one WITH MANAGED ACCESS")
    session.execute("CREATE TABLE test.one.t AS SELECT 1 AS i")
    session.execute('CREATE SEQUENCE test.one."s 1" START 5 INCREMENT 2')
    session.execute("CREATE SCHEMA two CLONE one")
    session.execute('CREATE TABLE test.two.u (i INT DEFAULT test.two."s 1".NEXTVAL, k INT)')
    session.execute("INSERT INTO test.two.u (k) VALUES (1)")
    session.execute("DROP SCHEMA test.two")
    session.execute("UNDROP SCHEMA test.two")
    assert session.execute("SELECT i FROM test.two.t").scalar() == 1
    session.execute("CREATE SCHEMA three CLONE two")
    session.execute("INSERT INTO test.three.u (k) VALUES (2)")  # takes its numbers from its own sequence
    session.execute("INSERT INTO test.two.u (k) VALUES (2)")
    assert session.execute("SELECT i, k FROM test.two.u ORDER BY k").rows() == [(5, 1), (7, 2)]
    session.execute("CREATE DATABASE copied CLONE test")
    session.execute("INSERT INTO copied.three.u (k) VALUES (3)")
    session.execute("INSERT INTO test.three.u (k) VALUES (4)")
    assert session.execute("SELECT i FROM copied.three.u ORDER BY k").rows() == [(5,), (7,), (9,)]
    assert session.execute("SELECT i FROM test.three.u ORDER BY k").rows() == [(5,), (7,), (9,)]
    session.execute("DROP DATABASE copied")
    session.execute("UNDROP DATABASE copied")
    assert session.execute("SELECT i FROM copied.one.t").scalar() == 1
    session.execute("USE SCHEMA test.public")


def test_results_of_earlier_statements(session: Session) -> None:
    session.execute("SHOW PARAMETERS LIKE 'TIMEZONE'")
    assert session.execute('SELECT "value" FROM TABLE(RESULT_SCAN(LAST_QUERY_ID()))').rows() == [("Etc/UTC",)]
    with pytest.raises(SqlError, match="not found"):
        session.execute("SELECT * FROM TABLE(RESULT_SCAN('nothing'))")


def test_create_or_alter_makes_a_table_alike(session: Session) -> None:
    session.execute("CREATE OR ALTER TABLE test.public.shaped (a INT, b STRING)")
    session.execute("INSERT INTO test.public.shaped VALUES (1, 'x')")
    session.execute("CREATE OR ALTER TABLE test.public.shaped (a INT, c NUMBER(10,2))")
    assert [row[:2] for row in session.execute("DESCRIBE TABLE test.public.shaped").rows()] == [
        ("A", "NUMBER(38,0)"),
        ("C", "NUMBER(10,2)"),
    ]
    assert session.execute("SELECT a FROM test.public.shaped").scalar() == 1


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("SELECT 2.5::FLOAT::INT", 3),
        ("SELECT PARSE_JSON('2.5')::INT", 3),
        ("SELECT '2024-01-15 10:00:00.5'::TIMESTAMP_NTZ::STRING", "2024-01-15 10:00:00.500"),
        ("SELECT TRY_PARSE_JSON('{\"a\": 1}'::VARIANT::STRING):a::INT", 1),
        ("SELECT TRY_TO_TIMESTAMP('x')", None),
        ("EXECUTE IMMEDIATE 'SELECT 7'", 7),
    ],
)
def test_values(session: Session, sql: str, value: object) -> None:
    assert session.execute(sql).scalar() == value
