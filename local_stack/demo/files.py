"""Write generated events and transactions as Parquet files with exactly the lake's columns."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from local_stack.demo.orders import Line
from local_stack.demo.week import Event

_UTC_MICROS = pa.timestamp("us", tz="UTC")
_MONEY = pa.decimal128(10, 2)

EVENTS = pa.schema(
    [
        *((name, pa.string()) for name in ("event_id", "user_id", "session_id", "event_type")),
        ("timestamp", _UTC_MICROS),
        *((name, pa.string()) for name in ("device_type", "browser", "ip_address", "page_url", "product_id")),
        *((name, pa.string()) for name in ("search_query", "transaction_id", "user_tier", "properties")),
        ("processing_time", _UTC_MICROS),
        ("date", pa.date32()),
        ("hour", pa.int32()),
    ]
)
TRANSACTIONS = pa.schema(
    [
        *((name, pa.string()) for name in ("transaction_id", "user_id", "product_id")),
        ("quantity", pa.int32()),
        *((name, _MONEY) for name in ("unit_price", "total_amount", "discount_amount", "tax_amount")),
        *((name, pa.string()) for name in ("status", "payment_method", "user_tier")),
        ("created_at", _UTC_MICROS),
        ("date", pa.date32()),
    ]
)


def write_delivery(events: Iterable[Event], lines: Iterable[Line], folder: Path) -> tuple[Path, Path]:
    """Write events.parquet and transactions.parquet; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = (folder / "events.parquet", folder / "transactions.parquet")
    pq.write_table(pa.Table.from_pylist([event.row() for event in events], EVENTS), paths[0])
    pq.write_table(pa.Table.from_pylist([line.row() for line in lines], TRANSACTIONS), paths[1])
    return paths
