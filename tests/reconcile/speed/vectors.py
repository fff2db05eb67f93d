"""Golden vectors: rows whose text is easily told wrong, and what their hashes are by Python's own MD5, written from the docs."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from reconcile.speed.buckets import Sums

Row = dict[str, Any]
COLUMNS = (
    *("session_id", "user_id", "user_tier", "session_start", "session_end", "page_views", "product_views", "searches"),
    *("add_to_cart_events", "purchases", "total_spent"),
)
START = datetime(2024, 1, 15, 12, 30, 0, 1)
_PLAIN: Row = {
    "session_id": "0c363c25-191b-4077-b589-c5706fbd2700",
    "user_id": "user-1",
    "user_tier": "gold",
    "session_start": START,
    "session_end": START + timedelta(hours=1),
    **dict.fromkeys(("page_views", "product_views", "searches", "add_to_cart_events", "purchases"), 1),
    "total_spent": Decimal("10.50"),
}
_CHANGES: tuple[Row, ...] = (
    {},
    {},  # the same again counts twice
    {"user_id": None, "user_tier": None, "session_end": None, "page_views": None, "total_spent": None},
    {"session_id": None},
    {"session_id": "~", "user_tier": "~"},  # as a text, not as NULL
    {"user_id": "ab", "user_tier": "c"},
    {"user_id": "a", "user_tier": "bc"},
    {"user_id": "1:a2", "user_tier": "4:gold"},
    {"session_id": "gäst 7", "user_id": "用户", "user_tier": "платина"},
    {"session_id": "🛒", "user_tier": "e\u0301 is not \u00e9"},
    {"user_id": "a'b\"c\\d", "user_tier": "tab\tline\nend"},
    {"total_spent": Decimal("0.01")},
    {"total_spent": Decimal("-0.05")},
    {"total_spent": Decimal("0.00"), "purchases": 0},
    {"total_spent": Decimal("9999999999999998.99"), "page_views": 10**16 - 1, "searches": -3},
    {"session_start": datetime(2024, 1, 15, 23, 59, 59, 999999), "session_end": datetime(2199, 1, 1, 0, 0, 0, 500000)},
)
ROWS: list[Row] = [{**_PLAIN, **change} for change in _CHANGES]


def sums(rows: Sequence[Row], columns: Sequence[str], count: int) -> dict[int, Sums]:
    """What the rows come to by bucket."""
    found: dict[int, Sums] = defaultdict(Sums)
    for row in rows:
        digest = hashlib.md5("".join(_text(row[name]) for name in columns).encode()).digest()  # noqa: S324
        bucket = int.from_bytes(hashlib.md5(_text(row["session_id"]).encode()).digest()[8:]) % count  # noqa: S324
        found[bucket] += Sums(1, int.from_bytes(digest[:8]), int.from_bytes(digest[8:]))
    return dict(found)


def write_buckets(path: Path, sums: Mapping[int, Sums], columns: Sequence[str], count: int, change_id: int = 1) -> None:
    """The file that the warehouse unloads: every number is a NUMBER(38, 0)."""
    said = {"COMPARED": ",".join(columns), "BUCKET_COUNT": Decimal(count), "CHANGE_ID": Decimal(change_id)}
    names = ("BUCKET", "ROW_COUNT", "HIGH", "LOW", *said)
    schema = pa.schema([(name, pa.string() if name == "COMPARED" else pa.decimal128(38, 0)) for name in names])
    lines = [
        {**dict(zip(names, map(Decimal, (bucket, one.rows, one.high, one.low)), strict=False)), **said}
        for bucket, one in sums.items()
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(lines, schema=schema), path)


def _text(value: Any) -> str:
    if value is None:
        return "~"
    if isinstance(value, datetime):
        value = (value.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    if isinstance(value, Decimal):
        value = int(value * 100)
    return f"{len(str(value).encode())}:{value}"


def literal(value: Any) -> str:
    """A value as ClickHouse's SQL has it."""
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    if isinstance(value, datetime):
        return f"'{value.replace(tzinfo=None).isoformat(sep=' ', timespec='microseconds')}'"
    return str(value)


def insert(table: str, rows: Sequence[Row]) -> str:
    """The INSERT of rows with all of COLUMNS."""
    values = (f"({', '.join(literal(row[name]) for name in COLUMNS)})" for row in rows)
    return f"INSERT INTO {table} ({', '.join(COLUMNS)}) VALUES {', '.join(values)}"
