"""Rows bound as arrays: one statement, whole or not at all, whatever their number."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
import snowflake.connector

from tests.conftest import RunningEndpoint

pytestmark = pytest.mark.integration
ROWS = 1203  # more than two of the endpoint's portions


def test_many_rows(endpoint: RunningEndpoint) -> None:
    rows = [
        (n, None if n % 7 == 0 else f"it's {n} ?", Decimal(n) / 4, n % 2 == 0, dt.datetime(2024, 1, 15, 10, 0, 0, n))
        for n in range(ROWS)
    ]
    with endpoint.connect(paramstyle="qmark") as connection:
        cursor = connection.cursor()
        cursor.execute(
            "CREATE OR REPLACE TABLE bound (n INT, t STRING, d NUMBER(10, 2), b BOOLEAN, at TIMESTAMP_NTZ, k INT)"
        )
        cursor.executemany("INSERT INTO bound (n, t, d, b, at, k) VALUES (?, ?, ?, ?, ?, 7)", rows)
        assert cursor.rowcount == ROWS
        found = cursor.execute("SELECT n, t, d, b, at FROM bound ORDER BY n").fetchall()
        assert found == rows
        assert cursor.execute("SELECT COUNT(*) FROM bound WHERE k = 7").fetchall() == [(ROWS,)]


def test_a_bad_row_leaves_nothing(endpoint: RunningEndpoint) -> None:
    with endpoint.connect(paramstyle="qmark") as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE OR REPLACE TABLE bound_ints (n INT)")
        with pytest.raises(snowflake.connector.errors.DatabaseError):
            cursor.executemany("INSERT INTO bound_ints VALUES (?)", [(str(n),) for n in range(ROWS)] + [("x",)])
        assert cursor.execute("SELECT COUNT(*) FROM bound_ints").fetchall() == [(0,)]


def test_computed_rows_and_updates(endpoint: RunningEndpoint) -> None:
    with endpoint.connect(paramstyle="qmark") as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE OR REPLACE TABLE bound_pairs (a INT, b INT)")
        cursor.executemany("INSERT INTO bound_pairs VALUES (? + ?, ABS(?))", [(1, 2, -3), (4, 5, -6)])
        assert cursor.execute("SELECT * FROM bound_pairs ORDER BY a").fetchall() == [(3, 3), (9, 6)]
        cursor.executemany("UPDATE bound_pairs SET b = ? WHERE a = ?", [(30, 3), (60, 9)])
        assert cursor.execute("SELECT b FROM bound_pairs ORDER BY a").fetchall() == [(30,), (60,)]
