"""Which columns of the speed layer's table are read, and how each ClickHouse type is brought to one exact type.

Pure: text in, SQL expressions out. Every value leaves ClickHouse as text, a 64-bit integer, microseconds since the epoch
or a decimal of two places, so that neither the column's time zone nor the server's, nor a float, plays any part.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from reconcile.errors import SpeedTableError


class Kind(Enum):
    """What a column means to us; the value is what its type must be, in words. An identifier or text that is empty is NULL."""

    IDENTIFIER = "a UUID or String"
    TEXT = "a String or Enum"
    INSTANT = "a DateTime or DateTime64"
    COUNT = "an integer of at most 64 bits"
    MONEY = "a Decimal, an integer or a Float"


@dataclass(frozen=True)
class SpeedColumn:
    """A column of user_sessions_realtime. required: the reconciled metrics cannot be computed without it."""

    name: str
    kind: Kind
    required: bool = False


SPEED_COLUMNS: tuple[SpeedColumn, ...] = (
    SpeedColumn("session_id", Kind.IDENTIFIER, required=True),
    SpeedColumn("user_id", Kind.IDENTIFIER),
    SpeedColumn("user_tier", Kind.TEXT, required=True),
    SpeedColumn("session_start", Kind.INSTANT, required=True),
    SpeedColumn("session_end", Kind.INSTANT),
    SpeedColumn("page_views", Kind.COUNT, required=True),
    SpeedColumn("product_views", Kind.COUNT),
    SpeedColumn("searches", Kind.COUNT),
    SpeedColumn("add_to_cart_events", Kind.COUNT),
    SpeedColumn("purchases", Kind.COUNT, required=True),
    SpeedColumn("total_spent", Kind.MONEY, required=True),
)

_WRAPPER = re.compile(r"\A(?:Nullable|LowCardinality|SimpleAggregateFunction)\((?:\w+, )?(.*)\)\Z")
_ACCEPTED = {
    Kind.IDENTIFIER: re.compile(r"\A(?:UUID|String|FixedString\(\d+\)|U?Int(?:8|16|32|64))\Z"),
    Kind.TEXT: re.compile(r"\A(?:String|FixedString\(\d+\)|Enum(?:8|16)\(.*\))\Z"),
    Kind.INSTANT: re.compile(r"\A(?:DateTime(?:\('[^']+'\))?|DateTime64\(\d(?:, ?'[^']+')?\))\Z"),
    Kind.COUNT: re.compile(r"\AU?Int(?:8|16|32|64)\Z"),
    Kind.MONEY: re.compile(r"\A(?:Decimal\(\d+, ?\d+\)|U?Int(?:8|16|32|64)|Float(?:32|64))\Z"),
}


def innermost(type_name: str) -> str:
    """The type inside Nullable(…), LowCardinality(…) and SimpleAggregateFunction(…, …)."""
    while match := _WRAPPER.match(type_name):
        type_name = match.group(1)
    return type_name


def is_uuid_column(type_name: str) -> bool:
    """Whether ClickHouse itself guarantees canonical UUIDs."""
    return innermost(type_name) == "UUID"


def select_list(table: str, types: Mapping[str, str]) -> str:
    """The SELECT list that yields SPEED_COLUMNS in order; optional columns that the table lacks are NULL.

    types: column name → ClickHouse type, as DESCRIBE TABLE gives them. Raises SpeedTableError naming the column that is
    missing or has a type from which no exact value can be had.
    """
    missing = [column.name for column in SPEED_COLUMNS if column.required and column.name not in types]
    if missing:
        raise SpeedTableError(
            f"the speed layer's table {table} has no column {', '.join(missing)}; it has {', '.join(sorted(types))}"
        )
    return ", ".join(
        f"{_expression(table, column, types.get(column.name))} AS c_{column.name}" for column in SPEED_COLUMNS
    )


def _expression(table: str, column: SpeedColumn, type_name: str | None) -> str:
    name = f"`{column.name}`"
    if type_name is None:
        return f"CAST(NULL AS Nullable({_NULL_TYPES[column.kind]}))"
    inner = innermost(type_name)
    if not _ACCEPTED[column.kind].match(inner):
        raise SpeedTableError(
            f"column {column.name} of the speed layer's table {table} is {type_name}; it must be {column.kind.value}"
        )
    if column.kind in (Kind.IDENTIFIER, Kind.TEXT):
        return f"nullIf(CAST({name} AS Nullable(String)), '')"
    if column.kind is Kind.INSTANT:
        return f"toUnixTimestamp64Micro(toDateTime64({name}, 6, 'UTC'))"
    if column.kind is Kind.COUNT:
        return f"toInt64({name})"
    return _money(name, inner)


def _money(name: str, inner: str) -> str:
    """Two decimal places, half away from zero. A float counts as its shortest text; NaN and infinities become NULL."""
    if inner.startswith("Float"):
        return f"CAST(round(toDecimal128OrNull(toString({name}), 9), 2) AS Nullable(Decimal(38, 2)))"
    return f"CAST(round({name}, 2) AS Nullable(Decimal(38, 2)))"


_NULL_TYPES = {
    Kind.IDENTIFIER: "String",
    Kind.TEXT: "String",
    Kind.INSTANT: "Int64",
    Kind.COUNT: "Int64",
    Kind.MONEY: "Decimal(38, 2)",
}
