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


def test_binds_keep_their_values_in_parts_of_a_statement(endpoint: RunningEndpoint) -> None:
    """MERGE and UPDATE … FROM are asked about before they run, by queries that have some of their binds."""
    with endpoint.connect(paramstyle="qmark") as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE OR REPLACE TABLE bound_targets (a INT, b INT)")
        cursor.execute("INSERT INTO bound_targets VALUES (1, 10), (2, 20)")
        merge = (
            "MERGE INTO bound_targets t USING (SELECT column1 AS a, column2 AS b FROM VALUES (1, ?), (1, ?)) s"
            " ON t.a = s.a WHEN MATCHED AND s.b > ? THEN UPDATE SET b = s.b + ?"
        )
        with pytest.raises(snowflake.connector.errors.DatabaseError, match="Duplicate row detected during DML action"):
            cursor.execute(merge, (5, 6, 4, 100))
        assert cursor.execute(merge, (5, 6, 5, 100)).fetchall() == [(1,)]
        update = "UPDATE bound_targets t SET b = t.b + ? FROM (SELECT 2 AS a, ? AS b) s WHERE t.a = s.a AND s.b = ?"
        assert cursor.execute(update, (7, 3, 3)).fetchall() == [(1, 0)]
        assert cursor.execute("SELECT a, b FROM bound_targets ORDER BY a").fetchall() == [(1, 106), (2, 27)]


def test_a_bind_behind_a_value_is_a_mistake(endpoint: RunningEndpoint) -> None:
    with (
        endpoint.connect(paramstyle="qmark") as connection,
        pytest.raises(snowflake.connector.errors.ProgrammingError),
    ):
        connection.cursor().execute("SELECT column1 ? FROM VALUES (1)", (1,))
