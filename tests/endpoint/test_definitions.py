"""GET_DDL gives statements that make the same object again; definitions that Snowflake refuses are refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from snowflake.connector.errors import ProgrammingError

from tests.conftest import RunningEndpoint

pytestmark = pytest.mark.integration


@pytest.fixture
def cursor(endpoint: RunningEndpoint) -> Iterator[Any]:
    with endpoint.connect() as connection, connection.cursor() as opened:
        yield opened


def ddl(cursor: Any, kind: str, name: str) -> str:
    return str(cursor.execute(f"SELECT GET_DDL('{kind}', '{name}')").fetchall()[0][0])


def test_the_text_of_a_procedure_makes_it_again(cursor: Any) -> None:
    cursor.execute(
        "CREATE OR REPLACE PROCEDURE p(a INT, b STRING DEFAULT 'it''s') RETURNS STRING LANGUAGE PYTHON RUNTIME_VERSION='3.11'"
        " PACKAGES=('snowflake-snowpark-python') HANDLER='run' COMMENT='it''s' EXECUTE AS CALLER AS $$\n"
        "def run(session, a, b):\n    return f'{a} \\'{b}\\''\n$$"
    )
    text = ddl(cursor, "PROCEDURE", "p(INT, STRING)")
    assert "COMMENT='it''s'" in text
    described = cursor.execute("DESCRIBE PROCEDURE p(INT, STRING)").fetchall()
    cursor.execute("DROP PROCEDURE p(INT, STRING)")
    cursor.execute(text.rstrip(";"))
    assert cursor.execute("DESCRIBE PROCEDURE p(INT, STRING)").fetchall() == described
    assert cursor.execute("CALL p(1)").fetchall() == [("1 'it's'",)]
    assert ddl(cursor, "PROCEDURE", "p(INT, STRING)") == text


def test_the_text_of_a_table_makes_it_again(cursor: Any) -> None:
    cursor.execute(
        "CREATE OR REPLACE TABLE t (a INT NOT NULL, b VARCHAR(10) DEFAULT 'x' COMMENT 'it''s', \"c d\" NUMBER(10,2), e DATE)"
    )
    text = ddl(cursor, "TABLE", "t")
    assert '\t"c d" NUMBER(10,2)' in text
    described = cursor.execute("DESCRIBE TABLE t").fetchall()
    cursor.execute(text.rstrip(";"))
    assert cursor.execute("DESCRIBE TABLE t").fetchall() == described


def test_the_text_of_a_view_makes_it_again(cursor: Any) -> None:
    cursor.execute("CREATE OR REPLACE TABLE base (d DATE, i INT)")
    sql = """CREATE OR REPLACE SECURE VIEW v (a, "b c" COMMENT 'it''s') COMMENT='AS (SELECT' AS SELECT d + i, 'AS' FROM base"""
    cursor.execute(sql)
    text = ddl(cursor, "VIEW", "v")
    assert text == (
        "create or replace secure view V(\n\tA,\n\t\"b c\" COMMENT 'it''s'\n) COMMENT='AS (SELECT'"
        " as SELECT d + i, 'AS' FROM base;"
    )
    cursor.execute(text.rstrip(";"))
    assert ddl(cursor, "VIEW", "v") == text
    definition = "SELECT view_definition FROM information_schema.views WHERE table_name = 'V'"
    shown = cursor.execute("SHOW VIEWS LIKE 'V'").fetchone()
    assert text.rstrip(";") == cursor.execute(definition).fetchone()[0] == shown[7]
    with pytest.raises(ProgrammingError, match="does not exist"):
        ddl(cursor, "VIEW", "base")


def test_a_view_whose_table_is_gone_still_has_its_columns(cursor: Any) -> None:
    cursor.execute("CREATE OR REPLACE SCHEMA broken")
    cursor.execute("CREATE TABLE t (i INT, s STRING)")
    cursor.execute("CREATE VIEW v AS SELECT s, i FROM t")
    cursor.execute("DROP TABLE t")
    assert [row[2] for row in cursor.execute("SHOW COLUMNS IN SCHEMA broken")] == ["S", "I"]
    assert [row[0] for row in cursor.execute("DESCRIBE VIEW v")] == ["S", "I"]
    cursor.execute("DROP SCHEMA broken")


def test_the_columns_of_a_view_have_the_types_of_its_query(cursor: Any) -> None:
    cursor.execute("CREATE OR REPLACE TABLE typed (v VARCHAR(5), a ARRAY, z TIMESTAMP_TZ, i INT, s STRING)")
    query = "SELECT v, 'abc' AS c, a, z, s::VARCHAR(7) AS s, UPPER(v) AS u FROM typed"
    cursor.execute(f"CREATE OR REPLACE VIEW inner_one AS {query}")
    query = "SELECT v, c, a FROM inner_one UNION ALL SELECT v, 'de', a FROM typed"
    cursor.execute(f"CREATE OR REPLACE VIEW outer_one (p, q, r) AS {query}")
    limit = "VARCHAR(16777216)"
    described = {
        name: [row[1] for row in cursor.execute(f"DESCRIBE VIEW {name}")] for name in ("inner_one", "outer_one")
    }
    assert described == {
        "inner_one": ["VARCHAR(5)", "VARCHAR(3)", "ARRAY", "TIMESTAMP_TZ(9)", "VARCHAR(7)", limit],
        "outer_one": ["VARCHAR(5)", "VARCHAR(3)", "ARRAY"],
    }
    cursor.execute(
        "SELECT column_name, data_type, character_maximum_length, character_octet_length FROM information_schema.columns"
        " WHERE table_name IN ('TYPED', 'OUTER_ONE') ORDER BY table_name, column_name"
    )
    assert cursor.fetchall() == [
        ("P", "TEXT", 5, 20), ("Q", "TEXT", 3, 12), ("R", "ARRAY", None, None), ("A", "ARRAY", None, None),
        ("I", "NUMBER", None, None), ("S", "TEXT", 16777216, 16777216), ("V", "TEXT", 5, 20),
        ("Z", "TIMESTAMP_TZ", None, None),
    ]  # fmt: skip
    assert [column.internal_size for column in cursor.describe("SELECT p, q FROM outer_one")] == [5, 3]


@pytest.mark.parametrize("kind", ["STREAMS", "PIPES IN ACCOUNT", "EXTERNAL TABLES LIKE '%'", "MATERIALIZED VIEWS"])
def test_lists_of_what_cannot_be_made_are_empty(cursor: Any, kind: str) -> None:
    assert cursor.execute(f"SHOW {kind}").fetchall() == []
    assert "name" in [column.name for column in cursor.description]


def test_what_does_not_exist_or_is_of_another_kind(cursor: Any) -> None:
    with pytest.raises(ProgrammingError, match="does not exist"):
        ddl(cursor, "TABLE", "nope")
    with pytest.raises(ProgrammingError, match="does not exist"):
        ddl(cursor, "PROCEDURE", "nope(INT)")
    with pytest.raises(ProgrammingError, match="Unsupported feature 'GET_DDL of a PIPE'"):
        ddl(cursor, "PIPE", "p")


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("CREATE VIEW v AS SELECT 1 AS a, 2 AS A", "duplicate column name 'A'"),
        ("CREATE VIEW v AS SELECT * FROM (SELECT 1 AS a, 2 AS a)", "duplicate column name 'A'"),
        ("CREATE TABLE w AS SELECT column1, column1 FROM VALUES (1)", "duplicate column name 'COLUMN1'"),
        ("CREATE TABLE w (g GEOGRAPHY)", "Unsupported feature 'type GEOGRAPHY'"),
        ("SELECT * FROM test.public.nope", "Object 'TEST.PUBLIC.NOPE' does not exist"),
    ],
)
def test_definitions_that_are_refused(cursor: Any, sql: str, message: str) -> None:
    with pytest.raises(ProgrammingError, match=message.replace("(", r"\(")):
        cursor.execute(sql)


def test_a_view_takes_no_binds(cursor: Any) -> None:
    with pytest.raises(ProgrammingError, match="Bind variables not allowed in view and UDF definitions"):
        cursor.execute("CREATE VIEW v AS SELECT ? AS a", (1,), _force_qmark_paramstyle=True)


def test_show_tells_transient_tables_and_the_columns_of_one(cursor: Any) -> None:
    cursor.execute("CREATE OR REPLACE SCHEMA shown")
    cursor.execute("CREATE TRANSIENT TABLE shown.a (x INT)")
    cursor.execute("CREATE TABLE shown.b (y INT)")
    terse = "SHOW TERSE TABLES IN SCHEMA shown"
    assert [(row[1], row[2]) for row in cursor.execute(terse).fetchall()] == [("A", "TRANSIENT"), ("B", "TABLE")]
    objects = cursor.execute("SHOW TERSE OBJECTS IN SCHEMA shown").fetchall()
    assert [(row[1], row[2]) for row in objects] == [("A", "TABLE"), ("B", "TABLE")]
    cursor.execute("DROP TABLE shown.a")
    cursor.execute("CREATE TABLE shown.a (x INT, z INT)")
    assert cursor.execute(terse + " STARTS WITH 'A'").fetchall()[0][2] == "TABLE"
    assert [row[2] for row in cursor.execute("SHOW COLUMNS IN shown.a").fetchall()] == ["X", "Z"]
    cursor.execute("CREATE TEMPORARY TABLE shown.c (q INT)")
    assert [row[2] for row in cursor.execute("SHOW COLUMNS IN shown.c").fetchall()] == ["Q"]
