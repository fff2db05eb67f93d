"""Bind values: the wire's (type, text) pairs, Python values, and what DuckDB binds.

Source: the connector's converter (`snowflake.connector.converter._convert_*_to_snowflake_bindings`).
Times are UTC; TIMESTAMP_TZ carries its offset.
"""

from __future__ import annotations

import binascii
import datetime as dt
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from local_stack.endpoint.statements import SqlError

Bind = tuple[str, str | None]
_EPOCH = dt.datetime(1970, 1, 1)


def from_wire(bindings: Mapping[str, Mapping[str, Any]] | None) -> tuple[tuple[Bind, ...], list[tuple[Bind, ...]]]:
    """Return the request's `bindings`: (one row of binds, rows of a batch). A batch has lists as values, one per row."""
    if not bindings:
        return (), []
    if not all(position.isdigit() for position in bindings):
        raise SqlError("Named bind variables are not supported by the local endpoint.", errno=2049, sqlstate="42601")
    columns = [bindings[str(position)] for position in range(1, len(bindings) + 1)]
    if any(isinstance(column["value"], list) for column in columns):
        values = [[(str(c["type"]), v) for v in c["value"]] for c in columns]
        return (), [tuple(row) for row in zip(*values, strict=True)]
    return tuple((str(c["type"]), c["value"]) for c in columns), []


def to_python(bind: Bind) -> Any:
    """Return the Python value DuckDB binds for one pair."""
    kind, text = bind
    if text is None:
        return None
    match kind:
        case "FIXED":
            return int(text) if text.lstrip("+-").isdigit() else Decimal(text)
        case "REAL":
            return float(text)
        case "BOOLEAN":
            return text.lower() in ("true", "1")
        case "BINARY":
            return binascii.unhexlify(text)
        case "DATE":
            return (_EPOCH + dt.timedelta(milliseconds=int(text))).date()
        case "TIME":
            return (_EPOCH + dt.timedelta(microseconds=int(text) // 1000)).time()
        case "TIMESTAMP_NTZ":
            return _from_nanoseconds(text)
        case "TIMESTAMP_LTZ":
            return _from_nanoseconds(text).replace(tzinfo=dt.UTC)
        case "TIMESTAMP_TZ":
            return _from_nanoseconds(text.partition(" ")[0]).replace(tzinfo=dt.UTC)
        case _:
            return text


def to_bind(value: Any) -> Bind:
    """Return the pair for a Python value: the inverse, for code inside the endpoint that runs SQL on a session."""
    match value:
        case None:
            return "TEXT", None
        case bool():
            return "BOOLEAN", str(value).lower()
        case int() | Decimal():
            return "FIXED", str(value)
        case float():
            return "REAL", repr(value)
        case bytes():
            return "BINARY", value.hex()
        case dt.datetime():
            if value.tzinfo is None:
                return "TIMESTAMP_NTZ", _nanoseconds(value)
            return "TIMESTAMP_LTZ", _nanoseconds(value.astimezone(dt.UTC).replace(tzinfo=None))
        case dt.date():
            return "DATE", str((value - _EPOCH.date()).days * 86_400_000)
        case dt.time():
            return "TIME", str(
                ((value.hour * 60 + value.minute) * 60 + value.second) * 10**9 + value.microsecond * 1000
            )
        case str():
            return "TEXT", value
        case dict() | list():
            return "TEXT", json.dumps(value)
    raise SqlError(f"A value of type {type(value).__name__} cannot be bound.", errno=2049, sqlstate="42601")


def to_binds(values: Sequence[Any]) -> tuple[Bind, ...]:
    return tuple(to_bind(value) for value in values)


def _from_nanoseconds(text: str) -> dt.datetime:
    return _EPOCH + dt.timedelta(microseconds=int(text) // 1000)


def _nanoseconds(value: dt.datetime) -> str:
    return str((value - _EPOCH) // dt.timedelta(microseconds=1) * 1000)
