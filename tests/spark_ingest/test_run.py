"""Batches end to end: what is new, and only that, gives the sessions that an independent engine computes."""

from __future__ import annotations

import json
import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pyspark.sql import functions as F

from spark_ingest import batch
from spark_ingest import sessions as S
from spark_ingest.batch import Batch
from spark_ingest.catalog import open_table
from spark_ingest.changes import Kind
from spark_ingest.errors import ConfigError, LakeError, RunConflict
from spark_ingest.landing import Landing
from spark_ingest.plan import make_plan
from spark_ingest.source import Source
from spark_ingest.storage import open_storage
from spark_ingest.tables import TRANSACTIONS, USER_EVENTS
from tests.spark_ingest.conftest import Lake
from tests.spark_ingest.independent import final_keys, final_sessions, independent_sessions, manifests, staged_sessions
from tests.spark_ingest.rows import event, frame, named, purchase, transaction

pytestmark = pytest.mark.spark


def check(lake: Lake, tmp_path: Path) -> None:
    """The batches so far add up to what an independent engine makes of the lake's present rows."""
    folder = tmp_path / "present"
    folder.mkdir(exist_ok=True)
    landing, warehouse = Path(lake.config.landing), Path(lake.config.warehouse)
    rows = open_table(lake.config, USER_EVENTS).scan().to_arrow()
    pq.write_table(rows, folder / "events.parquet")
    assert final_sessions(landing) == independent_sessions(folder)
    present = set(zip(map(str, rows["date"].to_pylist()), rows["event_id"].to_pylist(), strict=True))
    assert set(final_keys(landing, warehouse, "user_events", "timestamp", "event_id")) == present
    lines = open_table(lake.config, TRANSACTIONS).scan().to_arrow()
    keys = sorted(zip(map(str, lines["date"].to_pylist()), lines["transaction_id"].to_pylist(), strict=True))
    assert final_keys(landing, warehouse, "transactions", "created_at", "transaction_id") == keys


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
    late = lake.run().manifest
    assert late is not None
    assert set(staged_sessions(Path(lake.config.landing), late)) == {named("session midnight")}
    assert late["affected_dates"] == ["2024-01-31", "2024-02-01"]
    assert late["datasets"]["transactions"]["rows"] == 0
    assert late["datasets"]["user_events"]["handling"] == "passthrough"
    data = Path(lake.config.warehouse) / lake.config.namespace / "user_events" / "data"
    read = [path for day in ("2024-01-31", "2024-02-01") for path in (data / f"date={day}").rglob("*.parquet")]
    assert late["summary"]["bytes_read"] == sum(path.stat().st_size for path in read)
    assert late["tables"]["user_events"]["from_snapshot_id"] == first["tables"]["user_events"]["to_snapshot_id"]


@pytest.mark.parametrize("small_bytes", [batch._SMALL_BYTES, 0])
def test_duplicates_across_batches_count_once(lake: Lake, small_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "_SMALL_BYTES", small_bytes)  # a large batch counts duplicates in another way
    lake.append([purchase("1", "a", "2024-01-15 10:00:00", "5.00"), event("2", "a", "2024-01-15 10:05:00")])
    lake.run()
    repeated = purchase("1", "a", "2024-01-15 10:00:00", "5.00")
    lake.append([repeated, repeated | {"event_id": repeated["event_id"].upper()}])
    manifest = lake.run().manifest
    assert manifest is not None
    assert manifest["findings"]["duplicate_events"] == 2
    (session,) = final_sessions(Path(lake.config.landing)).values()
    assert (session[11], session[17]) == (Decimal("5.00"), 2)


def test_an_identifier_that_comes_back_does_not_replace_the_session(lake: Lake, tmp_path: Path) -> None:
    lake.append([purchase("1", "a", "2024-01-15 10:00:00", "5.00"), event("2", "b", "2024-01-15 10:00:00")])
    lake.run()
    lake.append([event("3", "a", "2024-02-20 10:00:00")])
    manifest = lake.run().manifest
    assert manifest is not None
    assert manifest["affected_dates"] == ["2024-02-20"]
    check(lake, tmp_path)
    lake.append([event("4", "a", "2024-01-15 09:00:00")])
    lake.run()
    check(lake, tmp_path)
    assert final_sessions(Path(lake.config.landing))[named("session a")][11] == Decimal("5.00")


