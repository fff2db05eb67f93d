"""Reads the speed layer: what its table is, what each day's content is, and the rows of a day."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from reconcile.errors import SpeedLayerError, SpeedTableError
from reconcile.speed.buckets import Bucketing, Sums
from reconcile.speed.columns import IDENTIFIERS, SPEED_COLUMNS, Kind, check_types, may_be_bytes
from reconcile.speed.engine import SpeedEngine, speed_engine
from reconcile.speed.failures import UNKNOWN_TABLE
from reconcile.speed.identifiers import ByteOrder
from reconcile.speed.retries import with_retries
from reconcile.speed.statements import Source

if TYPE_CHECKING:
    import pyarrow as pa

T = TypeVar("T")
_FIRST_MICROSECOND = "{day} 00:00:00.000000"
_FIRST_DAY, _LAST_DAY = date(1900, 1, 1), date(2299, 12, 30)  # within those of DateTime64


class Connection(Protocol):
    """An open connection to ClickHouse. Raises SpeedLayerError. where: its URL without secrets."""

    where: str

    def query(self, sql: str, binds: Mapping[str, str], settings: Mapping[str, str]) -> list[tuple[Any, ...]]: ...

    def stream(self, sql: str, binds: Mapping[str, str], settings: Mapping[str, str]) -> Iterator[pa.RecordBatch]: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class SpeedTable:
    """What is read. name: a table, or `database.table`. select: a SELECT in its place. columns: ours → SQL over its columns."""

    name: str
    select: str | None
    columns: Mapping[str, str]


@dataclass(frozen=True)
class DayState:
    """What a UTC day holds: its rows, those to be set aside included, and the sum of their hashes."""

    day: date
    rows: int
    content: int


@dataclass(frozen=True)
class DayBuckets:
    """What a UTC day holds at one point in time: the sums of its buckets, and what all of it comes to.

    rows: without the `set_aside`. content: the sum of the hashes of both. Times are microseconds since the epoch, UTC.
    """

    sums: Mapping[int, Sums]
    rows: int
    set_aside: int
    other_ids: int
    unreadable_amounts: int
    money: Decimal
    min_time: int | None
    max_time: int | None
    content: int


class SpeedLayer:
    """An open connection to the speed layer. Use as a context manager; the embedded engine must be let go of.

    attempts, pause_seconds: how often what may pass is tried, and how long after the first failure.
    """

    def __init__(
        self, connect: Callable[[], Connection], table: SpeedTable, attempts: int = 1, pause_seconds: float = 1
    ) -> None:
        self._table = table
        self._attempts, self._pause = attempts, pause_seconds
        self._connection = with_retries(connect, attempts, pause_seconds)

    def __enter__(self) -> SpeedLayer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def check(self) -> None:
        """Raise SpeedTableError where there is no such table, or a column is missing or of a type that gives no exact value."""
        _ = self._source

    @property
    def engine(self) -> SpeedEngine:
        """How the table keeps its rows."""
        return self._source.engine

    @property
    def lacking(self) -> list[str]:
        """Our columns that the table does not have."""
        return self._source.lacking

    def can_compare(self, columns: Collection[str]) -> bool:
        """Whether the table has these columns, and none beside them that counts; times do not count by themselves."""
        there = set(self._source.expressions)
        counting = {column.name for column in SPEED_COLUMNS if column.kind is not Kind.INSTANT}
        return there & counting <= set(columns) <= there

    @property
    def column_types(self) -> dict[str, str]:
        """Our column → ClickHouse type of what it is read from. Raises SpeedTableError when there is no such table."""
        return dict(self._source.types)

    def retrying(self, work: Callable[[], T]) -> T:
        """Do the work, again where its failure may pass."""
        return with_retries(work, self._attempts, self._pause)

    def answers(self) -> bool:
        """Whether anything answers at all."""
        try:
            return bool(self._connection.query("SELECT 1", {}, {}))
        except SpeedTableError:
            return True
        except SpeedLayerError:
            return False

    def days(self, first: date | None = None, last: date | None = None) -> list[DayState]:
        """The UTC days from first to last (None: no bound) on which sessions start, in order, and what they hold."""
        within, binds = self._within(first, last)
        rows = self._query(self._source.days(within), binds)
        return [DayState(date.fromisoformat(day), int(count), int(content)) for day, count, content in rows]

    def day_names(self, first: date | None = None, last: date | None = None) -> list[date]:
        """The same days, where what they hold cannot be told for all at once."""
        within, binds = self._within(first, last)
        return [date.fromisoformat(row[0]) for row in self._query(self._source.day_names(within), binds)]

    def _within(self, first: date | None, last: date | None) -> tuple[str | None, dict[str, str]]:
        if first is None and last is None:
            return None, {}
        return self._source.within, _bounds(first or _FIRST_DAY, last or _LAST_DAY)

    def read_day(self, day: date) -> Iterator[pa.RecordBatch]:
        """The sessions that start on one UTC day, as record batches of text, int64 and decimal columns, in no particular order.

        One SELECT, which ClickHouse answers from the parts that exist when it begins: a consistent snapshot of the day.
        The comparison is of instants, so it holds for columns of any time zone.
        """
        return self._connection.stream(self._source.day(), _bounds(day, day), self._source.engine.settings)

    def day_buckets(
        self, day: date, bucketing: Bucketing, count: int, within: Collection[int] | None = None
    ) -> DayBuckets:
        """One SELECT: the day's sums by bucket, of `count` buckets; within: only of these coarse buckets."""
        rows = self._query(self._source.bucket_sums(bucketing, count, within), _bounds(day, day))
        numbers = [[int(text) for text in row[:7]] for row in rows]
        times = [[int(row[place]) for row in rows if row[place] is not None] for place in (8, 9)]
        return DayBuckets(
            sums={row[0]: Sums(*row[1:4]) for row in numbers},
            rows=sum(row[1] for row in numbers),
            set_aside=sum(row[4] for row in numbers),
            other_ids=sum(row[5] for row in numbers),
            unreadable_amounts=sum(row[6] for row in numbers),
            money=sum((Decimal(row[7]) for row in rows), Decimal("0.00")),
            min_time=min(times[0], default=None),
            max_time=max(times[1], default=None),
            content=sum(int(row[10]) for row in rows) % (1 << 128),
        )

    def read_buckets(self, day: date, bucketing: Bucketing, buckets: Collection[int]) -> Iterator[pa.RecordBatch]:
        """Like read_day, the rows in these buckets and those that are set aside; also the hashes of what is compared."""
        sql = self._source.bucket_rows(bucketing, buckets)
        return self._connection.stream(sql, _bounds(day, day), self._source.engine.settings)

    def rows_without_start(self) -> int:
        """Rows that belong to no day."""
        return int(self._query(self._source.without_start())[0][0])

    def _query(self, sql: str, binds: Mapping[str, str] | None = None) -> list[tuple[Any, ...]]:
        settings = self._source.engine.settings
        return self.retrying(lambda: self._connection.query(sql, binds or {}, settings))

    @cached_property
    def _source(self) -> Source:
        """What is read, as far as ClickHouse knows it, checked."""
        source = with_retries(self._look_up, self._attempts, self._pause)
        check_types(source.name, source.types)
        orders = {name: self._byte_order(source, name) for name in IDENTIFIERS if name in source.types}
        return replace(source, byte_orders={name: order for name, order in orders.items() if order})

    def _look_up(self) -> Source:
        chosen = self._table
        quoted = ".".join(f"`{part}`" for part in chosen.name.split("."))
        table = f"(\n{chosen.select}\n)" if chosen.select else quoted
        described = self._described(table if chosen.select else f"TABLE {table}")
        kinds = {row[0]: row[1] for row in described if row[2] != "EPHEMERAL"}
        columns = {name: f"`{name.replace('`', '``')}`" for name in kinds}
        states = tuple(columns[name] for name, kind in kinds.items() if kind.startswith("AggregateFunction("))
        known = {c.name: chosen.columns.get(c.name) or columns.get(c.name) for c in SPEED_COLUMNS}
        expressions = {name: f"({sql})" if name in chosen.columns else sql for name, sql in known.items() if sql}
        source = Source(
            chosen.name if not chosen.select else "of speed_select",
            table,
            SpeedEngine("SELECT") if chosen.select else self._engine(chosen.name),
            tuple(columns.values()),
            states,
            expressions,
        )
        if not expressions:
            return source
        found = self._connection.query(source.describe(), {}, source.engine.settings)
        return replace(source, types=dict(zip(expressions, (row[1] for row in found), strict=True)))

    def _described(self, what: str) -> list[tuple[Any, ...]]:
        try:
            return self._connection.query(f"DESCRIBE {what}", {}, {})
        except SpeedTableError as error:
            if error.code == UNKNOWN_TABLE and not self._table.select:
                name, where = self._table.name, self._connection.where
                raise SpeedTableError(f"there is no table {name} in the speed layer at {where}") from error
            raise

    def _engine(self, name: str) -> SpeedEngine:
        *database, table = name.split(".")
        rows = self._connection.query(
            "SELECT engine, engine_full, sorting_key FROM system.tables WHERE name = {table:String} "
            "AND database = if({database:String} = '', currentDatabase(), {database:String})",
            {"table": table, "database": database[0] if database else ""},
            {},
        )
        return speed_engine(*rows[0]) if rows else SpeedEngine("unknown")

    def _byte_order(self, source: Source, name: str) -> ByteOrder | None:
        """How the column's 16 bytes are a UUID: the order in which most of a sample have its version and variant; else None."""
        if not may_be_bytes(source.types[name]):
            return None
        sql, settings = source.sample(name), source.engine.settings
        (counts,) = self.retrying(lambda: self._connection.query(sql, {}, settings))
        present, raw, *votes = map(int, counts)
        best = max(votes)
        return list(ByteOrder)[votes.index(best)] if 2 * raw > present and 2 * best > raw else None


def _bounds(first: date, last: date) -> dict[str, str]:
    """The binds of a range of days, both included."""
    return {
        "from_time": _FIRST_MICROSECOND.format(day=first.isoformat()),
        "to_time": _FIRST_MICROSECOND.format(day=(last + timedelta(days=1)).isoformat()),
    }
