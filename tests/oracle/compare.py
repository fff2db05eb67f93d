"""Hold the tables of a warehouse against what the oracle says, to the last digit, through the real connector."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from tests.oracle.compute import Key, Table
from tests.oracle.definitions import TABLES, scale_of

# What tells how a row was built, and says nothing of the shop.
_BUILT = frozenset({"change_id", "created_at"})
# Of this table the page on metrics says only what metrics are made of.
_PARTLY = frozenset({"staging.user_sessions_enhanced"})
_SHOWN = 12


def differences(connection: Any, expected: Mapping[str, Table], tables: Iterable[str] | None = None) -> list[str]:
    """Say where the warehouse's tables differ from the oracle's, at most a dozen lines for each; [] where nowhere.

    A column of which the oracle knows nothing is a difference too.
    """
    found = []
    for table in tables or expected:
        said = list(_compared(connection, table, expected[table]))
        found += said[:_SHOWN] + ([f"{table}: {len(said) - _SHOWN} more"] if len(said) > _SHOWN else [])
    return found


def contents(connection: Any, table: str, columns: Iterable[str] = ("*",)) -> tuple[Table, dict[str, int]]:
    """Read a table, without what tells how its rows were built; and the scales of its columns."""
    key, _ = TABLES[table]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(columns)} FROM {table}")
        scales = {column.name.lower(): column.scale for column in cursor.description}
        values = cursor.fetchall()
    names = list(scales)
    identifying = [names.index(name) for name in key]
    told = [place for place, name in enumerate(names) if name not in key and name not in _BUILT]
    rows: dict[Key, tuple[Any, ...]] = {}
    for row in values:
        identity = tuple(row[place] for place in identifying)
        assert identity not in rows, f"two rows of {identity} in {table}"
        rows[identity] = tuple(row[place] for place in told)
    return Table(tuple(names[place] for place in told), rows), scales


def _compared(connection: Any, table: str, expected: Table) -> Iterator[str]:
    every = table not in _PARTLY
    found, scales = contents(connection, table, ("*",) if every else (*TABLES[table][0], *expected.columns))
    rows = found.rows
    for name in sorted(set(found.columns) ^ set(expected.columns)):
        yield f"{table}.{name}: {'the oracle does not know' if name in scales else 'there is no'} such column"
    for identity in sorted(rows.keys() ^ expected.rows.keys(), key=repr):
        yield f"{table} {_text(identity)}: the row {'is not in the oracle' if identity in rows else 'is missing'}"
    both = [name for name in expected.columns if name in found.columns]
    ours, theirs = ([table.columns.index(name) for name in both] for table in (found, expected))
    for name, place in zip(both, ours, strict=True):
        if any(isinstance(row[place], Decimal) for row in rows.values()) and scales[name] != scale_of(name):
            yield f"{table}.{name} has the scale {scales[name]}"
    for identity in rows.keys() & expected.rows.keys():
        for name, our, their in zip(both, ours, theirs, strict=True):
            value, right = rows[identity][our], expected.rows[identity][their]
            if value != right:
                yield f"{table}.{name} {_text(identity)}: {value} is not {right}"


def _text(identity: Key) -> str:
    return "(" + ", ".join(map(str, identity)) + ")"
