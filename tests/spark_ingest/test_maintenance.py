"""Table care: fewer, larger files; what a batch still needs stays; batches go on as if nothing had happened."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from spark_ingest.errors import ConfigError
from spark_ingest.lake.tables import USER_EVENTS
from spark_ingest.landing.batches import Landing
from spark_ingest.landing.storage import FolderStorage, open_storage
from spark_ingest.maintenance import Care, maintain
from spark_ingest.progress import Progress
from spark_ingest.report import care_table
from tests.spark_ingest.checks import check
from tests.spark_ingest.conftest import Lake
from tests.spark_ingest.independent import staged_sessions
from tests.spark_ingest.rows import event, named, transaction

pytestmark = pytest.mark.spark
READ = FolderStorage.read


def care(lake: Lake, dry_run: bool = False) -> dict[str, Care]:
    config = replace(lake.config, snapshot_keep_hours=0)
    return {done.table: done for done in maintain(config, Progress("maintain"), dry_run, spark=lake.spark)}


def files(lake: Lake, manifest: dict[str, Any]) -> list[Path]:
    root = Path(lake.config.warehouse)
    return [root / file["path"] for file in manifest["datasets"]["user_events"]["files"]]


def acknowledge(lake: Lake, manifest: dict[str, Any]) -> None:
    (Path(lake.config.landing) / "_manifests" / f"{manifest['batch_id']}.loaded").write_text("loaded\n")


def test_files_of_a_batch_stay_until_it_is_loaded(lake: Lake, tmp_path: Path) -> None:
    for number in range(6):
        lake.append([event(str(number), "a", f"2024-01-15 10:00:0{number}")])
    lake.append(transactions=[transaction("1", "2024-01-15 10:00:00", "1.00")])

    unpublished = care(lake, dry_run=True)["user_events"]
    assert (unpublished.expired, unpublished.kept_for) == (0, "nothing is published yet")
    assert unpublished.compacted == 6
    assert unpublished.before == unpublished.after
    assert (unpublished.before.data_files, unpublished.before.snapshots) == (6, 6)

    begun = lake.spark.sql(f"SELECT min_by(snapshot_id, committed_at) AS id FROM {lake.name(USER_EVENTS)}.snapshots")
    lake.sql(f"ALTER TABLE {{events}} CREATE TAG kept AS OF VERSION {begun.collect()[0].id}")
    first = lake.run().manifest
    assert first is not None
    lake.append([event("6", "a", "2024-01-15 10:00:06")])
    second = lake.run().manifest
    assert second is not None
    acknowledge(lake, first)

    done = care(lake)["user_events"]
    assert (done.compacted, done.before.data_files, done.after.data_files) == (7, 7, 1)
    assert second["batch_id"] in done.kept_for
    assert done.expired == 4  # those before the one that the second batch starts from, but for the one with a tag
    assert all(path.exists() for path in files(lake, second))
    assert lake.run().manifest is None  # compaction is no work

    acknowledge(lake, second)
    done = care(lake)["user_events"]
    assert "next batch" in done.kept_for
    assert done.expired == 1
    lake.sql("ALTER TABLE {events} DROP TAG kept")
    assert lake.run().manifest is None

    lake.append([event("7", "b", "2024-01-15 11:00:00")])
    third = lake.run().manifest
    assert third is not None
    assert third["datasets"]["user_events"]["handling"] == "passthrough"
    assert set(staged_sessions(Path(lake.config.landing), third)) == {named("session b")}
    acknowledge(lake, third)
    care(lake)
    assert not any(path.exists() for path in files(lake, first))  # compacted long ago, and nobody needs them
    lake.append([event("8", "a", "2024-01-16 00:00:00")])
    fourth = lake.run().manifest
    assert fourth is not None
    assert set(staged_sessions(Path(lake.config.landing), fourth)) == {named("session a")}


def test_a_batch_whose_beginning_was_expired_by_others_keeps_its_files(lake: Lake) -> None:
    lake.append([event("1", "a", "2024-01-15 10:00:00")])
    first = lake.run().manifest
    assert first is not None
    acknowledge(lake, first)
    table = f"{lake.config.namespace}.user_events"
    lake.append([event("2", "a", "2024-01-15 10:00:02")])
    lake.append([event("3", "a", "2024-01-15 10:00:03")])
    compact = "CALL iceberg.system.rewrite_data_files(table => '{}', options => map('min-input-files', '2'))"
    assert lake.spark.sql(compact.format(table)).collect()[0].rewritten_data_files_count == 3
    lake.append([event("4", "a", "2024-01-15 10:00:04")])
    second = lake.run().manifest
    assert second is not None
    assert second["datasets"]["user_events"]["handling"] == "passthrough"
    begun = second["tables"]["user_events"]["from_snapshot_id"]
    lake.spark.sql(f"CALL iceberg.system.expire_snapshots(table => '{table}', snapshot_ids => ARRAY({begun}))")

    done = care(lake)["user_events"]
    assert (done.expired, second["batch_id"] in done.kept_for) == (0, True)
    assert all(path.exists() for path in files(lake, second))
    acknowledge(lake, second)
    assert care(lake)["user_events"].expired > 0
    assert not all(path.exists() for path in files(lake, second))  # so they would have gone before


def test_loaded_batches_go_after_their_time_and_planning_does_not_need_them(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = []
    for day in (15, 16, 17, 18):
        lake.append([event(str(day), str(day), f"2024-01-{day} 10:00:00")])
        batches.append(lake.run().manifest)
    first, second, third, newest = (batch for batch in batches if batch is not None)
    for batch in (first, third, newest):
        acknowledge(lake, batch)
    landing = Landing(open_storage(lake.config.landing, lake.config))
    read = []

    def noted(storage: FolderStorage, path: str) -> bytes:
        read.append(path)
        return READ(storage, path)

    monkeypatch.setattr(FolderStorage, "read", noted)
    history = landing.history()
    assert read == ["_history/published.json"]  # and no manifest
    assert [each.batch_id for each in history.batches] == [batch["batch_id"] for batch in batches if batch]
    (Path(lake.config.landing) / "_history" / "published.json").unlink()
    assert landing.history() == history  # made anew of the manifests

    later = datetime.now(UTC) + timedelta(hours=1)
    assert landing.remove_loaded(history, datetime.fromisoformat(third["published_at"])) == 1
    assert landing.remove_loaded(landing.history(), later, dry_run=True) == 1
    assert landing.remove_loaded(landing.history(), later) == 1
    kept = [second["batch_id"], newest["batch_id"]]  # not loaded, and the one that the next goes on from
    assert [each.batch_id for each in landing.history().batches] == kept
    left = {path.name.removeprefix("batch_id=") for path in Path(lake.config.landing).glob("user_sessions/*")}
    assert left == set(kept)
    assert lake.run().manifest is None
    # What the removed ones had delivered is known all the same: a table made anew takes it back.
    table = f"{lake.config.namespace}.user_events"
    first_snapshot = first["tables"]["user_events"]["to_snapshot_id"]
    lake.spark.sql(f"CALL iceberg.system.rollback_to_snapshot('{table}', {first_snapshot})")
    anew = lake.run().manifest
    assert anew is not None
    assert anew["datasets"]["user_events"]["dates"] == ["2024-01-15", "2024-01-16", "2024-01-17", "2024-01-18"]


def test_delete_files_are_merged_and_results_stay(lake: Lake, tmp_path: Path) -> None:
    lake.append([event(str(number), "a", f"2024-01-15 10:00:0{number}") for number in range(4)])
    lake.sql("ALTER TABLE {events} SET TBLPROPERTIES ('write.delete.mode' = 'merge-on-read', 'format-version' = '2')")
    lake.run()
    lake.sql(f"DELETE FROM {{events}} WHERE event_id = '{named('event 1')}'")
    before = care(lake, dry_run=True)["user_events"].before
    assert before.delete_files == 1
    lake.run()
    care(lake)
    lake.append([event("9", "b", "2024-01-15 10:00:09")])
    lake.run()
    check(lake, tmp_path)


def test_orphan_files_go_when_they_are_old(lake: Lake) -> None:
    lake.append([event("1", "a", "2024-01-15 10:00:00")])
    folder = Path(lake.config.warehouse) / lake.config.namespace / "user_events" / "data"
    old, young = folder / "old.parquet", folder / "young.parquet"
    for path in (old, young):
        path.write_bytes(b"left by a killed writer")
    four_days_ago = time.time() - 4 * 86_400
    os.utime(old, (four_days_ago, four_days_ago))

    assert care(lake, dry_run=True)["user_events"].orphans == 1
    assert old.exists()
    cares = care(lake)
    assert cares["user_events"].orphans == 1
    assert (old.exists(), young.exists()) == (False, True)
    assert lake.run().manifest is not None

    console = Console(width=160)
    with console.capture() as captured:
        care_table(list(cares.values()), dry_run=False, console=console)
    assert "1 orphan files removed" in captured.get()


def test_young_files_cannot_be_called_orphans(lake: Lake) -> None:
    with pytest.raises(ConfigError, match="orphan_keep_hours must be 24 or more"):
        replace(lake.config, orphan_keep_hours=1)
