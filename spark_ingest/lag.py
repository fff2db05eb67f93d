"""How far the batches are behind the lake, and the warehouse behind the batches: from metadata alone."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pyiceberg.table import Table as IcebergTable
from pyiceberg.table.snapshots import Operation, Snapshot

from spark_ingest.catalog import open_table
from spark_ingest.config import IngestConfig
from spark_ingest.landing import Landing
from spark_ingest.storage import open_storage
from spark_ingest.tables import TABLES


@dataclass(frozen=True)
class Lag:
    """snapshots: those that no batch has. seconds: age of the oldest. batches_waiting: published an hour ago, not loaded yet."""

    snapshots: int
    seconds: float
    batches_waiting: int


def lake_lag(config: IngestConfig) -> Lag:
    """Measure the lag. Raises LakeError, LandingError."""
    landing = Landing(open_storage(config.landing, config))
    history = landing.history()
    published = history.published_up_to()
    new = [snapshot for table in TABLES for snapshot in _after(open_table(config, table), published.get(table.name))]
    oldest = min((snapshot.timestamp_ms / 1000 for snapshot in new), default=None)
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    due = {each.batch_id for each in history.batches if datetime.fromisoformat(each.published_at) < hour_ago}
    waiting = due - landing.acknowledged()
    return Lag(len(new), 0.0 if oldest is None else max(0.0, time.time() - oldest), len(waiting))


def _after(table: IcebergTable, published: int | None) -> list[Snapshot]:
    """Return the snapshots from the current one back to the published one, without those that only rewrote files."""
    found, snapshot = [], table.current_snapshot()
    while snapshot is not None and snapshot.snapshot_id != published:
        if snapshot.summary is None or snapshot.summary.operation != Operation.REPLACE:
            found.append(snapshot)
        parent = snapshot.parent_snapshot_id
        snapshot = table.snapshot_by_id(parent) if parent is not None else None
    return found
