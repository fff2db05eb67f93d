"""What a landing costs that has a year of hourly batches."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from spark_ingest.landing.batches import Landing
from spark_ingest.landing.history import INCREMENTAL, History, Published
from spark_ingest.landing.storage import FolderStorage

YEAR = 8760


def test_what_was_published_in_a_year_is_read_and_removed_in_a_moment(tmp_path: Path) -> None:
    """The index alone is read, no manifest of those that it names; and each batch is looked at once."""
    start = datetime(2024, 1, 1, tzinfo=UTC)
    batches = [
        Published(f"batch {hour:04}", (start + timedelta(hours=hour)).isoformat(), INCREMENTAL, {}, {}, {})
        for hour in range(YEAR)
    ]
    landing = Landing(FolderStorage(str(tmp_path)))
    (tmp_path / "_manifests").mkdir()
    for each in batches:
        (tmp_path / "_manifests" / f"{each.batch_id}.json").touch()
        (tmp_path / "_manifests" / f"{each.batch_id}.loaded").touch()
    landing.keep_history(History.of(batches))
    began = time.process_time()
    history = landing.history()
    assert history.batches == tuple(batches)
    assert landing.remove_loaded(history, start + timedelta(hours=YEAR), dry_run=True) == YEAR - 1
    assert time.process_time() - began < 3  # one second; quadratic it took ten
