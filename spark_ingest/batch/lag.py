"""How far the batches are behind the lake, and the warehouse behind the batches: from metadata alone."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from spark_ingest.config import IngestConfig
from spark_ingest.lake.catalog import open_table
from spark_ingest.lake.changes import only_rewrites, snapshots_after
from spark_ingest.lake.tables import TABLES
from spark_ingest.landing.batches import Landing
from spark_ingest.landing.storage import open_storage


@dataclass(frozen=True)
class Lag:
    """snapshots: those that no batch has. seconds: age of the oldest. batches_waiting: published an hour ago, not loaded yet.

    batches_unloaded: those and the younger ones.
    """

    snapshots: int
    seconds: float
    batches_waiting: int
    batches_unloaded: int


def lake_lag(config: IngestConfig) -> Lag:
    """Measure the lag. Raises LakeError, LandingError."""
    landing = Landing(open_storage(config.landing, config))
    history = landing.history()
    published = history.published_up_to()
    unpublished = (each for one in TABLES for each in snapshots_after(open_table(config, one), published.get(one.name)))
    new = [snapshot for snapshot in unpublished if not only_rewrites(snapshot)]
    oldest = min((snapshot.timestamp_ms / 1000 for snapshot in new), default=None)
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    loaded = landing.acknowledged()
    unloaded = [each for each in history.batches if each.batch_id not in loaded]
    waiting = [each for each in unloaded if datetime.fromisoformat(each.published_at) < hour_ago]
    return Lag(len(new), 0.0 if oldest is None else max(0.0, time.time() - oldest), len(waiting), len(unloaded))
