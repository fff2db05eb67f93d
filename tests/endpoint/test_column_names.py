"""A column without an alias is named by its text in upper case, wherever the query stands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from snowflake.connector.errors import ProgrammingError

from local_stack.endpoint.language.parse import parse
from local_stack.endpoint.translation.column_names import column_names
from tests.conftest import RunningEndpoint


@pytest.fixture(scope="module")
def cursor(endpoint: RunningEndpoint) -> Iterator[Any]:
    with endpoint.connect() as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE TABLE t (a INT, b VARCHAR, v VARIANT, d DATE, n NUMBER(10, 2))")
        yield cursor


def named(cursor: Any, sql: str) -> list[str]:
    return [column.name for column in cursor.describe(sql)]


@pytest.mark.parametrize(
    "written",
    [
        "a+1", "a  +  1", "upper( b )", 'SUM( DISTINCT "A")', "count(*)", "1/2", "'x'", "-1", "a::int", "cast(a as int)",
        "v:x.y::string", "v[0]", "sqrt(a)", "sha2(b, 256)", "month(d)", "dayname(d)", "last_day(d)", "concat(b, 'x')",
        "split(b, ',')", "substring(b, 1, 1)", "trim(b)", "stddev(a)", "current_date()", "current_database()",
        "case when a > 1 then 'y' else 'z' end", "a in (1, 2)", "(select max(a) from t)", "to_timestamp_ntz(b)",
        "next_day(d, 'mo')", "row_number() over (order by a)", "listagg(b, ',') within group (order by b)", "avg(n)",
        "extract(year from d)", "a between 1 and 2", "not (a = 1)", "iff(a is null, 1, 2)", "array_construct(1, 2)",
        "object_construct('a', 1)", "dateadd(day, 1, d)", "/* why */ a * 2", "dense_rank() over (order by a)",
    ],
)  # fmt: skip
def test_a_column_is_named_by_its_text(cursor: Any, written: str) -> None:
    name = written.replace("/* why */ ", "").upper()
    plain = "over" in written or not any(
        f in written.lower() for f in ("sum(", "count(", "stddev(", "listagg(", "avg(")
    )
    several = f"SELECT b, {written}, a FROM t" if plain else f"SELECT 'k', {written}, 'l' FROM t"
    assert named(cursor, several)[1] == name
    assert named(cursor, f"SELECT {written} FROM t") == [name]
    assert named(cursor, f"SELECT * FROM (SELECT {written} FROM t)") == [name]
    assert named(cursor, f"WITH q AS (SELECT {written} FROM t) SELECT * FROM q UNION ALL SELECT * FROM q") == [name]
    quoted = name.replace('"', '""')
    assert named(cursor, f'SELECT "{quoted}" AS x FROM (SELECT {written} FROM t)') == ["X"]


def test_columns_and_aliases_keep_their_names(cursor: Any) -> None:
    assert named(cursor, 'SELECT a, t.b, t.*, a + 1 AS "Mixed", n up FROM t')[:2] == ["A", "B"]
    assert named(cursor, 'SELECT TOP 5 a + 1, b AS "Mixed", n up FROM t') == ["A + 1", "Mixed", "UP"]
    assert named(cursor, "SELECT DISTINCT a + 1, b || 'x', FROM t") == ["A + 1", "B || 'X'"]


def test_a_table_takes_the_names_of_its_query(cursor: Any) -> None:
    cursor.execute("CREATE OR REPLACE TABLE made AS SELECT a + 1, lower(b), t.n FROM t")
    assert [row[0] for row in cursor.execute("DESC TABLE made").fetchall()] == ["A + 1", "LOWER(B)", "N"]


_SPACES = st.sampled_from(["", " ", "  ", "\n"])
_OPERANDS = st.sampled_from(
    ["a", "1", "'s,('", "f(x, y)", "(select 1 + 1, 2)", "[1, 2]", '"q,"', "case when a then b end"]
)


@given(st.lists(st.tuples(_OPERANDS, _SPACES, st.sampled_from("+-*"), _SPACES, _OPERANDS).map("".join), min_size=1))
def test_any_list_of_expressions_is_named_item_by_item(items: list[str]) -> None:
    sql = f"SELECT {', '.join(items)} FROM (SELECT {items[0]}) s WHERE EXISTS (SELECT {items[-1]})"
    tree = column_names(parse(sql), sql)
    assert [column.alias for column in tree.expressions] == [item.upper() for item in items]
    assert [column.alias for column in tree.args["from_"].this.this.expressions] == [items[0].upper()]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ('SELECT "a", "A" FROM (SELECT 1 AS "a", 2 AS "A")', {"a": 1, "A": 2}),
        ('SELECT * FROM (SELECT 1 AS "a", 2 AS A)', {"a": 1, "A": 2}),
        ('SELECT "Name", name FROM quoted, plain', {"Name": 5, "NAME": 7}),
        ('SELECT q."Name", p.name AS "name" FROM quoted q JOIN plain p ON "Name" < name', {"Name": 5, "name": 7}),
        ('WITH w AS (SELECT "Name" FROM quoted) SELECT w."Name", plain.name FROM w, plain', {"Name": 5, "NAME": 7}),
        ('SELECT MAX("Name") AS "n", COUNT(name) AS n FROM quoted, plain ORDER BY "n", n', {"n": 5, "N": 1}),
    ],
)
def test_names_that_differ_in_case_are_two_in_a_query(cursor: Any, sql: str, expected: dict[str, int]) -> None:
    cursor.execute('CREATE OR REPLACE TEMPORARY TABLE quoted AS SELECT 5 AS "Name"')
    cursor.execute("CREATE OR REPLACE TEMPORARY TABLE plain AS SELECT 7 AS name")
    assert named(cursor, sql) == list(expected)
    cursor.execute(sql)
    found = dict(zip([column.name for column in cursor.description], cursor.fetchone(), strict=True))
    assert found == expected
    inner = ", ".join(f'"{name}" AS c{number}' for number, name in enumerate(expected))
    cursor.execute(f"CREATE OR REPLACE TEMPORARY TABLE made AS SELECT {inner} FROM ({sql})")
    cursor.execute(f"INSERT INTO made SELECT {inner} FROM ({sql})")
    assert cursor.execute("SELECT * FROM made").fetchall() == [tuple(expected.values())] * 2


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ('CREATE TABLE twice AS SELECT 1 AS "a", 2 AS "A"', "names differ only in case: a, A"),
        ('CREATE TABLE twice ("a" INT, "A" INT)', "names differ only in case: a, A"),
        ('CREATE VIEW twice ("a", a) AS SELECT 1, 2', "names differ only in case: a, A"),
        ('ALTER TABLE t ADD COLUMN "a" INT', "names differ only in case: A, a"),
        ('ALTER TABLE t RENAME COLUMN b TO "a"', "names differ only in case: A, a"),
        ("CREATE TABLE twice (a INT, A INT)", "duplicate column name 'A'"),
        ("CREATE TABLE twice AS SELECT 1 AS a, 2 AS a", "duplicate column name 'A'"),
        ('CREATE OR REPLACE TABLE "t" (i INT)', "differs from T only in case"),
        ('CREATE VIEW IF NOT EXISTS "t" AS SELECT 1 AS i', "differs from T only in case"),
    ],
)
def test_names_that_cannot_be_stored_apart_are_refused(cursor: Any, sql: str, message: str) -> None:
    with pytest.raises(ProgrammingError, match=message):
        cursor.execute(sql)
    assert named(cursor, "SELECT * FROM t") == ["A", "B", "V", "D", "N"]
