"""Which columns of the speed layer are read, and how each ClickHouse type is brought to one exact type.

Pure: text in, SQL expressions out. Every value leaves ClickHouse as text, a 64-bit integer, microseconds since the epoch
or a decimal of two places, so that neither the column's time zone nor the server's, nor a float, plays any part.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from reconcile.errors import SpeedTableError
from reconcile.speed import identifiers
from reconcile.speed.identifiers import ByteOrder


class Kind(Enum):
    """What a column means to us; the value is what its type must be, in words. An identifier or text that is empty is NULL."""

    IDENTIFIER = "a UUID, String, FixedString or integer"
    TEXT = "a String or Enum"
    INSTANT = "a DateTime or DateTime64"
    COUNT = "an integer"
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
IDENTIFIERS = tuple(column.name for column in SPEED_COLUMNS if column.kind is Kind.IDENTIFIER)

# Of counts and amounts. What is more is a fault (an unsigned count below zero, say), and its sum would not fit the comparison,
# which has 18 digits before the point.
_LARGEST = 10**16 - 1
_WRAPPER = re.compile(r"\A(?:Nullable|LowCardinality|SimpleAggregateFunction)\((?:\w+, )?(.*)\)\Z")
_INTEGER = r"U?Int(?:8|16|32|64|128|256)"
_ACCEPTED = {
    Kind.IDENTIFIER: re.compile(rf"\A(?:UUID|String|FixedString\(\d+\)|{_INTEGER})\Z"),
    Kind.TEXT: re.compile(r"\A(?:String|FixedString\(\d+\)|Enum(?:8|16)\(.*\))\Z"),
    Kind.INSTANT: re.compile(r"\A(?:DateTime(?:\('[^']+'\))?|DateTime64\(\d(?:, ?'[^']+')?\))\Z"),
    Kind.COUNT: re.compile(rf"\A(?:{_INTEGER}|Bool)\Z"),
    Kind.MONEY: re.compile(rf"\A(?:Decimal\(\d+, ?\d+\)|{_INTEGER}|Float(?:32|64))\Z"),
}
_NULL_TYPES = {
    Kind.IDENTIFIER: "String",
    Kind.TEXT: "String",
    Kind.INSTANT: "Int64",
    Kind.COUNT: "Int64",
    Kind.MONEY: "Decimal(38, 2)",
}
_FITS = re.compile(r"\A(?:U?Int(?:8|16|32)|Bool)\Z")
_BYTES = re.compile(r"\A(?:String|FixedString\(16\))\Z")


@dataclass(frozen=True)
class Value:
    """How one column's value is read: SQL expressions over the source's column.

    value: the exact value. problem: why the row is to be set aside, empty where it is not; None where that cannot be.
    as_stored: the form in which an identifier came, where only that differs. is_other: whether an identifier is no UUID.
    """

    value: str
    problem: str | None = None
    as_stored: str | None = None
    is_other: str | None = None


def innermost(type_name: str) -> str:
    """The type inside Nullable(…), LowCardinality(…) and SimpleAggregateFunction(…, …)."""
    while match := _WRAPPER.match(type_name):
        type_name = match.group(1)
    return type_name


def may_be_bytes(type_name: str) -> bool:
    """Whether an identifier of this type may be 16 bytes that are a UUID."""
    return bool(_BYTES.match(innermost(type_name)))


def check_types(table: str, types: Mapping[str, str]) -> None:
    """Raise SpeedTableError naming a column that is missing or has a type from which no exact value can be had."""
    missing = [column.name for column in SPEED_COLUMNS if column.required and column.name not in types]
    if missing:
        raise SpeedTableError(
            f"the speed layer's table {table} has no column {', '.join(missing)}; it has {', '.join(sorted(types))}; "
            "a column of another name is named in [reconcile.columns]"
        )
    for column in SPEED_COLUMNS:
        type_name = types.get(column.name)
        if type_name is not None and not _ACCEPTED[column.kind].match(innermost(type_name)):
            raise SpeedTableError(
                f"column {column.name} of the speed layer's table {table} is {type_name}; it must be {column.kind.value}"
            )


def read_value(column: SpeedColumn, source: str, type_name: str | None, order: ByteOrder | None = None) -> Value:
    """How the column's exact value is had from the expression `source` of a checked type; None: there is no such column.

    order: how an identifier's 16 bytes are a UUID, where they are.
    """
    if type_name is None:
        null = f"CAST(NULL AS Nullable({_NULL_TYPES[column.kind]}))"
        return Value(null, as_stored=null if column.kind is Kind.IDENTIFIER else None)
    inner = innermost(type_name)
    if column.kind is Kind.IDENTIFIER:
        return _identifier(column.name, source, inner, order)
    if column.kind is Kind.TEXT:
        text = f"nullIf(CAST({source} AS Nullable(String)), '')"
        return Value(text, None if inner.startswith("Enum") else _not_utf8(column.name, text))
    if column.kind is Kind.INSTANT:
        # A column that is not Nullable has 1970-01-01 for no time.
        return Value(f"nullIf(toUnixTimestamp64Micro(toDateTime64({source}, 6, 'UTC')), 0)")
    if column.kind is Kind.COUNT:
        if _FITS.match(inner):
            return Value(f"CAST({source} AS Nullable(Int64))")
        exact = f"accurateCastOrNull({source}, 'Int64')"
        count = f"if({exact} BETWEEN -{_LARGEST} AND {_LARGEST}, {exact}, NULL)"
        return Value(count, _out_of_range(column.name, source, f"isNull({count}) AND isNotNull({source})"))
    return _money(column.name, source, inner)


def _identifier(name: str, source: str, inner: str, order: ByteOrder | None) -> Value:
    null = "CAST(NULL AS Nullable(String))"
    if inner == "UUID":
        return Value(identifiers.of_uuid(source), as_stored=null)
    if inner in ("Int128", "UInt128"):
        text = identifiers.of_wide_integer(source)
        return Value(text, as_stored=null, is_other=f"NOT {identifiers.is_uuid(text)}")
    if "Int" in inner:
        return Value(f"CAST({source} AS Nullable(String))", as_stored=null, is_other=f"isNotNull({source})")
    text = f"CAST({source} AS Nullable(String))" if order is None else identifiers.of_bytes(source, order)
    canonical = f"if(isValidUTF8({text}), {identifiers.canonical(text)}, {text})"
    differs = f"isNotNull({identifiers.canonical(text)}) AND {text} != {canonical}"
    return Value(
        canonical,
        _not_utf8(name, text),
        as_stored=f"if(isValidUTF8({text}) AND {differs}, {text}, NULL)",
        is_other=f"isNotNull({canonical}) AND NOT {identifiers.is_uuid(canonical)}",
    )


def _money(name: str, source: str, inner: str) -> Value:
    """Two decimal places, half away from zero. A float counts as its shortest text; NaN and infinities become NULL."""
    if inner.startswith("Float"):
        exact, there = f"round(toDecimal128OrNull(toString({source}), 9), 2)", f"isFinite({source})"
    elif inner.startswith("Decimal"):
        exact, there = f"round(CAST({source} AS Nullable(Decimal(76, {_scale(inner)}))), 2)", f"isNotNull({source})"
    else:
        exact, there = f"toDecimal256OrNull(toString({source}), 2)", f"isNotNull({source})"
    fits = f"abs({exact}) <= toDecimal256('{_LARGEST}', 0)"
    amount = f"if({fits}, CAST(if({fits}, {exact}, NULL) AS Nullable(Decimal(38, 2))), NULL)"
    return Value(amount, _out_of_range(name, source, f"{there} AND NOT ifNull({fits}, 0)"))


def _scale(decimal: str) -> int:
    return int(decimal.rstrip(")").rpartition(",")[2])


def _not_utf8(name: str, text: str) -> str:
    return f"if(isValidUTF8(ifNull({text}, '')), '', concat('{name} is not UTF-8: ', hex({text})))"


def _out_of_range(name: str, source: str, condition: str) -> str:
    return f"if({condition}, concat('{name} is out of range: ', toString({source})), '')"
