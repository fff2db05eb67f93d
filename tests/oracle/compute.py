"""Every column of the marts, exactly, from events and transactions alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from local_stack.demo.files import EVENTS, TRANSACTIONS
from tests.oracle import documents
from tests.oracle.definitions import AVERAGES, MACROS, STEPS, TABLES, scale_of

Key = tuple[Any, ...]
_PER = "__per"


@dataclass(frozen=True)
class Table:
    """A table's columns, without those that identify a row, and its rows by what does."""

    columns: tuple[str, ...]
    rows: dict[Key, tuple[Any, ...]]


@dataclass(frozen=True)
class Options:
    """What the metrics page calls variables, and the thresholds of ops.quality_thresholds; the defaults are the project's."""

    include_bots: bool = False
    include_test_users: bool = False
    max_session_hours: int = 24
    view_idle_minutes: int = 30
    cancelled_statuses: tuple[str, ...] = ("cancelled", "canceled", "voided", "failed", "refunded", "returned")
    clv_active_days: Mapping[str, int] = field(
        default_factory=lambda: {"bronze": 12, "silver": 24, "gold": 48, "platinum": 96}
    )
    clv_active_days_otherwise: int = 6
    bot_min_requests: int = 30
    bot_requests_per_minute: int = 60
    bot_repeats: int = 200

    @property
    def placeholders(self) -> dict[str, str]:
        """What stands for {…} in the definitions."""
        days = " ".join(f"WHEN {_quoted(tier)} THEN {days}" for tier, days in self.clv_active_days.items())
        return {
            "bots": str(self.include_bots),
            "tests": str(self.include_test_users),
            "session_us": str(self.max_session_hours * 3_600_000_000),
            "idle_us": str(self.view_idle_minutes * 60_000_000),
            "cancelled": ", ".join(map(_quoted, self.cancelled_statuses)),
            "clv_active_days": f"CASE user_tier {days} ELSE {self.clv_active_days_otherwise} END",
            "bot_min_requests": str(self.bot_min_requests),
            "bot_requests_per_minute": str(self.bot_requests_per_minute),
            "bot_repeats": str(self.bot_repeats),
        }


@dataclass(frozen=True)
class Delivery:
    """What reached the lake at once: tables with (at least) its columns."""

    events: pa.Table
    transactions: pa.Table

    @classmethod
    def of_files(cls, events: Path, transactions: Path) -> Delivery:
        """Parquet files with the lake's columns."""
        return cls(pq.read_table(events), pq.read_table(transactions))

    @classmethod
    def of_rows(cls, events: Sequence[Mapping[str, Any]], transactions: Sequence[Mapping[str, Any]]) -> Delivery:
        """Rows as mappings by column; absent columns are NULL."""
        return cls(pa.Table.from_pylist(list(events), EVENTS), pa.Table.from_pylist(list(transactions), TRANSACTIONS))


@contextmanager
def database(
    deliveries: Iterable[Delivery], options: Options | None = None, steps: Mapping[str, str] = STEPS
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database that holds every step's rows after these deliveries, in their order."""
    with duckdb.connect() as connection:
        connection.execute(MACROS)
        _deliver(connection, list(deliveries))
        for name, query in steps.items():
            connection.execute(f"CREATE TABLE {name} AS {query.format(**(options or Options()).placeholders)}")
        yield connection


def compute(
    deliveries: Iterable[Delivery], options: Options | None = None, tables: Iterable[str] = TABLES
) -> dict[str, Table]:
    """Compute these tables after these deliveries: quotients rounded once, half away from zero; all else as it is."""
    options = options or Options()
    with database(deliveries, options) as connection:
        return {table: _read(connection, *_filled(table, options)) for table in tables}


def _deliver(connection: duckdb.DuckDBPyConnection, deliveries: list[Delivery]) -> None:
    for table, parts, schema in (
        ("delivered_events", [delivery.events for delivery in deliveries], EVENTS),
        ("delivered_transactions", [delivery.transactions for delivery in deliveries], TRANSACTIONS),
    ):
        numbered = pa.concat_tables(
            [
                part.select(schema.names)
                .cast(schema)
                .append_column("delivery", pa.array([number] * len(part), pa.int32()))
                for number, part in enumerate(parts)
            ]
        )
        connection.register("part", numbered)
        connection.execute(f"CREATE TABLE {table} AS SELECT * FROM part")
        connection.unregister("part")
    # A document that is missing is one too: an empty text, which no reader takes for JSON.
    connection.execute("UPDATE delivered_events SET properties = '' WHERE properties IS NULL")
    texts = [text for (text,) in connection.execute("SELECT DISTINCT properties FROM delivered_events").fetchall()]
    found = [documents.read(text) for text in texts]
    connection.register(
        "part",
        pa.table(
            {
                "properties": pa.array(texts, pa.string()),
                "amount": pa.array([document.amount for document in found], pa.decimal128(38, 2)),
                "quantity": pa.array([_fitting(document.quantity) for document in found], pa.decimal128(38, 0)),
                "is_test": pa.array([document.is_test for document in found], pa.bool_()),
            }
        ),
    )
    connection.execute("CREATE TABLE documents AS SELECT * FROM part")
    connection.unregister("part")


def _fitting(quantity: int | None) -> Decimal | None:
    return None if quantity is None else Decimal(quantity)


def _filled(table: str, options: Options) -> tuple[tuple[str, ...], str]:
    key, query = TABLES[table]
    return key, query.format(**options.placeholders)


def _read(connection: duckdb.DuckDBPyConnection, key: tuple[str, ...], query: str) -> Table:
    cursor = connection.execute(query)
    names = [column[0] for column in cursor.description or ()]
    place = {name: number for number, name in enumerate(names)}
    columns = tuple(name for name in names if name not in key and not name.endswith(_PER))
    readers = [_reader(name, place) for name in columns]
    found: dict[Key, tuple[Any, ...]] = {}
    for values in cursor.fetchall():
        identity = tuple(values[place[name]] for name in key)
        assert identity not in found, f"two rows of {identity}"
        found[identity] = tuple(read(values) for read in readers)
    return Table(columns, found)


def _reader(name: str, place: Mapping[str, int]) -> Callable[[tuple[Any, ...]], Any]:
    """What finds a column's value in a row: what stands there, or the quotient of it and its `__per`."""
    numerator = place[name]
    if name + _PER not in place:
        return lambda values: values[numerator]
    denominator, scale, empty = place[name + _PER], scale_of(name), None if name in AVERAGES else 0
    return lambda values: quotient(values[numerator], values[denominator], scale, empty)


def quotient(numerator: int | Decimal | None, denominator: int | Decimal | None, scale: int, empty: int | None) -> Any:
    """Divide in whole numbers and round once, half away from zero; `empty` where there is nothing to divide by."""
    if numerator is None or not denominator:
        return empty
    above, below = _cents(numerator) * 10**scale, _cents(denominator)
    whole = (2 * abs(above) + abs(below)) // (2 * abs(below))
    return Decimal(whole if (above < 0) == (below < 0) else -whole).scaleb(-scale)


def _cents(value: int | Decimal) -> int:
    assert not isinstance(value, float), "a double is not exact"
    cents = value * 100
    assert cents == int(cents), f"{value} has more than two decimal places"
    return int(cents)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
