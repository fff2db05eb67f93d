"""A landing that has many batches."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from spark_ingest.landing.batches import Landing
from spark_ingest.landing.history import INCREMENTAL, History, Published
from spark_ingest.landing.storage import FolderStorage

HOURS = 24


def test_of_batches_in_the_index_no_manifest_is_read_and_the_index_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is asked of the whole index once must not be asked for each batch: a year of hours has 8,760 of them."""
    start = datetime(2024, 1, 1, tzinfo=UTC)
    batches = [
        Published(f"batch {hour:04}", (start + timedelta(hours=hour)).isoformat(), INCREMENTAL, {}, {}, {})
        for hour in range(HOURS)
    ]
    landing = Landing(FolderStorage(str(tmp_path)))
    (tmp_path / "_manifests").mkdir()
    for each in batches:
        (tmp_path / "_manifests" / f"{each.batch_id}.json").touch()  # empty: to read it would be an error
        (tmp_path / "_manifests" / f"{each.batch_id}.loaded").touch()
    landing.keep_history(History.of(batches))
    asked = []

    def ids(history: History) -> frozenset[str]:
        asked.append(history)
        return frozenset(each.batch_id for each in history.batches)

    monkeypatch.setattr(History, "ids", property(ids))
    history = landing.history()
    assert history.batches == tuple(batches)
    assert landing.remove_loaded(history, start + timedelta(hours=HOURS), dry_run=True) == HOURS - 1
    assert len(asked) <= 1
