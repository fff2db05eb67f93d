"""Rows of the lake for tests: what a test does not say has a plain value."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from spark_ingest.lake.rows import with_all_columns
from spark_ingest.lake.tables import Table

Row = dict[str, Any]
_NAMESPACE = uuid.UUID("00000000-0000-0000-0000-000000000001")


def named(text: str) -> str:
    """A UUID for a short name, the same every time."""
    return str(uuid.uuid5(_NAMESPACE, text))


def at(text: str) -> datetime:
    """A UTC time from ISO text."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def event(name: str, session: str | None, time: str | None, kind: str | None = "page_view", **other: Any) -> Row:
    """An event: its name and its session's are made UUIDs."""
    row = {
        "event_id": named(f"event {name}"),
        "user_id": named(f"user of {session}"),
        "session_id": None if session is None else named(f"session {session}"),
        "event_type": kind,
        "timestamp": None if time is None else at(time),
        "device_type": "mobile",
        "browser": "Firefox 121",
        "ip_address": "192.0.2.1",
        "user_tier": "gold",
        "properties": "{}",
    }
    return row | other


def purchase(name: str, session: str | None, time: str, amount: str, **other: Any) -> Row:
    """A purchase whose amount is the given JSON text."""
    return event(name, session, time, "purchase", **({"properties": f'{{"amount": {amount}}}'} | other))


def transaction(name: str, time: str, total: str, **other: Any) -> Row:
    row = {
        "transaction_id": named(f"transaction {name}"),
        "user_id": named("user"),
        "product_id": "P-1",
        "quantity": 1,
        "unit_price": Decimal(total),
        "total_amount": Decimal(total),
        "status": "completed",
        "user_tier": "gold",
        "created_at": at(time),
    }
    return row | other


def frame(spark: SparkSession, table: Table, rows: list[Row]) -> DataFrame:
    """Rows as the table has them; date and hour follow from the time unless given."""
    values = [tuple(row.get(name) for name in table.column_names) for row in rows]
    return with_all_columns(spark.createDataFrame(values, table.schema), table)
