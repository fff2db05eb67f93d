"""ARRAY and OBJECT columns: read off a query, and told by results, DESCRIBE and Snowpark's schemas."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlglot
from snowflake.connector.constants import FIELD_ID_TO_NAME
from snowflake.snowpark import Session
from snowflake.snowpark.types import ArrayType, MapType, VariantType

from local_stack.endpoint.translation.semi_structured import columns_of_query
from tests.conftest import RunningEndpoint

_TABLE = {"A": "ARRAY", "O": "OBJECT"}


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT a, v AS w, o FROM t", [("A", "ARRAY"), ("W", None), ("O", "OBJECT")]),
        ("SELECT * FROM t", _TABLE),
        ("SELECT * FROM (SELECT a AS b FROM (SELECT * FROM t))", [("B", "ARRAY")]),
        ("SELECT v::ARRAY AS x, (o) AS y, a[0] AS z FROM t", [("X", "ARRAY"), ("Y", "OBJECT"), ("Z", None)]),
        ("SELECT ARRAY_AGG(v), OBJECT_CONSTRUCT('k', 1) AS \"c\" FROM t", [("", "ARRAY"), ("c", "OBJECT")]),
        ("(SELECT a FROM t) UNION ALL (SELECT v FROM t)", [("A", "ARRAY")]),
        ("SELECT a FROM t JOIN u", [("A", None)]),
        ("SELECT *, 1 FROM t", None),
        ("WITH q AS (SELECT 1) SELECT a FROM q", None),
    ],
)
def test_read_off_a_query(sql: str, expected: object) -> None:
    assert columns_of_query(sqlglot.parse_one(sql, read="snowflake"), lambda _: _TABLE) == expected  # type: ignore[arg-type,return-value]


@pytest.fixture
def cursor(endpoint: RunningEndpoint) -> Iterator[Any]:
    with endpoint.connect() as connection, connection.cursor() as opened:
        opened.execute("CREATE OR REPLACE TABLE t (a ARRAY, o OBJECT, v VARIANT)")
        opened.execute("INSERT INTO t SELECT [1], {'k': 2}, PARSE_JSON('3')")
        yield opened


def kinds(cursor: Any, sql: str) -> list[str]:
    cursor.execute(sql)
    return [FIELD_ID_TO_NAME[column.type_code] for column in cursor.description]


@pytest.mark.integration
def test_results_and_describe(cursor: Any) -> None:
    expected = ["ARRAY", "OBJECT", "VARIANT"]
    assert kinds(cursor, "SELECT * FROM t") == kinds(cursor, "SELECT a AS x, o AS y, v FROM t") == expected
    assert [FIELD_ID_TO_NAME[c.type_code] for c in cursor.describe("SELECT * FROM t")] == expected
    assert [row[1] for row in cursor.execute("DESCRIBE TABLE t").fetchall()] == expected
    cursor.execute("CREATE OR REPLACE TEMPORARY TABLE u AS SELECT o, a FROM t")
    assert kinds(cursor, "SELECT * FROM u") == ["OBJECT", "ARRAY"]


@pytest.mark.integration
def test_it_goes_with_the_table(cursor: Any) -> None:
    for name in ("copied", "renamed", "swapped"):
        cursor.execute(f"DROP TABLE IF EXISTS {name}")
    cursor.execute("CREATE TABLE copied CLONE t")
    cursor.execute("ALTER TABLE copied RENAME TO renamed")
    cursor.execute("CREATE TABLE swapped (a VARIANT)")
    cursor.execute("ALTER TABLE renamed SWAP WITH swapped")
    assert kinds(cursor, "SELECT a FROM swapped") == ["ARRAY"]
    assert kinds(cursor, "SELECT a FROM renamed") == ["VARIANT"]
    cursor.execute("CREATE OR ALTER TABLE renamed (a VARIANT, n ARRAY)")
    assert kinds(cursor, "SELECT * FROM renamed") == ["VARIANT", "ARRAY"]
    cursor.execute("DROP TABLE swapped")
    cursor.execute("CREATE TABLE swapped (a VARIANT)")
    assert kinds(cursor, "SELECT a FROM swapped") == ["VARIANT"]


@pytest.mark.integration
def test_snowpark_knows_them(endpoint: RunningEndpoint) -> None:
    configuration = {**endpoint.connection_parameters, "database": "TEST", "schema": "PUBLIC"}
    with Session.builder.configs(configuration).create() as session:
        frame = session.create_dataframe([[[1, 2], {"k": 1}], [None, None]], schema=["a", "o"])
        assert [type(field.datatype) for field in frame.schema.fields] == [ArrayType, MapType]
        filled = frame.fillna([3]).collect()
        assert [row["A"] for row in filled] == ["[\n  1,\n  2\n]", "[\n  3\n]"]
        frame.write.save_as_table("kept", mode="overwrite")
        table = session.table("kept")
        assert [type(field.datatype) for field in table.schema.fields] == [ArrayType, MapType]
        assert [type(field.datatype) for field in table.select(table["a"][0]).schema.fields] == [VariantType]
