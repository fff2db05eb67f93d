"""COUNT_IF: SQL to SQL, and by behaviour."""

from __future__ import annotations

from typing import Any, cast

import pytest
import sqlglot

from local_stack.endpoint.translation.context import Context
from local_stack.endpoint.translation.queries import counts
from tests.conftest import RunningEndpoint


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT COUNT_IF(a > 1) FROM t", "SELECT COUNT(CASE WHEN a > 1 THEN 1 END) FROM t"),
        ("SELECT COUNT_IF(NOT COUNT_IF) FROM t", "SELECT COUNT(CASE WHEN NOT COUNT_IF THEN 1 END) FROM t"),
    ],
)
def test_sql(sql: str, expected: str) -> None:
    context = cast(Context, None)
    assert counts(sqlglot.parse_one(sql, read="snowflake"), context).sql(dialect="duckdb") == expected


@pytest.mark.integration
def test_no_rows_count_zero(endpoint: RunningEndpoint) -> None:
    connection: Any = endpoint.connect()
    with connection, connection.cursor() as cursor:
        empty = "SELECT COUNT_IF(a), COUNT_IF(NOT a) FROM (SELECT TRUE AS a WHERE FALSE)"
        assert cursor.execute(empty).fetchall() == [(0, 0)]
        windowed = "SELECT COUNT_IF(a) OVER () FROM (SELECT TRUE AS a UNION ALL SELECT NULL)"
        assert cursor.execute(windowed).fetchall() == [(1,), (1,)]
