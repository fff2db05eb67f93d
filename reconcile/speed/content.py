"""The content of one day's snapshot: its schema, its exact totals and a checksum that ignores the order of rows."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from reconcile.speed.buckets import NO_SUMS, Fetched, Sums
from reconcile.speed.columns import IDENTIFIERS, SPEED_COLUMNS, Kind

CONTRACT_VERSION = 2
BUCKETED_VERSION = 3  # of a snapshot that has the rows of some buckets only
EXTRACTION_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "extraction.reconcile.ecommerce-batch-analytics")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MODULUS = 1 << 128
_HALF_WORD = pa.scalar(0xFFFFFFFF, pa.uint64())
_WORD = pa.scalar(32, pa.uint64())

_ARROW_TYPES = {
    Kind.IDENTIFIER: pa.string(),
    Kind.TEXT: pa.string(),
    # Without a zone, as UTC: Snowflake reads it as TIMESTAMP_NTZ and no session time zone can shift it.
    Kind.INSTANT: pa.timestamp("us"),
    Kind.COUNT: pa.int64(),
    Kind.MONEY: pa.decimal128(38, 2),
}
ROW_SCHEMA: pa.Schema = pa.schema(
    [(column.name, _ARROW_TYPES[column.kind]) for column in SPEED_COLUMNS]
    + [(f"{name}_as_stored", pa.string()) for name in IDENTIFIERS]
)
FILE_SCHEMA: pa.Schema = pa.schema([("extraction_id", pa.string()), ("date", pa.date32()), *ROW_SCHEMA])


@dataclass
class DayContent:
    """Totals of the rows seen so far. Money is exact; times are microseconds since the epoch, UTC.

    rows: those of the snapshot. set_aside: those left out of it. all_rows: both. content: the sum of their hashes.
    compared: the sums over `rows` of what buckets compare, where the batches have that.
    """

    rows: int = 0
    set_aside: int = 0
    all_rows: int = 0
    content: int = 0
    compared: Sums = NO_SUMS
    non_uuid_ids: int = 0
    unreadable_amounts: int = 0
    money: Decimal = Decimal("0.00")
    min_time: int | None = None
    max_time: int | None = None

    def take(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, list[dict[str, Any]]]:
        """Add a batch from ClickHouse to the totals.

        Returns its rows in ROW_SCHEMA, and for each row that is set aside what is known of it, with the reason.
        """
        self.all_rows += batch.num_rows
        high, low = sum_of_column(batch, "c_hash_high"), sum_of_column(batch, "c_hash_low")
        self.content = (self.content + (high << 64) + low) % _MODULUS
        bad = pc.not_equal(batch.column("c_set_aside").cast(pa.string()), "")
        aside = (
            batch.filter(bad).select(["c_session_id", "c_session_start", "c_set_aside"]).to_pylist()
            if bad.true_count
            else []
        )
        kept = batch.filter(pc.invert(bad)) if aside else batch
        arrays = [kept.column(f"c_{field.name}").cast(field.type) for field in ROW_SCHEMA]
        rows = pa.RecordBatch.from_arrays(arrays, schema=ROW_SCHEMA)
        self.set_aside += len(aside)
        self.non_uuid_ids += pc.sum(kept.column("c_other_ids")).as_py() or 0
        self._add(rows)
        if "c_compared_high" in batch.schema.names:
            sums = (sum_of_column(kept, f"c_compared_{half}") for half in ("high", "low"))
            self.compared += Sums(kept.num_rows, *sums)
        return rows, [
            {
                "session_id": one["c_session_id"],
                "session_start": utc_text(one["c_session_start"]),
                "reason": one["c_set_aside"],
            }
            for one in aside
        ]

    def _add(self, rows: pa.RecordBatch) -> None:
        self.rows += rows.num_rows
        if not rows.num_rows:
            return
        spent = rows.column("total_spent")
        self.unreadable_amounts += spent.null_count
        self.money += pc.sum(spent).as_py() or Decimal(0)
        starts = pc.min_max(rows.column("session_start").cast(pa.int64())).as_py()
        self.min_time = starts["min"] if self.min_time is None else min(self.min_time, starts["min"])
        self.max_time = starts["max"] if self.max_time is None else max(self.max_time, starts["max"])


@dataclass(frozen=True)
class DayTotals:
    """What a snapshot of a day comes to. Times are microseconds since the epoch, UTC.

    rows: of the day. file_rows: those that the snapshot's file has; fetched: which these are, where they are not all.
    """

    extraction_id: str
    date: date
    rows: int
    set_aside: int
    non_uuid_ids: int
    unreadable_amounts: int
    money: Decimal
    min_time: int | None
    max_time: int | None
    file_rows: int
    fetched: Fetched | None = None


def extraction_id(day: date, rows: int, content: int, compared_with: str = "") -> str:
    """UUIDv5 of the contract version, the day and its rows: the same in any order, another when a row occurs once more.

    compared_with: the digest of the batch side's buckets, where only rows of those that differ are in the snapshot.
    """
    checksum = hashlib.sha256(f"{rows}:{content:032x}".encode()).hexdigest()
    version = f"{BUCKETED_VERSION}|{compared_with}" if compared_with else f"{CONTRACT_VERSION}"
    return str(uuid.uuid5(EXTRACTION_NAMESPACE, f"{version}|{day.isoformat()}|{checksum}"))


def utc_text(microseconds: int) -> str:
    """ISO 8601 in UTC with microseconds and a final Z."""
    moment = EPOCH + timedelta(microseconds=microseconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def sum_of_column(batch: pa.RecordBatch, name: str) -> int:
    """The exact sum of unsigned 64-bit numbers; in words of 32 bits it fits Arrow's own sums."""
    column = batch.column(name).cast(pa.uint64())
    words = pc.shift_right(column, _WORD), pc.bit_wise_and(column, _HALF_WORD)
    upper, lower = (pc.sum(word).as_py() or 0 for word in words)
    return int((upper << 32) + lower)
