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
