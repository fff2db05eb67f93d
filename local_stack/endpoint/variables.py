"""Hold session variables: typed values whose names ignore case.

See: https://docs.snowflake.com/en/sql-reference/session-variables
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from local_stack.endpoint.language.quoting import quote_string
from local_stack.endpoint.outcome import ColumnInfo
from local_stack.endpoint.statements import SqlError

_LONGEST_NAME = 256
_LARGEST_VALUE = 256
_RESERVED = frozenset({"CURRENT", "PUBLIC"})
_SEMI_STRUCTURED = frozenset({"VARIANT", "OBJECT", "ARRAY"})


@dataclass(frozen=True)
class Variable:
    """Hold one variable. type: its column type on the wire (FIXED, TEXT, …); value: the Python value; times are UTC."""

    name: str
    type: str
    value: Any
    created_on: dt.datetime
    updated_on: dt.datetime

    @property
    def literal(self) -> str:
        """Return the value as Snowflake would read it, with its type."""
        value = self.value
        if value is None:
            return "NULL"
        match self.type:
            case "BOOLEAN":
                return str(value).upper()
            case "FIXED":
                return format(Decimal(value), "f")
            case "REAL":
                return f"'{value!r}'::FLOAT"
            case "BINARY":
                return f"X'{value.hex()}'"
            case "DATE" | "TIME":
                return f"'{value.isoformat()}'::{self.type}"
            case "TIMESTAMP_NTZ" | "TIMESTAMP_LTZ" | "TIMESTAMP_TZ":
                return f"'{value.isoformat(sep=' ', timespec='microseconds')}'::{self.type}"
        return quote_string(str(value))

    @property
    def text(self) -> str | None:
        """Return the value as SHOW VARIABLES prints it."""
        if isinstance(self.value, bool):
            return str(self.value).lower()
        if isinstance(self.value, bytes):
            return self.value.hex().upper()
        return None if self.value is None else str(self.value)


class Variables:
    """Hold the variables of one session."""

    def __init__(self) -> None:
        self._by_name: dict[str, Variable] = {}

    def __getitem__(self, name: str) -> Variable:
        """Return a variable. Raises SqlError 002211 for one that is not set."""
        if found := self._by_name.get(name.upper()):
            return found
        raise SqlError(f"SQL compilation error:\nSession variable '${name.upper()}' does not exist", 2211, "02000")

    def all(self) -> list[Variable]:
        return sorted(self._by_name.values(), key=lambda variable: variable.name)

    def set(self, name: str, column: ColumnInfo, value: Any) -> Variable:
        """Give a variable a value and its type. Raises SqlError for what no variable can hold."""
        name = name.upper()
        _check_name(name)
        if column.type in _SEMI_STRUCTURED:
            raise SqlError(f"Unsupported feature 'session variable of type {column.type}'.", 2, "0A000")
        _check_size(name, value)
        now = dt.datetime.now(dt.UTC)
        existing = self._by_name.get(name)
        self._by_name[name] = (
            replace(existing, type=column.type, value=value, updated_on=now)
            if existing
            else Variable(name, column.type, value, now, now)
        )
        return self._by_name[name]

    def unset(self, name: str) -> None:
        """Forget a variable; one that is not set is no error."""
        self._by_name.pop(name.upper(), None)


def _check_name(name: str) -> None:
    if name in _RESERVED:
        raise SqlError(f"SQL compilation error:\nThe variable name '{name}' is reserved.", 1003, "42000")
    if len(name) > _LONGEST_NAME:
        raise SqlError(
            f"SQL compilation error:\nThe identifier is too long: {len(name)} characters, the limit is {_LONGEST_NAME}.",
            2097,
            "22000",
        )


def _check_size(name: str, value: Any) -> None:
    size = len(value) if isinstance(value, bytes) else len(value.encode()) if isinstance(value, str) else 0
    if size > _LARGEST_VALUE:
        raise SqlError(
            f"Assignment to '{name}' not done because value exceeds size limit for variables. Its size is {size:,}; the "
            f"limit is {_LARGEST_VALUE} (internal storage size in bytes).",
            1455,
            "22000",
        )