def test_overlong_sessions_are_kept_up_to_the_limit_in_any_order(lake: Lake, tmp_path: Path) -> None:
    hours = [f"2024-01-{15 + hour // 24} {hour % 24:02}:30:00" for hour in range(0, 72, 6)]
    for part in (hours[8:], hours[4:8], hours[:4]):
        lake.append([event(time, "long", time) for time in part])
        manifest = lake.run().manifest
    assert manifest is not None
    assert manifest["findings"] == {"overlong_sessions": 1, "events_beyond_session_limit": 7}
    check(lake, tmp_path)


def test_overwritten_and_deleted_rows(lake: Lake, tmp_path: Path) -> None:
    lake.append(
        [
            event(f"{name} {day}", name, f"2024-01-{day} 23:{minute}:00")
            for name in "ab"
            for day in (15, 16)
            for minute in (10,)
        ]
        + [event("gone", "gone", "2024-01-15 08:00:00"), event("far", "far", "2024-02-20 08:00:00")],
        [transaction("1", "2024-01-15 10:00:00", "1.00"), transaction("2", "2024-01-16 10:00:00", "2.00")],
    )
    lake.run()
    lake.sql(f"DELETE FROM {{events}} WHERE session_id = '{named('session gone')}'")
    lake.sql(f"UPDATE {{events}} SET browser = 'Changed' WHERE event_id = '{named('event a 15')}'")
    plan = lake.run()
    assert plan.manifest is not None
    assert plan.plan.changes["user_events"].kind == Kind.CHANGED
    assert plan.manifest["datasets"]["user_events"]["scope"] == "dates"
    assert plan.manifest["affected_dates"] == ["2024-01-15"]
    assert named("session far") not in staged_sessions(Path(lake.config.landing), plan.manifest)
    check(lake, tmp_path)
    lake.sql("DELETE FROM {events} WHERE date = DATE'2024-01-16'")
    lake.sql("DELETE FROM {transactions} WHERE date = DATE'2024-01-15'")
    manifest = lake.run().manifest
    assert manifest is not None
    assert manifest["affected_dates"] == ["2024-01-15", "2024-01-16"]
    check(lake, tmp_path)


def test_delete_files_make_rows_be_rewritten(lake: Lake, tmp_path: Path) -> None:
    lake.sql("ALTER TABLE {events} SET TBLPROPERTIES ('write.delete.mode'='merge-on-read', 'format-version'='2')")
    lake.append([event(str(n), "a", f"2024-01-15 10:0{n}:00") for n in range(5)])
    lake.run()
    lake.sql(f"DELETE FROM {{events}} WHERE event_id = '{named('event 0')}'")
    manifest = lake.run().manifest
    assert manifest is not None
    events = manifest["datasets"]["user_events"]
    assert (events["handling"], events["stage"], events["rows"]) == ("rewritten", "landing", 4)
    assert events["reason"] == "delete files apply to the data files"
    check(lake, tmp_path)


def test_compaction_is_no_work(lake: Lake, tmp_path: Path) -> None:
    for n in range(3):
        lake.append([event(str(n), "a", f"2024-01-15 10:0{n}:00")])
    lake.run()
    lake.spark.sql(
        f"CALL iceberg.system.rewrite_data_files(table => '{lake.config.namespace}.user_events',"
        " options => map('min-input-files', '2'))"
    )
    assert lake.run().manifest is None
    lake.append([event("9", "a", "2024-01-15 11:00:00")])
    manifest = lake.run().manifest
    assert manifest is not None
    assert manifest["datasets"]["user_events"]["rows"] == 1
    check(lake, tmp_path)


