"""Overwrites, deletes, compactions, rollbacks and backfills: dates are taken anew, and nothing of them is lost or kept."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spark_ingest.errors import ConfigError
from spark_ingest.lake.catalog import open_table
from spark_ingest.lake.changes import Kind
from spark_ingest.lake.tables import TABLES, USER_EVENTS
from spark_ingest.maintenance import state
from tests.spark_ingest.checks import check
from tests.spark_ingest.conftest import Lake
from tests.spark_ingest.independent import final_sessions, manifests, staged_sessions
from tests.spark_ingest.rows import event, named, transaction

pytestmark = pytest.mark.spark


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


def delete_equal(lake: Lake, session: str, partition: str | None) -> None:
    """Commit an equality delete, as Flink writes them, of one session's rows: in one partition, or in all (None)."""
    jvm, path = lake.spark._jvm, Path(lake.config.warehouse) / f"equal-{session}-{partition is None}.parquet"
    assert jvm is not None
    table = jvm.org.apache.iceberg.spark.Spark3Util.loadIcebergTable(lake.spark._jsparkSession, lake.name(USER_EVENTS))
    column = table.schema().findField("session_id").fieldId()
    field = pa.field("session_id", pa.string(), metadata={"PARQUET:field_id": str(column)})
    pq.write_table(pa.table({"session_id": [named(f"session {session}")]}, schema=pa.schema([field])), path)
    gateway = lake.spark.sparkContext._gateway
    assert gateway is not None
    columns = gateway.new_array(gateway.jvm.int, 1)
    columns[0] = column
    made = jvm.org.apache.iceberg.FileMetadata.deleteFileBuilder(table.spec()).ofEqualityDeletes(columns)
    made = made.withPath(str(path)).withFormat("parquet").withFileSizeInBytes(path.stat().st_size).withRecordCount(1)
    table.newRowDelta().addDeletes((made if partition is None else made.withPartitionPath(partition)).build()).commit()


def test_equality_deletes_delete_what_came_before_them(lake: Lake, tmp_path: Path) -> None:
    times = ("2024-01-15 10:00:00", "2024-01-15 12:00:00", "2024-03-01 10:00:00")
    lake.append([event(f"{name} {time}", name, time) for name in "ab" for time in times])
    lake.run()
    delete_equal(lake, "a", "date=2024-01-15/hour=10")
    manifest = lake.run().manifest
    assert manifest is not None
    assert manifest["affected_dates"] == ["2024-01-15"]
    events = manifest["datasets"]["user_events"]
    assert (events["handling"], events["reason"], events["rows"]) == (
        "rewritten",
        "delete files apply to the data files",
        3,
    )
    # Without partitions such a file is about all; rows that are written with it or later stay.
    lake.sql("ALTER TABLE {events} DROP PARTITION FIELD hour")
    lake.sql("ALTER TABLE {events} DROP PARTITION FIELD date")
    delete_equal(lake, "a", None)
    lake.append([event("after", "a", "2024-03-01 11:00:00")])
    manifest = lake.run().manifest
    assert manifest is not None
    assert manifest["affected_dates"] == ["2024-01-15", "2024-03-01"]
    sessions = {key: row[17] for key, row in final_sessions(tmp_path / "landing").items()}
    assert sessions == {named("session a"): 1, named("session b"): 2}, (
        "b came back later: the first two are its session"
    )


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
    again = lake.run(date(2024, 1, 16), date(2024, 1, 16), "the session rules have changed").manifest
    assert again is not None
    assert again["batch_id"] != backfill["batch_id"]
    assert again["again"] == {"ordinal": 1, "reason": "the session rules have changed"}
    assert again["datasets"]["user_sessions"]["rows"] == 1
    with pytest.raises(ConfigError, match="--again repeats a backfill: name its dates"):
        lake.run(again="why not")
    assert lake.run(date(2030, 1, 1), None).manifest is None
    assert lake.run().manifest is None  # a backfill does not move the increments on
    with pytest.raises(ConfigError, match="--from 2024-01-17 is after --to 2024-01-16"):
        lake.run(date(2024, 1, 17), date(2024, 1, 16))


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


_MERGE_ON_READ = "'write.delete.mode'='merge-on-read', 'format-version'='{}'"


