"""Builds what the ingest side publishes: Parquet files in the lake and the landing, and a manifest, as the contract has it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from reconcile.speed.content import FILE_SCHEMA
from reconcile.speed.names import manifest_path

_LAKE_TIME = pa.timestamp("us", tz="UTC")  # as Iceberg's timestamp with Spark: UTC-adjusted microseconds
_MONEY = pa.decimal128(10, 2)

EVENT_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("event_id", "user_id", "session_id", "event_type")),
        ("timestamp", _LAKE_TIME),
        *((name, pa.string()) for name in ("device_type", "browser", "ip_address", "page_url", "product_id")),
        *((name, pa.string()) for name in ("search_query", "transaction_id", "user_tier", "properties")),
        ("processing_time", _LAKE_TIME),
        ("date", pa.date32()),
        ("hour", pa.int32()),
    ]
)
TRANSACTION_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("transaction_id", "user_id", "product_id")),
        ("quantity", pa.int32()),
        *((name, _MONEY) for name in ("unit_price", "total_amount", "discount_amount", "tax_amount")),
        *((name, pa.string()) for name in ("status", "payment_method", "user_tier")),
        ("created_at", _LAKE_TIME),
        ("date", pa.date32()),
    ]
)
SESSION_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("session_id", "user_id", "user_tier")),
        ("session_start", _LAKE_TIME),
        ("session_end", _LAKE_TIME),
        ("session_duration_minutes", pa.decimal128(18, 4)),
        *(
            (name, pa.int64())
            for name in ("page_views", "product_views", "searches", "add_to_cart_events", "purchases")
        ),
        ("total_spent", pa.decimal128(38, 2)),
        ("items_purchased", pa.int64()),
        ("device_type", pa.string()),
        ("browser", pa.string()),
        ("converted_to_purchase", pa.bool_()),
        ("first_purchase_at", _LAKE_TIME),
        ("event_count", pa.int64()),
        ("distinct_ip_count", pa.int64()),
        ("source_snapshot_id", pa.int64()),
        ("batch_id", pa.string()),
    ]
)
Row = dict[str, Any]


def at(text: str) -> datetime:
    """A UTC time from 'YYYY-MM-DD HH:MM:SS[.ffffff]'."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def event(
    event_id: str | None, session_id: str | None, time: str, event_type: str = "page_view", **columns: Any
) -> Row:
    row: Row = {
        "event_id": event_id,
        "user_id": "6f1c6d40-0000-4000-8000-000000000001",
        "session_id": session_id,
        "event_type": event_type,
        "timestamp": at(time),
        "device_type": "mobile",
        "browser": "Firefox",
        "ip_address": "192.0.2.1",
        "user_tier": "gold",
        "properties": "{}",
        "processing_time": at(time),
        **columns,
    }
    return {**row, "date": row["timestamp"].date(), "hour": row["timestamp"].hour}


def session(session_id: str | None, start: str, **columns: Any) -> Row:
    row: Row = {
        "session_id": session_id,
        "user_id": "6f1c6d40-0000-4000-8000-000000000001",
        "user_tier": "gold",
        "session_start": at(start),
        "session_end": at(start),
        "session_duration_minutes": Decimal("0.0000"),
        "page_views": 1,
        "product_views": 0,
        "searches": 0,
        "add_to_cart_events": 0,
        "purchases": 0,
        "total_spent": Decimal("0.00"),
        "device_type": "mobile",
        "browser": "Firefox",
        "first_purchase_at": None,
        "event_count": 1,
        "distinct_ip_count": 1,
        "source_snapshot_id": 1,
        **columns,
    }
    return {**row, "items_purchased": row["purchases"], "converted_to_purchase": row["purchases"] > 0}


def transaction(transaction_id: str | None, product_id: str | None, time: str, amount: str, **columns: Any) -> Row:
    row: Row = {
        "transaction_id": transaction_id,
        "user_id": "6f1c6d40-0000-4000-8000-000000000001",
        "product_id": product_id,
        "quantity": 1,
        "unit_price": Decimal(amount),
        "total_amount": Decimal(amount),
        "discount_amount": Decimal("0.00"),
        "tax_amount": Decimal("0.00"),
        "status": "completed",
        "payment_method": "card",
        "user_tier": "gold",
        "created_at": at(time),
        **columns,
    }
    return {**row, "date": row["created_at"].date()}


@dataclass
class BatchOptions:
    """How a batch is published. events and transactions pass through from the lake, sessions lie in the landing."""

    published_at: str = "2024-02-01T00:00:00Z"
    mode: str = "incremental"
    scope: dict[str, str] = field(default_factory=dict)
    affected_dates: Sequence[str] = ()
    dates: dict[str, list[str]] = field(default_factory=dict)
    files_per_dataset: int = 1
    max_session_hours: float = 24
    previous: str | None = None
    snapshots: tuple[str | None, str] = (None, "1")