def test_rolled_back_table_is_taken_anew(lake: Lake, tmp_path: Path) -> None:
    lake.append([event("1", "a", "2024-01-15 10:00:00")])
    first = lake.run().manifest
    lake.append([event("2", "b", "2024-01-17 10:00:00")])
    lake.run()
    assert first is not None
    to = first["tables"]["user_events"]["to_snapshot_id"]
    lake.spark.sql(f"CALL iceberg.system.rollback_to_snapshot('{lake.config.namespace}.user_events', {to})")
    lake.append([event("3", "c", "2024-01-18 10:00:00")])
    manifest = lake.run().manifest
    assert manifest is not None
    assert "not in the table's history" in manifest["datasets"]["user_events"]["reason"]
    assert manifest["affected_dates"] == ["2024-01-15", "2024-01-17", "2024-01-18"]
    check(lake, tmp_path)


def test_backfill_of_dates(lake: Lake, tmp_path: Path) -> None:
    lake.append([event(str(day), "a" if day < 17 else "b", f"2024-01-{day} 23:59:00") for day in (15, 16, 17)])
    lake.run()
    backfill = lake.run(date(2024, 1, 16), date(2024, 1, 16)).manifest
    assert backfill is not None
    assert (backfill["mode"], backfill["affected_dates"]) == ("backfill", ["2024-01-16"])
    assert {data["scope"] for data in backfill["datasets"].values()} == {"dates"}
    assert set(staged_sessions(Path(lake.config.landing), backfill)) == {named("session a")}
    check(lake, tmp_path)
    assert "published already" in lake.run(date(2024, 1, 16), date(2024, 1, 16)).why
    assert lake.run(date(2030, 1, 1), None).manifest is None
    assert lake.run().manifest is None  # a backfill does not move the increments on
    with pytest.raises(ConfigError, match="--from 2024-01-17 is after --to 2024-01-16"):
        lake.run(date(2024, 1, 17), date(2024, 1, 16))


def test_schema_evolution(lake: Lake) -> None:
    lake.append([event("1", "a", "2024-01-15 10:00:00")], [transaction("1", "2024-01-15 10:00:00", "1.00")])
    lake.run()
    lake.append([event("2", "a", "2024-01-15 10:01:00")])  # under the old schema, batched under the new one
    lake.sql("ALTER TABLE {events} ADD COLUMN campaign string FIRST")
    lake.sql("ALTER TABLE {events} ALTER COLUMN hour TYPE bigint")
    added = lake.run().manifest
    assert added is not None
    assert added["datasets"]["user_events"]["handling"] == "passthrough"
    lake.sql("ALTER TABLE {events} RENAME COLUMN browser TO agent")
    lake.sql("ALTER TABLE {events} DROP COLUMN device_type")
    row = event("0", "a", "2024-01-15 09:00:00", "search", browser="Renamed")
    new = frame(lake.spark, USER_EVENTS, [row]).withColumnRenamed("browser", "agent").drop("device_type")
    new.withColumn("campaign", F.lit("x")).withColumn("hour", F.col("hour").cast("bigint")).writeTo(
        lake.name(USER_EVENTS)
    ).append()
    renamed = lake.run().manifest
    assert renamed is not None
    events = renamed["datasets"]["user_events"]
    assert (events["handling"], events["rows"], events["stage"]) == ("rewritten", 1, "landing")
    assert events["reason"] == "column 'browser' was renamed"
    (session,) = staged_sessions(Path(lake.config.landing), renamed).values()
    assert (session[14], session[13], session[17]) == ("Renamed", None, 3)
    lake.sql("ALTER TABLE {events} RENAME COLUMN session_id TO visit_id")
    lake.sql("ALTER TABLE {events} DROP COLUMN event_type")
    with pytest.raises(LakeError, match="lost its required column 'event_type'"):
        lake.run()


