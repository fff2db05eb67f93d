"""The example queries of docs/metrics.md, run and held against the tables that they are about."""

from __future__ import annotations

import datetime
import re
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from snowflake.connector import DictCursor

from tests.conftest import REPOSITORY

_PAGE = REPOSITORY / "docs" / "metrics.md"
_SECTION = re.compile(r"^## (marts\.\w+).*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"```sql\n(.*?)```", re.DOTALL)
_DATE = re.compile(r"'\d{4}-\d{2}-\d{2}'")
_KEYS = ("user_tier", "product_id")
_NO_FIGURES = {"date", *_KEYS, "change_id", "created_at"}

Row = dict[str, Any]


def examples() -> Iterator[tuple[str, str]]:
    """The table that a section is about, and each query of the section as it stands."""
    for section in _SECTION.finditer(_PAGE.read_text(encoding="utf-8")):
        for block in _BLOCK.finditer(section[0]):
            yield from ((section[1], query.strip()) for query in block[1].split(";\n") if query.strip())


def disagreements(connection: Any) -> list[str]:
    """Say which example gives no row over its dates, or for one date another figure than the table, and what has no example."""
    found: list[str] = []
    shown: dict[str, set[str]] = defaultdict(set)
    contents: dict[str, list[Row]] = {}
    for table, query in examples():
        rows = contents.setdefault(table, _rows(connection, f"SELECT * FROM {table}"))
        if not _rows(connection, query):
            found.append(f"{table}: no row from {query}")
        for date in sorted({row["date"] for row in rows}):
            for answer in _rows(connection, _DATE.sub(f"'{date}'", query)):
                shown[table] |= answer.keys()
                found += _differences(table, answer, _same(rows, date, answer))
    for table, rows in contents.items():
        found += [f"{table}.{column}: no example" for column in sorted(rows[0].keys() - shown[table] - _NO_FIGURES)]
    return found


def _same(rows: list[Row], date: datetime.date, answer: Row) -> Row:
    """The row of the table that an answer about one date is about."""
    keys = [key for key in _KEYS if key in answer]
    (row,) = (row for row in rows if row["date"] == date and all(row[key] == answer[key] for key in keys))
    return row


def _differences(table: str, answer: Row, row: Row) -> Iterator[str]:
    for column in answer.keys() - _NO_FIGURES:
        said, right = answer[column], row[column]
        # An analyst's quotient has other decimal places than the table's: they agree but for the last one.
        last = Decimal(1).scaleb(int(right.as_tuple().exponent)) if isinstance(right, Decimal) else 0
        if (said is None) != (right is None) or (said is not None and abs(said - right) > last):
            yield f"{table}.{column} {row['date']}: {said} is not {right}"


def _rows(connection: Any, query: str) -> list[Row]:
    with connection.cursor(DictCursor) as cursor:
        return [{name.lower(): value for name, value in row.items()} for row in cursor.execute(query).fetchall()]
