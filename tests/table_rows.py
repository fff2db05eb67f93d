"""Counts and removes the rows of tables, for warehouses that tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

# Runs one statement, and returns its rows.
Query = Callable[[str], Sequence[tuple[Any, ...]]]


def row_counts(query: Query, tables: Iterable[str]) -> dict[str, int]:
    """Return the number of rows of each table, by one statement."""
    counted = " UNION ALL ".join(f"SELECT '{table}', COUNT(*) FROM {table}" for table in tables)
    return dict(query(counted))


def remove_rows(query: Query, tables: Iterable[str]) -> None:
    """Empty the tables that have rows: a DELETE for each of the others would cost more than the count."""
    for table, rows in row_counts(query, tables).items():
        if rows:
            query(f"DELETE FROM {table}")
