"""The plain connector against the endpoint: values, types, binds, errors, sessions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import snowflake.connector

from tests.conftest import RunningEndpoint


@pytest.fixture
def connection(endpoint: RunningEndpoint) -> Iterator[Any]:
    with endpoint.connect() as opened:
        yield opened


def test_values_come_back_as_they_went_in(connection: Any) -> None:
    cursor = connection.cursor()
    cursor.execute(
        "CREATE OR REPLACE TABLE t (i INT, n NUMBER(10,2), s STRING, b BOOLEAN, d DATE, ts TIMESTAMP_NTZ, v VARIANT)"
    )
    cursor.execute(
        "INSERT INTO t SELECT 1, 2.50, 'x', TRUE, '2024-01-15'::DATE, '1969-12-31 23:59:59.250001'::TIMESTAMP_NTZ,"
        " PARSE_JSON('{\"a\": [1, null]}')"
    )
    assert cursor.rowcount == 1
    row = cursor.execute("SELECT * FROM t").fetchone()
    assert row[:6] == (
        1,
        Decimal("2.50"),
        "x",
        True,
        dt.date(2024, 1, 15),
        dt.datetime(1969, 12, 31, 23, 59, 59, 250001),
    )
    assert [column.name for column in cursor.description] == ["I", "N", "S", "B", "D", "TS", "V"]
    assert cursor.sqlstate is None  # dbt writes "SUCCESS" by it


def test_qmark_binds(endpoint: RunningEndpoint) -> None:
    with endpoint.connect(paramstyle="qmark") as connection:
        row = connection.cursor().execute("SELECT ?, ?, ?::NUMBER(5,2)", (7, "a'b", "1.25")).fetchone()
        assert row == (7, "a'b", Decimal("1.25"))


def test_an_error_has_number_and_state(connection: Any) -> None:
    with pytest.raises(snowflake.connector.errors.ProgrammingError) as caught:
        connection.cursor().execute("SELECT * FROM no_such_table")
    assert (caught.value.errno, caught.value.sqlstate) == (2003, "42S02")


def test_a_second_client_shares_a_session_by_its_tokens(endpoint: RunningEndpoint) -> None:
    with endpoint.connect() as owner:
        owner.cursor().execute("CREATE TEMPORARY TABLE only_here (i INT)")
        rest = owner._rest
        guest = endpoint.connect(session_token=rest.token, master_token=rest.master_token)
        assert guest.cursor().execute("SELECT COUNT(*) FROM only_here").fetchone() == (0,)
