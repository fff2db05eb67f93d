"""Hold the tables of a warehouse against what the oracle says, to the last digit, through the real connector."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

from tests.oracle.compute import Key, Rows, Value
from tests.oracle.definitions import TABLES

# What tells how a row was built, and says nothing of the shop.
_BUILT = frozenset({"change_id", "created_at"})
_SHARES = ("rate", "frequency")
_MEANS = ("minutes", "seconds", "per_session")
_SHOWN = 12


def differences(connection: Any, expected: Mapping[str, Rows], tables: Iterable[str] | None = None) -> list[str]:
    """Say where the warehouse's tables differ from the oracle's, at most a dozen lines for each; [] where nowhere.

    A mart's column of which the oracle knows nothing is a difference too.
    """
    found = []
    for table in tables or expected:
        said = list(_compared(connection, table, expected[table]))
        found += said[:_SHOWN] + ([f"{table}: {len(said) - _SHOWN} more"] if len(said) > _SHOWN else [])
    return found


def contents(connection: Any, table: str) -> tuple[dict[Key, dict[str, Any]], dict[str, int]]:
    """The rows of a table by what identifies them, without what tells how they were built; and the columns' scales."""
    key, _ = TABLES[table]
    with connection.cursor() as cursor:
        values = cursor.execute(f"SELECT * FROM {table}").fetchall()
        scales = {column.name.lower(): column.scale for column in cursor.description}
    rows: dict[Key, dict[str, Any]] = {}
    for value in values:
        row = dict(zip(scales, value, strict=True))
        identity = tuple(row.pop(name) for name in key)
        assert identity not in rows, f"two rows of {identity} in {table}"
        rows[identity] = {name: row[name] for name in row if name not in _BUILT}
    return rows, scales


def _compared(connection: Any, table: str, expected: Rows) -> Iterable[str]:
    found, scales = contents(connection, table)
    if table == "staging.int_order_lines":  # a third kind of line is there for a check of the project's alone
        found = {identity: row for identity, row in found.items() if identity[-1] != "unsold"}
    for identity in sorted(found.keys() ^ expected.keys(), key=repr):
        which = "is not in the oracle" if identity in found else "is missing"
        yield f"{table} {_text(identity)}: the row {which}"
    known = {name for row in expected.values() for name in row}
    if table.startswith("marts.") and expected:
        unknown = {name for row in found.values() for name in row} - known
        yield from (f"{table}.{name}: the oracle does not know the column" for name in sorted(unknown))
    yield from (f"{table}.{name}: there is no such column" for name in sorted(known - scales.keys()))
    for name in sorted(known & scales.keys()):
        for identity in sorted(found.keys() & expected.keys(), key=repr):
            right, value = _at_scale(name, expected[identity][name], scales[name]), found[identity][name]
            if (right is None) != (value is None) or right != value:
                yield f"{table}.{name} {_text(identity)}: {value} is not {right}"


def _at_scale(name: str, value: Value, scale: int) -> Any:
    """The value as a column holds it: rounded once, half away from zero."""
    if not isinstance(value, Fraction):
        return value
    if scale == 0:
        assert value.denominator == 1, f"{name} is no whole number: {value}"
        return int(value)
    assert scale == _declared_scale(name), f"{name} has the scale {scale}"
    digits = abs(value) * 10**scale
    whole = Decimal(int(digits + Fraction(1, 2)))
    return (whole if value >= 0 else -whole).scaleb(-scale).quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)


def _declared_scale(name: str) -> int:
    if any(part in name for part in _SHARES):
        return 6
    return 4 if any(part in name for part in _MEANS) else 2


def _text(identity: Key) -> str:
    return "(" + ", ".join(map(str, identity)) + ")"