def test_columns_that_would_mislead_the_warehouse_are_rewritten(lake: Lake) -> None:
    lake.append(None, [transaction("1", "2024-01-15 10:00:00", "1.00")])
    lake.run()
    lake.sql("ALTER TABLE {transactions} ALTER COLUMN unit_price TYPE decimal(12, 2)")
    lake.sql("ALTER TABLE {events} ADD COLUMN batch_id string")
    lake.sql(
        "INSERT INTO {transactions} SELECT 'two', user_id, product_id, quantity, 3.50, 3.50, discount_amount, tax_amount,"
        " status, payment_method, user_tier, created_at, date FROM {transactions}"
    )
    new = frame(lake.spark, USER_EVENTS, [event("1", "a", "2024-01-15 10:00:00")])
    new.withColumn("batch_id", F.lit("somebody's")).writeTo(lake.name(USER_EVENTS)).append()
    manifest = lake.run().manifest
    assert manifest is not None
    lines, events = manifest["datasets"]["transactions"], manifest["datasets"]["user_events"]
    assert (lines["handling"], lines["rows"]) == ("rewritten", 1)
    assert lines["reason"] == "column 'unit_price' was widened to decimal(12, 2)"
    assert (events["handling"], events["rows"]) == ("rewritten", 1)
    assert events["reason"] == "column 'batch_id' has the name of one that the warehouse fills itself"
    staged = Path(lake.config.landing) / events["files"][0]["path"]
    assert "batch_id" not in pq.read_table(staged, partitioning=None).column_names
    lake.sql(
        "INSERT INTO {transactions} SELECT 'three', user_id, product_id, quantity, 9999999999.99, 3.50, discount_amount,"
        " tax_amount, status, payment_method, user_tier, created_at, date FROM {transactions} WHERE transaction_id = 'two'"
    )
    with pytest.raises(Exception, match=r"9999999999\.99"):
        lake.run()


def test_rows_without_a_date_travel_with_changed_rows(lake: Lake) -> None:
    lake.append([event("1", "a", "2024-01-15 10:00:00"), event("2", "b", "2024-01-16 10:00:00")])
    lake.run()
    lake.append([event("timeless", "a", None)])
    lake.sql(f"DELETE FROM {{events}} WHERE event_id = '{named('event 1')}'")
    manifest = lake.run().manifest
    assert manifest is not None
    assert manifest["affected_dates"] == ["2024-01-15"]
    assert manifest["datasets"]["user_events"]["rows"] == 1
    assert manifest["findings"]["events_without_time"] == 1


def test_what_is_deleted_between_a_backfill_and_the_first_increment_goes(lake: Lake, tmp_path: Path) -> None:
    lake.append([event("1", "a", "2024-01-15 10:00:00"), event("2", "b", "2024-01-16 10:00:00")])
    assert lake.run(date(2024, 1, 15), None).manifest is not None
    lake.sql(f"DELETE FROM {{events}} WHERE event_id = '{named('event 1')}'")
    lake.append([event("3", "c", "2024-01-17 10:00:00")])
    manifest = lake.run().manifest
    assert manifest is not None
    assert manifest["affected_dates"] == ["2024-01-15", "2024-01-16", "2024-01-17"]
    assert manifest["datasets"]["user_sessions"]["scope"] == "dates"
    check(lake, tmp_path)
    assert lake.run().manifest is None


def test_rolled_back_and_forward_again(lake: Lake, tmp_path: Path) -> None:
    lake.append([event("1", "a", "2024-01-15 10:00:00")])
    first = lake.run().manifest
    lake.append([event("2", "b", "2024-01-17 10:00:00")])
    second = lake.run().manifest
    assert first is not None
    assert second is not None
    for manifest in (first, second):
        to = manifest["tables"]["user_events"]["to_snapshot_id"]
        lake.spark.sql(f"CALL iceberg.system.set_current_snapshot('{lake.config.namespace}.user_events', {to})")
        assert lake.run().manifest is not None
        check(lake, tmp_path)
    assert len({document["batch_id"] for document in manifests(Path(lake.config.landing))}) == 4
    assert lake.run().manifest is None


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

    source = Source(
        lake.spark, lake.config, make_plan(lake.config, Landing(open_storage(lake.config.landing, lake.config)))
    )
    events = S.session_events(source.touched_events())
    plan = str(events._jdf.queryExecution().executedPlan().toString())
    scanned = {
        name for names in re.findall(r"BatchScan [^\[]*user_events\[([^\]]*)\]", plan) for name in names.split(", ")
    }
    columns = {name.split("#")[0] for name in scanned}
    assert columns == {*S.EVENT_COLUMNS, "date"}

    assert lake.run().manifest is not None


def test_a_missing_table_is_named(lake: Lake) -> None:
    lake.sql("DROP TABLE {transactions}")
    with pytest.raises(LakeError, match=r"table test_\d+.transactions does not exist"):
        lake.run()
