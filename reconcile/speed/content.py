"""The content of one day's snapshot: its schema, its exact totals and a checksum that ignores the order of rows."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from reconcile.speed.columns import SPEED_COLUMNS, Kind
from reconcile.speed.identifiers import canonical_identifier

CONTRACT_VERSION = 1
EXTRACTION_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "extraction.reconcile.ecommerce-batch-analytics")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MODULUS = 1 << 256

_ARROW_TYPES = {
    Kind.IDENTIFIER: pa.string(),
    Kind.TEXT: pa.string(),
    # Without a zone, as UTC: Snowflake reads it as TIMESTAMP_NTZ and no session time zone can shift it.
    Kind.INSTANT: pa.timestamp("us"),
    Kind.COUNT: pa.int64(),
    Kind.MONEY: pa.decimal128(38, 2),
}
ROW_SCHEMA: pa.Schema = pa.schema([(column.name, _ARROW_TYPES[column.kind]) for column in SPEED_COLUMNS])
FILE_SCHEMA: pa.Schema = pa.schema([("extraction_id", pa.string()), ("date", pa.date32()), *ROW_SCHEMA])


@dataclass
class DayContent:
    """Totals of the rows seen so far. Money is exact; times are microseconds since the epoch, UTC."""

    rows: int = 0
    non_uuid_ids: int = 0
    unreadable_amounts: int = 0
    money: Decimal = Decimal("0.00")
    min_time: int | None = None
    max_time: int | None = None
    _sum: int = field(default=0, repr=False)

    def take(self, batch: pa.RecordBatch, text_identifiers: tuple[str, ...]) -> pa.RecordBatch:
        """Bring a batch from ClickHouse to ROW_SCHEMA and add it to the totals.

        text_identifiers: columns whose values must be brought to the canonical form (see reconcile.speed.identifiers).
        """
        columns = {}
        for column in SPEED_COLUMNS:
            values = batch.column(f"c_{column.name}")
            if column.name in text_identifiers:
                values = self._canonical(values)
            columns[column.name] = values.cast(_ARROW_TYPES[column.kind])
        rows = pa.RecordBatch.from_arrays([columns[name] for name in ROW_SCHEMA.names], schema=ROW_SCHEMA)
        self._add(rows)
        return rows

    @property
    def checksum(self) -> str:
        """Of the multiset of rows: the same for any order, different when a row occurs once more or once less."""
        return hashlib.sha256(f"{self.rows}:{self._sum:064x}".encode()).hexdigest()

    def extraction_id(self, day: date) -> str:
        """UUIDv5 of the contract version, the day and the content."""
        name = f"{CONTRACT_VERSION}|{day.isoformat()}|{self.checksum}"
        return str(uuid.uuid5(EXTRACTION_NAMESPACE, name))

    def _canonical(self, values: pa.Array) -> pa.Array:
        texts: list[str | None] = []
        for value in values.to_pylist():
            if value is None:
                texts.append(None)
                continue
            identifier = canonical_identifier(value)
            self.non_uuid_ids += not identifier.is_uuid
            texts.append(identifier.text)
        return pa.array(texts, pa.string())

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
        for text in _row_texts(rows).to_pylist():
            digest = hashlib.sha256(text).digest()
            self._sum = (self._sum + int.from_bytes(digest, "big")) % _MODULUS


def _row_texts(rows: pa.RecordBatch) -> pa.Array:
    """Each row as one unambiguous byte string: every value as <length>:<value>, NULL as ~."""
    pieces = []
    for array in rows.columns:
        if pa.types.is_timestamp(array.type):
            array = array.cast(pa.int64())
        text = array.cast(pa.string()).cast(pa.binary())
        length = pc.binary_length(text).cast(pa.string()).cast(pa.binary())
        piece = pc.binary_join_element_wise(length, text, b":")
        pieces.append(pc.if_else(text.is_null(), pa.scalar(b"~", pa.binary()), piece))
    return pc.binary_join_element_wise(*pieces, b"")


def utc_text(microseconds: int) -> str:
    """ISO 8601 in UTC with microseconds and a final Z."""
    moment = EPOCH + timedelta(microseconds=microseconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
