"""Every column of the marts, exactly, from events and transactions alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import duckdb
import pyarrow as pa

from local_stack.demo.files import EVENTS, TRANSACTIONS
from tests.oracle import documents
from tests.oracle.definitions import AVERAGES, MACROS, STEPS, TABLES

Value = Fraction | str | date | bool | None
Key = tuple[Any, ...]
Rows = dict[Key, dict[str, Value]]


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


def compute(deliveries: Iterable[Delivery], options: Options | None = None) -> dict[str, Rows]:
    """Compute every table after these deliveries: its rows by key, numbers as exact fractions."""
    options = options or Options()
    with database(deliveries, options) as connection:
        return {
            table: _rows(connection, key, query.format(**options.placeholders))
            for table, (key, query) in TABLES.items()
        }


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


def _rows(connection: duckdb.DuckDBPyConnection, key: tuple[str, ...], query: str) -> Rows:
    cursor = connection.execute(query)
    names = [column[0] for column in cursor.description or ()]
    found: Rows = {}
    for values in cursor.fetchall():
        row = dict(zip(names, map(_exact, values), strict=True))
        identity = tuple(row.pop(name) for name in key)
        assert identity not in found, f"two rows of {identity}"
        found[identity] = _divided(row)
    return found


def _exact(value: Any) -> Value:
    """A number as a fraction; a double would not be exact, so none may come."""
    assert not isinstance(value, float), value
    return Fraction(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else value


def _divided(row: Mapping[str, Value]) -> dict[str, Value]:
    """Divide each column `x` by its `x__per`."""
    divided = dict(row)
    for name in row:
        if f"{name}__per" in row:
            numerator, denominator = row[name], divided.pop(f"{name}__per")
            if isinstance(numerator, Fraction) and isinstance(denominator, Fraction) and denominator:
                divided[name] = numerator / denominator
            else:
                divided[name] = None if name in AVERAGES else Fraction(0)
    return divided


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
