"""What is compared of a session, and its bucket, as SQL text that gives the same numbers as ClickHouse. Pure.

Each value is `<bytes>:<text>`, so that no two rows have one text; amounts are in cents, times in microseconds since the epoch,
and NULL is ~. The other side of it is reconcile/speed/statements.py; golden vectors hold both to the same numbers.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from reconcile.comparison.metrics_sql import MetricDefinition
from reconcile.speed.buckets import Bucketing
from reconcile.speed.columns import SPEED_COLUMNS, Kind, SpeedColumn
from snowpark_procs.statements import statement

_KINDS = {column.name: column.kind for column in SPEED_COLUMNS}
_ROWS_PER_BUCKET = 8
_FEWEST, _MOST = 8, 20  # powers of two


def bucketing(metrics: Sequence[MetricDefinition], lacking: Collection[str], sessions: int) -> Bucketing:
    """How a day of so many sessions is cut.

    Compared is all that can differ in a metric; of the times, which form alone may set apart, those that a metric's expression
    names. lacking: columns that the speed layer does not have.
    """
    expressions = " ".join(each.expression.lower() for each in metrics)
    columns = [
        column.name
        for column in SPEED_COLUMNS
        if column.name not in lacking and (column.kind is not Kind.INSTANT or _names(expressions, column))
    ]
    power = max(0, (sessions - 1) // _ROWS_PER_BUCKET).bit_length()
    return Bucketing(tuple(columns), 1 << min(_MOST, max(_FEWEST, power)))


def hashed_rows(rows: str, of: Bucketing) -> str:
    """A query for the rows of a query with the columns of SPEED_COLUMNS, each with its bucket and both halves of its MD5."""
    compared = " || ".join(_text(name) for name in of.columns)
    return statement("hashed_rows", rows=rows, identifier=_text("session_id"), compared=compared, count=str(of.count))


def _names(expressions: str, column: SpeedColumn) -> bool:
    return bool(re.search(rf"\b{column.name}\b", expressions))


def _text(name: str) -> str:
    column, kind = f"s.{name}", _KINDS[name]
    if kind in (Kind.IDENTIFIER, Kind.TEXT):
        return f"COALESCE(OCTET_LENGTH({column})::STRING || ':' || {column}, '~')"
    number = {
        Kind.COUNT: f"{column}::NUMBER(38, 0)",
        Kind.MONEY: f"({column} * 100)::NUMBER(38, 0)",
        Kind.INSTANT: f"DATE_PART('epoch_microsecond', {column})",
    }[kind]
    return f"COALESCE(LENGTH({number}::STRING)::STRING || ':' || {number}::STRING, '~')"
