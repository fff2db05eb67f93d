"""CREATE TABLE with a column list AS a query, as text and on the endpoint."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import cast

import pytest
import snowflake.connector
import sqlglot

from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import SqlError
from local_stack.endpoint.translation.context import Context
from local_stack.endpoint.translation.tables import create_table_as
from tests.conftest import RunningEndpoint

NO_SESSION = Context(cast(Session, None))


def rewritten(sql: str) -> str:
    return create_table_as(sqlglot.parse_one(sql, read="snowflake"), NO_SESSION).sql(dialect="duckdb")


def test_rewrite() -> None:
    assert rewritten("CREATE TABLE t (a DATE, b NUMBER(38, 2)) AS (SELECT * FROM s)") == (
        'CREATE TABLE t AS SELECT CAST("_1" AS DATE) AS a, CAST("_2" AS DECIMAL(38, 2)) AS b'
        ' FROM (SELECT * FROM s) AS _query("_1", "_2")'
    )
    for untouched in ("CREATE TABLE t AS SELECT 1 AS a", "CREATE TABLE t (a INT)", "SELECT 1"):
        assert rewritten(untouched) == sqlglot.transpile(untouched, read="snowflake", write="duckdb")[0]


def test_a_wrong_number_of_columns_is_refused() -> None:
    with pytest.raises(SqlError, match="Invalid column definition list"):
        rewritten("CREATE TABLE t (a DATE, b INT) AS SELECT 1")


def test_columns_are_named_and_typed_by_the_list(endpoint: RunningEndpoint) -> None:
    with endpoint.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "CREATE OR REPLACE TABLE t (day DATE, total NUMBER(38, 2)) AS"
            " (SELECT * FROM (SELECT DATEADD('day', 1, '2024-02-28'::DATE) AS x, 1.005 AS y) ORDER BY (x))"
        )
        assert cursor.execute("SELECT * FROM t").fetchall() == [(dt.date(2024, 2, 29), Decimal("1.01"))]
        assert [column.name for column in cursor.description] == ["DAY", "TOTAL"]
        with pytest.raises(snowflake.connector.errors.ProgrammingError, match="Invalid column definition list"):
            cursor.execute("CREATE OR REPLACE TABLE t (a INT, b INT) AS SELECT 1")


def test_texts_have_the_lengths_of_the_query(endpoint: RunningEndpoint) -> None:
    with endpoint.connect() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE OR REPLACE TABLE source (a VARCHAR(4), b VARCHAR, n INT)")
        cursor.execute(
            "CREATE OR REPLACE TABLE t AS WITH q AS (SELECT * FROM source) SELECT a, b, n, 'lit' AS l, UPPER(a) AS u,"
            " CASE n WHEN 1 THEN 'one' WHEN 2 THEN a ELSE NULL END AS c, COALESCE(a, 'twelve') AS k, a::VARCHAR(9) AS v FROM q"
            " UNION ALL SELECT 'longer', 'x', 1, 'l', 'u', 'c', 'k', 'v'"
        )
        limit = "VARCHAR(16777216)"
        described = [row[1] for row in cursor.execute("DESCRIBE TABLE t").fetchall()]
        assert described == [
            "VARCHAR(6)", limit, "NUMBER(38,0)", "VARCHAR(3)", limit, "VARCHAR(4)", "VARCHAR(6)", "VARCHAR(9)",
        ]  # fmt: skip
        cursor.execute("INSERT INTO t (l, u) VALUES ('abc', 'any length')")
        with pytest.raises(snowflake.connector.errors.ProgrammingError, match="String 'abcd' is too long"):
            cursor.execute("INSERT INTO t (l) VALUES ('abcd')")
        cursor.execute("CREATE OR REPLACE TABLE t AS SELECT * FROM t WHERE l = 'abc'")
        assert cursor.execute("SELECT l, u FROM t").fetchall() == [("abc", "any length")]