def publish(
    s3_root: Path,
    *,
    events: Sequence[Row] = (),
    transactions: Sequence[Row] = (),
    sessions: Sequence[Row] = (),
    name: str = "",
    options: BatchOptions | None = None,
) -> str:
    """Write the files and the manifest of one batch. Returns its id, which comes of name."""
    options = options or BatchOptions()
    batch_id = str(uuid.uuid5(uuid.NAMESPACE_URL, name or repr((events, transactions, sessions))))
    lake, landing = s3_root / "data-s3-bucket", s3_root / "ecommerce-landing"
    datasets = {
        "user_events": _dataset(
            lake, "lake", f"ecommerce/user_events/data/{batch_id}", EVENT_SCHEMA, events, options, "timestamp", None
        ),
        "transactions": _dataset(
            lake,
            "lake",
            f"ecommerce/transactions/data/{batch_id}",
            TRANSACTION_SCHEMA,
            transactions,
            options,
            "created_at",
            "total_amount",
        ),
        "user_sessions": _dataset(
            landing,
            "landing",
            f"user_sessions/batch_id={batch_id}",
            SESSION_SCHEMA,
            sessions,
            options,
            "session_start",
            "total_spent",
        ),
    }
    for dataset, entry in datasets.items():
        entry["scope"] = options.scope.get(dataset, "added")
        if dataset in options.dates:
            entry["dates"] = options.dates[dataset]
    manifest = {
        "contract_version": 1,
        "batch_id": batch_id,
        "published_at": options.published_at,
        "previous": options.previous,
        "mode": options.mode,
        "tables": {
            table: {
                "identifier": f"ecommerce.{table}",
                "location": f"s3://data-s3-bucket/ecommerce/{table}",
                "from_snapshot_id": options.snapshots[0],
                "to_snapshot_id": options.snapshots[1],
            }
            for table in ("user_events", "transactions")
        },
        "affected_dates": sorted({*options.affected_dates, *(str(row["date"]) for row in (*events, *transactions))}),
        "max_session_hours": options.max_session_hours,
        "datasets": datasets,
        "findings": {},
        "summary": {},
    }
    write_manifest(landing, manifest)
    return batch_id


def write_manifest(landing: Path, manifest: dict[str, Any]) -> Path:
    path = landing / "_manifests" / f"{manifest['batch_id']}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(manifest), encoding="utf-8")
    return path


def publish_snapshot(s3_root: Path, date: str, rows: Sequence[Row], extracted_at: str = "2024-02-01T01:00:00Z") -> str:
    """Write a snapshot of the speed layer's day and its manifest. Returns the extraction id, which comes of the content."""
    landing = s3_root / "ecommerce-landing"
    extraction_id = str(uuid.uuid5(uuid.NAMESPACE_URL, date + repr(rows)))
    path = f"speed_sessions/date={date}/{extraction_id}.parquet"
    day = datetime.fromisoformat(date).date()
    table = pa.Table.from_pylist(
        [
            {
                **{name: row.get(name) for name in FILE_SCHEMA.names},
                "session_start": row["session_start"].replace(tzinfo=None),
                "session_end": row["session_end"].replace(tzinfo=None),
                "extraction_id": extraction_id,
                "date": day,
            }
            for row in rows
        ],
        schema=FILE_SCHEMA,
    )
    size = _write(landing / path, table)
    times = [row["session_start"] for row in rows]
    document = {
        "contract_version": 2,
        "extraction_id": extraction_id,
        "date": date,
        "extracted_at": extracted_at,
        "rows": len(rows),
        "non_uuid_ids": 0,
        "set_aside": {"rows": 0, "path": None},
        "speed_table": {"engine": "MergeTree", "read_as": "as stored", "lacks": []},
        "control": {
            "money": str(sum((row["total_spent"] for row in rows), Decimal("0.00"))),
            "min_time": _text(min(times, default=None)),
            "max_time": _text(max(times, default=None)),
        },
        "file": {"path": path, "rows": len(rows), "bytes": size},
    }
    manifest = landing / manifest_path(day, datetime.fromisoformat(extracted_at), extraction_id)
    manifest.parent.mkdir(parents=True, exist_ok=True)
    manifest.write_text(json.dumps(document), encoding="utf-8")
    return extraction_id


def _dataset(
    bucket: Path,
    stage: str,
    folder: str,
    schema: pa.Schema,
    rows: Sequence[Row],
    options: BatchOptions,
    time: str,
    money: str | None,
) -> dict[str, Any]:
    files = []
    for number in range(options.files_per_dataset if rows else 0):
        part = list(rows[number :: options.files_per_dataset])
        path = f"{folder}/part-{number}.parquet"
        files.append({"path": path, "rows": len(part), "bytes": _write(bucket / path, _table(part, schema))})
    times = [row[time] for row in rows if row[time] is not None]
    return {
        "handling": "passthrough" if stage == "lake" else "rewritten",
        "reason": "test",
        "stage": stage,
        "files": files,
        "rows": len(rows),
        "control": {
            "money": None if money is None else str(sum((row[money] for row in rows), Decimal("0.00"))),
            "min_time": _text(min(times, default=None)),
            "max_time": _text(max(times, default=None)),
        },
    }


def _table(rows: Sequence[Row], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in rows], schema=schema)


def _write(path: Path, table: pa.Table) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)
    return path.stat().st_size


def _text(time: datetime | None) -> str | None:
    return None if time is None else time.replace(tzinfo=None).isoformat() + "Z"