def test_dates_are_those_of_the_timestamps(lake: Lake, tmp_path: Path) -> None:
    """`date` may be that of the arrival, or none: a session is whole all the same, and no stale one stays."""
    arrived = [{"date": date(2024, 3, day), "hour": 1} for day in (1, 20)]
    lake.append(
        [event("1", "a", "2024-01-15 23:50:00") | arrived[0], event("2", "b", "2024-01-18 10:00:00") | arrived[0]],
        [transaction("1", "2024-01-15 10:00:00", "1.00", date=date(2024, 3, 1))],
    )
    lake.run()
    lake.append(
        [event("3", "a", "2024-01-16 00:10:00") | arrived[1], event("4", "c", "2024-02-10 10:00:00") | arrived[1]]
    )
    late = lake.run().manifest
    assert late is not None
    assert late["affected_dates"] == ["2024-01-16", "2024-02-10"]
    assert set(staged_sessions(Path(lake.config.landing), late)) == {named("session a"), named("session c")}
    assert late["findings"] == {"dates_unlike_timestamps": 2}
    check(lake, tmp_path)
    # The file that loses a row had one of 2024-01-18 too, which is taken anew with it, and no other date.
    lake.sql(f"DELETE FROM {{events}} WHERE event_id = '{named('event 1')}'")
    lake.append(transactions=[transaction(str(day), f"2024-01-{day} 10:00:00", "1.00") for day in range(20, 30)])
    changed = lake.run().manifest
    assert changed is not None
    assert changed["datasets"]["user_events"]["dates"] == ["2024-01-15", "2024-01-18"]
    assert changed["datasets"]["transactions"]["scope"] == "added"
    assert len(changed["affected_dates"]) == 12
    check(lake, tmp_path)
    # One file with rows of NULL dates beside real ones, of which one goes.
    lake.append([event("5", "d", "2024-01-15 10:00:00"), event("6", "d", None)])
    lake.sql(
        "INSERT INTO {events} SELECT CONCAT('copy ', event_id), user_id, session_id, event_type, timestamp, device_type,"
        " browser, ip_address, page_url, product_id, search_query, transaction_id, user_tier, properties, processing_time,"
        " NULL, hour FROM {events} WHERE timestamp >= TIMESTAMP'2024-01-16'"
    )
    lake.sql("DELETE FROM {events} WHERE event_id LIKE 'copy %' AND timestamp > TIMESTAMP'2024-02-01'")
    lake.run()
    check(lake, tmp_path)
    assert lake.run().manifest is None


@pytest.mark.parametrize("version", [2, 3])
def test_deletes_after_the_partitions_changed(lake: Lake, tmp_path: Path, version: int) -> None:
    """Delete files, or deletion vectors, of partitions of other shapes than the table has had before."""
    lake.sql(f"ALTER TABLE {{events}} SET TBLPROPERTIES ({_MERGE_ON_READ.format(version)})")
    lake.append([event(str(n), "a", f"2024-01-15 10:0{n}:00") for n in range(3)])
    lake.run()
    lake.sql("ALTER TABLE {events} DROP PARTITION FIELD hour")
    lake.sql("ALTER TABLE {events} REPLACE PARTITION FIELD date WITH days(timestamp)")
    lake.append([event(str(n), "b", f"2024-01-20 10:0{n}:00") for n in range(3, 6)])
    lake.sql(f"DELETE FROM {{events}} WHERE event_id IN ('{named('event 0')}', '{named('event 3')}')")
    manifest = lake.run().manifest
    assert manifest is not None
    assert manifest["affected_dates"] == ["2024-01-15", "2024-01-20"]
    check(lake, tmp_path)
    lake.sql("ALTER TABLE {events} DROP PARTITION FIELD days(timestamp)")
    lake.append([event(str(n), "c", f"2024-02-0{n} 10:00:00") for n in range(6, 9)])
    lake.sql(f"DELETE FROM {{events}} WHERE event_id IN ('{named('event 4')}', '{named('event 7')}')")
    manifest = lake.run().manifest
    assert manifest is not None
    assert manifest["affected_dates"] == ["2024-01-20", "2024-02-06", "2024-02-07", "2024-02-08"]
    check(lake, tmp_path)
    assert lake.run().manifest is None
    (events,) = (open_table(lake.config, table) for table in TABLES if table.name == "user_events")
    assert state(events, lake.config).delete_files > 0
