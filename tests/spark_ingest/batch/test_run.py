"""Batches end to end: what is new, and only that, gives the sessions that an independent engine computes."""

from __future__ import annotations

import gc
import json
import re
from pathlib import Path

import pytest
from py4j.java_gateway import JavaObject

from spark_ingest.batch.making import Batch
from spark_ingest.batch.plan import make_plan
from spark_ingest.batch.source import Source
from spark_ingest.batch.touched import touched_events
from spark_ingest.errors import LakeError, RunConflict
from spark_ingest.landing.batches import Landing
from spark_ingest.landing.storage import open_storage
from spark_ingest.transforms import sessions as S
from tests.spark_ingest.checks import check
from tests.spark_ingest.conftest import Lake
from tests.spark_ingest.independent import manifests, staged_sessions
from tests.spark_ingest.rows import event, named, purchase, transaction

pytestmark = pytest.mark.spark


def _held_in_the_jvm() -> int:
    """How many of the JVM's objects Python refers to."""
    return sum(type(each) is JavaObject for each in gc.get_objects())


def test_first_batch_then_nothing_then_a_late_event(lake: Lake, tmp_path: Path) -> None:
    lake.append(
        [
            event("1", "midnight", "2024-01-31 23:58:00"),
            purchase("2", "midnight", "2024-02-01 00:03:00", "20.00"),
            event("3", "year", "2023-12-31 23:59:59.999999"),
            event("4", "year", "2024-01-01 00:00:00"),
            event("5", "quiet", "2024-01-10 12:00:00"),
            event("6", None, "2024-01-10 12:00:00"),
            purchase("7", "bad amount", "2024-01-10 13:00:00", '"1,5"'),
        ],
        [transaction("1", "2024-02-01 00:03:00", "20.00"), transaction("2", "2024-01-10 12:00:00", "-7.25")],
    )
    first = lake.run().manifest
    assert first is not None
    assert first["datasets"]["user_sessions"]["rows"] == 4
    assert first["datasets"]["transactions"]["control"]["money"] == "12.75"
    assert first["datasets"]["user_events"]["control"] == {
        "money": None,
        "min_time": "2023-12-31T23:59:59.999999Z",
        "max_time": "2024-02-01T00:03:00Z",
    }
    assert first["findings"] == {"events_without_session": 1, "unparsable_amounts": 1}
    check(lake, tmp_path)

    again = lake.run()
    assert again.manifest is None
    assert again.why == "Nothing new in the lake: no batch was published."
    assert len(manifests(Path(lake.config.landing))) == 1

    lake.append(
        [event("8", "midnight", "2024-01-31 23:50:00"), event("2", "midnight", "2024-02-01 00:03:00", "purchase")]
    )
    gc.disable()  # it runs whenever Python likes, and in a large process seldom
    try:
        known = _held_in_the_jvm()
        late = lake.run().manifest
        assert _held_in_the_jvm() < known + 100  # with what was broadcast for them; a batch has a thousand
    finally:
        gc.enable()
    assert late is not None
    assert set(staged_sessions(Path(lake.config.landing), late)) == {named("session midnight")}
    assert late["affected_dates"] == ["2024-01-31", "2024-02-01"]
    assert late["datasets"]["transactions"]["rows"] == 0
    assert late["datasets"]["user_events"]["handling"] == "passthrough"
    data = Path(lake.config.warehouse) / lake.config.namespace / "user_events" / "data"
    read = [path for day in ("2024-01-31", "2024-02-01") for path in (data / f"date={day}").rglob("*.parquet")]
    assert late["summary"]["bytes_read"] == sum(path.stat().st_size for path in read)
    assert late["tables"]["user_events"]["from_snapshot_id"] == first["tables"]["user_events"]["to_snapshot_id"]


def test_half_written_batches_are_removed_and_others_are_not(lake: Lake) -> None:
    lake.append([event("1", "a", "2024-01-15 10:00:00")])
    lake.run()
    landing = Path(lake.config.landing)
    published = set(landing.rglob("*.parquet"))
    stale = landing / "user_sessions" / f"batch_id={named('killed')}" / "part-1.parquet"
    stale.parent.mkdir(parents=True)
    stale.write_bytes(b"half")
    # What a killed task of a batch that succeeded all the same has left.
    (published_file,) = (path for path in published if path.is_relative_to(landing / "user_sessions"))
    published_file.with_name("part-2.parquet").write_bytes(b"half")
    lake.run()
    assert set(landing.rglob("*.parquet")) == published


def test_one_of_two_runs_wins(lake: Lake) -> None:
    lake.append([event("1", "a", "2024-01-15 10:00:00")])
    landing = Landing(open_storage(lake.config.landing, lake.config))
    with landing.held(), pytest.raises(RunConflict, match=r"another run .* holds"):
        lake.run()
    assert lake.run().manifest is not None


def test_a_batch_published_meanwhile_stops_the_run(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.append([event("1", "a", "2024-01-15 10:00:00")])
    lake.run()
    lake.append([event("2", "a", "2024-01-15 10:01:00")])
    landing = Path(lake.config.landing)
    (existing,) = (landing / "_manifests").glob("*.json")
    other = json.loads(existing.read_text()) | {"batch_id": named("other"), "published_at": "2099-01-01T00:00:00Z"}
    original = Batch.make

    def slow(made: Batch) -> dict[str, object]:
        (landing / "_manifests" / f"{named('other')}.json").write_text(json.dumps(other))
        return original(made)

    monkeypatch.setattr(Batch, "make", slow)
    with pytest.raises(RunConflict, match=f"published batch {named('other')} in the meantime"):
        lake.run()


def test_only_what_is_needed_is_read(lake: Lake) -> None:
    lake.append([event(str(day), f"session {day}", f"2024-01-{day:02} 10:00:00") for day in (5, 15, 25)])
    lake.run()
    data = Path(lake.config.warehouse) / lake.config.namespace / "user_events" / "data"
    (far,) = (data / "date=2024-01-05").rglob("*.parquet")
    far.write_bytes(b"whoever opens this file fails")
    lake.append([event("late", "session 25", "2024-01-25 09:00:00")])

    history = Landing(open_storage(lake.config.landing, lake.config)).history()
    source = Source(lake.spark, lake.config, make_plan(lake.config, history))
    events = S.session_events(touched_events(source, few=False).events)
    plan = str(events._jdf.queryExecution().executedPlan().toString())
    scanned = {
        name for names in re.findall(r"BatchScan [^\[]*user_events\[([^\]]*)\]", plan) for name in names.split(", ")
    }
    columns = {name.split("#")[0] for name in scanned}
    assert columns == set(S.EVENT_COLUMNS)

    assert lake.run().manifest is not None


def test_a_missing_table_is_named(lake: Lake) -> None:
    lake.sql("DROP TABLE {transactions}")
    with pytest.raises(LakeError, match=r"table test_\d+.transactions does not exist"):
        lake.run()
