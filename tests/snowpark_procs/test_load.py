"""ops.load_batch and ops.load_pending on the local endpoint, through the real connector."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from snowflake.connector.errors import ProgrammingError

from snowpark_procs.statements import statement
from tests.snowpark_procs.batches import BatchOptions, at, event, session, transaction, write_manifest
from tests.snowpark_procs.conftest import DATABASE, Warehouse

pytestmark = pytest.mark.integration

E = "0f1c6d40-0000-4000-8000-00000000000"


def small_batch(warehouse: Warehouse, name: str = "small", **options: Any) -> str:
    return warehouse.publish(
        events=[
            event(E + "1", E + "a", "2024-01-15 23:59:59.123456"),
            event(E + "2", E + "a", "2024-01-16 00:05:00", "purchase", properties='{"amount": "12.34"}'),
            event(E + "3", None, "2024-01-15 11:00:00", properties="{not json"),
        ],
        transactions=[transaction(E + "9", "p1", "2024-01-16 00:05:00", "12.34")],
        sessions=[
            session(
                E + "a",
                "2024-01-15 23:59:59.123456",
                session_end=at("2024-01-16 00:05:00"),
                purchases=1,
                total_spent=Decimal("12.34"),
                event_count=2,
            )
        ],
        name=name,
        options=BatchOptions(**options),
    )


def test_load_pending_loads_what_was_published(warehouse: Warehouse) -> None:
    batch_id = small_batch(warehouse, files_per_dataset=2)
    summary = warehouse.call("ops.load_pending()")
    assert summary["loaded"] == 1
    assert summary["batches"][0]["datasets"] == {"user_events": 3, "transactions": 1, "user_sessions": 1}
    times = warehouse.query("SELECT timestamp FROM raw.user_events ORDER BY timestamp")
    assert times[1][0] == datetime(2024, 1, 15, 23, 59, 59, 123456)
    assert warehouse.one("SELECT COUNT(DISTINCT file_name) FROM raw.user_events") == 2
    assert warehouse.one("SELECT COUNT(*) FROM raw.user_events WHERE batch_id = '" + batch_id + "'") == 3
    assert warehouse.one("SELECT properties::STRING FROM raw.user_events WHERE session_id IS NULL") == "{not json"
    assert warehouse.one("SELECT money_total FROM ops.batch_datasets WHERE dataset = 'user_sessions'") == Decimal(
        "12.34"
    )
    acknowledgement = json.loads((warehouse.landing / "_manifests" / f"{batch_id}.loaded").read_text())
    assert acknowledgement["batch_id"] == batch_id
    assert warehouse.one("SELECT status FROM ops.batch_status") == "loaded"


def test_loading_again_changes_nothing(warehouse: Warehouse) -> None:
    batch_id = small_batch(warehouse)
    warehouse.call("ops.load_pending()")
    before = warehouse.contents()
    assert warehouse.call("ops.load_pending()") == {"loaded": 0, "batches": []}
    assert warehouse.call(f"ops.load_batch('{batch_id.upper()}')")["status"] == "already_loaded"
    assert warehouse.contents() == before


def test_pending_batches_load_in_the_order_of_publication(warehouse: Warehouse) -> None:
    later = small_batch(warehouse, "x1", published_at="2024-02-03T00:00:00Z")
    earlier = small_batch(warehouse, "x2", published_at="2024-02-02T23:59:59.5Z")
    assert [batch["batch_id"] for batch in warehouse.call("ops.load_pending()")["batches"]] == [earlier, later]


def test_a_batch_that_follows_an_unknown_one_is_not_loaded_unasked(warehouse: Warehouse) -> None:
    lost = small_batch(warehouse, "x1", published_at="2024-02-02T00:00:00Z")
    (warehouse.landing / "_manifests" / f"{lost}.json").unlink()
    second = small_batch(warehouse, "x2", published_at="2024-02-03T00:00:00Z", previous=lost)
    third = small_batch(warehouse, "x3", published_at="2024-02-04T00:00:00Z", previous=second)
    with pytest.raises(
        ProgrammingError, match=f"follows batch {lost}, which is neither loaded here nor in the landing"
    ):
        warehouse.call("ops.load_pending()")
    failed = "SELECT subject FROM ops.step_runs WHERE step = 'load_batch' AND status = 'failed'"
    assert warehouse.query(failed) == [(second,)]
    warehouse.call(f"ops.load_batch('{second}')")
    assert [batch["batch_id"] for batch in warehouse.call("ops.load_pending()")["batches"]] == [third]


def test_other_work_keeps_no_load_waiting(warehouse: Warehouse) -> None:
    """A lock is a table: rows of one table are one partition, so that whoever updates one makes the others wait."""
    batch_id = small_batch(warehouse)
    other = warehouse.endpoint.connect(database=DATABASE, schema="OPS").cursor()
    warehouse.query("ALTER SESSION SET LOCK_TIMEOUT = 0")
    try:
        other.execute("BEGIN")
        for lock in ("flag", "speed", "reconcile"):
            other.execute(statement("take_lock", lock=lock).replace("?", "NULL"))
        assert warehouse.call("ops.load_pending()")["loaded"] == 1
        with pytest.raises(ProgrammingError, match="has locked table"):
            warehouse.call(f"ops.flag_quality('{batch_id}')")
        other.execute("ROLLBACK")
        # As it was: rows of one table.
        warehouse.query("CREATE TABLE ops.locks AS SELECT column1 AS name FROM VALUES ('load'), ('reconcile')")
        other.execute("BEGIN")
        other.execute("UPDATE ops.locks SET name = name WHERE name = 'reconcile'")
        with pytest.raises(ProgrammingError, match="has locked table"):
            warehouse.query("UPDATE ops.locks SET name = name WHERE name = 'load'")
    finally:
        other.execute("ROLLBACK")
        warehouse.query("DROP TABLE IF EXISTS ops.locks")
        warehouse.query("ALTER SESSION UNSET LOCK_TIMEOUT")
        other.connection.close()


def test_a_lost_acknowledgement_is_made_good(warehouse: Warehouse) -> None:
    batch_id = small_batch(warehouse)
    warehouse.call("ops.load_pending()")
    acknowledgement = warehouse.landing / "_manifests" / f"{batch_id}.loaded"
    acknowledgement.unlink()
    warehouse.call("ops.load_pending()")
    assert acknowledgement.exists()


def corrupted(warehouse: Warehouse, batch_id: str, change: Any) -> None:
    path = warehouse.landing / "_manifests" / f"{batch_id}.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    write_manifest(warehouse.landing, manifest)


def lie_about_rows(manifest: dict[str, Any]) -> None:
    manifest["datasets"]["user_sessions"]["files"][0]["rows"] = 2
    manifest["datasets"]["user_sessions"]["rows"] = 2


def lie_about_money(manifest: dict[str, Any]) -> None:
    manifest["datasets"]["user_sessions"]["control"]["money"] = "12.35"


def lie_about_time(manifest: dict[str, Any]) -> None:
    manifest["datasets"]["user_sessions"]["control"]["max_time"] = "2024-01-15T23:59:59.123457Z"


@pytest.mark.parametrize(
    ("lie", "message"),
    [
        (lie_about_rows, r"dataset user_sessions: rows of file \S+ expected 2, found 1"),
        (lie_about_money, r"dataset user_sessions: sum of money expected 12\.35, found 12\.34"),
        (lie_about_time, r"dataset user_sessions: latest time expected 2024-01-15 23:59:59\.123457, found .*\.123456"),
    ],
)
def test_a_mismatch_loads_nothing_and_names_the_figure(warehouse: Warehouse, lie: Any, message: str) -> None:
    batch_id = small_batch(warehouse)
    corrupted(warehouse, batch_id, lie)
    before = warehouse.counts()
    with pytest.raises(ProgrammingError, match=f"Batch {batch_id}, {message}"):
        warehouse.call("ops.load_pending()")
    assert warehouse.counts() == {**before, "ops.step_runs": 1}
    status, error = warehouse.query("SELECT status, detail:error::STRING FROM ops.step_runs")[0]
    assert status == "failed"
    assert re.search(message, error)
    assert not (warehouse.landing / "_manifests" / f"{batch_id}.loaded").exists()


def test_a_repaired_batch_loads_after_a_failure(warehouse: Warehouse) -> None:
    batch_id = small_batch(warehouse)
    corrupted(warehouse, batch_id, lie_about_money)
    with pytest.raises(ProgrammingError):
        warehouse.call("ops.load_pending()")
    small_batch(warehouse)
    assert warehouse.call("ops.load_pending()")["loaded"] == 1
    assert warehouse.query("SELECT * FROM ops.recent_failures") == []
    # The event table has both, with the batch: an event on the CALL's span and a line of the log with the same attributes.
    told = warehouse.query(
        "SELECT record_type, COALESCE(record['name'], record['severity_text'])::STRING, record_attributes['status']::STRING,"
        " record_attributes['rows']::INT, value::STRING FROM snowflake.telemetry.events"
        f" WHERE record_attributes['batch.id'] = '{batch_id}' AND record_type <> 'SPAN' ORDER BY timestamp, record_type DESC"
    )[-4:]
    rows = warehouse.one(f"SELECT SUM(row_count) FROM ops.batch_datasets WHERE batch_id = '{batch_id}'")
    assert [row[:4] for row in told] == [
        ("SPAN_EVENT", "load_batch", "failed", None),
        ("LOG", "ERROR", "failed", None),
        ("SPAN_EVENT", "load_batch", "succeeded", rows),
        ("LOG", "INFO", "succeeded", rows),
    ]
    assert told[1][4].startswith(f"load_batch {batch_id} failed: LoadMismatchError: ")
    assert told[3][4] == f"load_batch {batch_id} succeeded"
    spans = warehouse.query(
        "SELECT record['status']['code']::STRING FROM snowflake.telemetry.events"
        f" WHERE record_attributes['batch.id'] = '{batch_id}' AND record_type = 'SPAN' ORDER BY timestamp"
    )[-2:]
    assert spans == [("STATUS_CODE_ERROR",), ("STATUS_CODE_UNSET",)]


def test_a_missing_file_loads_nothing(warehouse: Warehouse) -> None:
    batch_id = small_batch(warehouse)
    next((warehouse.landing / "user_sessions").rglob("*.parquet")).unlink()
    with pytest.raises(ProgrammingError, match=r"part-0\.parquet"):
        warehouse.call(f"ops.load_batch('{batch_id}')")
    assert warehouse.counts()["raw.user_events"] == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.pop("published_at"), "'published_at' is a required property"),
        (lambda m: m["datasets"]["transactions"].update(scope="everything"), "datasets/transactions/scope"),
        (lambda m: m["datasets"]["user_events"].update(rows=7), "datasets/user_events/rows"),
    ],
)
def test_a_manifest_that_breaks_its_schema_is_refused(warehouse: Warehouse, change: Any, message: str) -> None:
    batch_id = small_batch(warehouse)
    corrupted(warehouse, batch_id, change)
    with pytest.raises(ProgrammingError, match=f"Manifest _manifests/{batch_id}.json.*{message}"):
        warehouse.call(f"ops.load_batch('{batch_id}')")


def test_arguments_are_refused_by_name(warehouse: Warehouse) -> None:
    with pytest.raises(ProgrammingError, match="'2024-01-15' is no batch id"):
        warehouse.call("ops.load_batch('2024-01-15')")
    with pytest.raises(ProgrammingError, match="the batch is not published"):
        warehouse.call("ops.load_batch('0f1c6d40-0000-4000-8000-000000000000')")


def test_a_session_in_another_time_zone_is_refused(warehouse: Warehouse) -> None:
    batch_id = small_batch(warehouse)
    warehouse.query("ALTER SESSION SET TIMEZONE = 'America/Los_Angeles'")
    try:
        with pytest.raises(ProgrammingError, match="TIMEZONE would shift"):
            warehouse.call(f"ops.load_batch('{batch_id}')")
    finally:
        warehouse.query("ALTER SESSION SET TIMEZONE = 'UTC'")
    assert warehouse.counts()["raw.user_events"] == 0


def altered(warehouse: Warehouse, batch_id: str, dataset: str, change: Callable[[pa.Table], pa.Table]) -> str:
    """Write a batch's first file of a dataset anew, with other columns. Returns its path."""
    paths: list[str] = []

    def at_its_size(manifest: dict[str, Any]) -> None:
        entry = manifest["datasets"][dataset]
        file = entry["files"][0]
        path = (
            warehouse.s3_root / ("data-s3-bucket" if entry["stage"] == "lake" else "ecommerce-landing") / file["path"]
        )
        pq.write_table(change(pq.ParquetFile(path).read()), path)
        file["bytes"] = path.stat().st_size
        paths.append(file["path"])

    corrupted(warehouse, batch_id, at_its_size)
    return paths[0]


def renamed(table: pa.Table) -> pa.Table:
    return table.rename_columns({"user_tier": "tier"})


def in_floats(table: pa.Table) -> pa.Table:
    return table.set_column(table.schema.get_field_index("total_spent"), "total_spent", pa.array([12.34]))


@pytest.mark.parametrize(
    ("dataset", "change", "told"),
    [
        ("user_events", renamed, r"user_tier of file {} expected STRING, found none \(columns that are not .*: tier\)"),
        (
            "transactions",
            lambda t: t.drop_columns(["tax_amount"]),
            r"tax_amount of file {} expected NUMBER.*, found none",
        ),
        ("user_sessions", in_floats, r"total_spent of file {} expected NUMBER\(38, 2\), found REAL"),
        (
            "user_sessions",
            lambda t: t.append_column("more", pa.array([1])),
            r"more of file {} expected none .*, found N",
        ),
    ],
)
def test_columns_that_are_not_the_contracts_are_refused(
    warehouse: Warehouse, dataset: str, change: Callable[[pa.Table], pa.Table], told: str
) -> None:
    batch_id = small_batch(warehouse, files_per_dataset=2)
    path = altered(warehouse, batch_id, dataset, change)
    with pytest.raises(
        ProgrammingError, match=f"dataset {dataset}: column {told.format(re.escape(path))}.*; nothing was loaded"
    ):
        warehouse.call("ops.load_pending()")
    assert warehouse.counts()["raw.user_events"] == 0


def test_a_column_that_only_the_lake_has_is_not_read(warehouse: Warehouse) -> None:
    batch_id = small_batch(warehouse)
    altered(warehouse, batch_id, "user_events", lambda table: table.append_column("more", pa.array([1] * 3)))
    assert warehouse.call(f"ops.load_batch('{batch_id}')")["rows"] == 5


def test_a_torn_file_is_named(warehouse: Warehouse) -> None:
    batch_id = small_batch(warehouse)
    path = next((warehouse.s3_root / "data-s3-bucket" / "ecommerce" / "user_events").rglob("*.parquet"))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ProgrammingError, match=r"(?s)dataset user_events: its files cannot be read .*part-0\.parquet"):
        warehouse.call(f"ops.load_batch('{batch_id}')")
    small_batch(warehouse)
    path = next((warehouse.landing / "user_sessions").rglob("*.parquet"))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ProgrammingError, match=r"bytes of file \S+part-0\.parquet expected \d+, found \d+; nothing"):
        warehouse.call(f"ops.load_batch('{batch_id}')")


def test_files_besides_those_of_the_manifest_are_named_and_not_loaded(warehouse: Warehouse) -> None:
    batch_id = small_batch(warehouse)
    path = next((warehouse.landing / "user_sessions").rglob("*.parquet"))
    shutil.copy(path, path.with_name("stray.parquet"))
    told = [f"user_sessions/batch_id={batch_id}/stray.parquet is not in the manifest: it was not loaded"]
    assert warehouse.call(f"ops.load_batch('{batch_id}')")["ignored"] == told
    assert json.loads(warehouse.one("SELECT detail:ignored FROM ops.step_runs")) == told
    assert warehouse.counts()["raw.user_sessions"] == 1


def test_more_files_than_one_copy_can_name(warehouse: Warehouse) -> None:
    events = [event(f"e{n}", "s1", "2024-01-15 10:00:00") for n in range(1001)]
    warehouse.publish(events=events, options=BatchOptions(files_per_dataset=1001))
    assert warehouse.call("ops.load_pending()")["batches"][0]["rows"] == 1001
    assert warehouse.one("SELECT file_count FROM ops.batch_datasets WHERE dataset = 'user_events'") == 1001


def test_two_callers_at_once_load_a_batch_once(warehouse: Warehouse) -> None:
    batch_id = small_batch(warehouse)
    with warehouse.endpoint.connect(database=DATABASE, schema="OPS") as other:
        call = other.cursor().execute_async(f"CALL ops.load_batch('{batch_id}')")
        summaries = [warehouse.call(f"ops.load_batch('{batch_id}')")]
        cursor = other.cursor()
        cursor.get_results_from_sfqid(call["queryId"])
        summaries.append(json.loads(cursor.fetchall()[0][0]))
    assert sorted(summary["status"] for summary in summaries) == ["already_loaded", "loaded"]
    assert warehouse.counts()["raw.user_events"] == 3


def test_a_gap_between_snapshots_is_not_loaded_over(warehouse: Warehouse) -> None:
    first = small_batch(warehouse, "x1", published_at="2024-02-02T00:00:00Z", snapshots=(None, "5"))
    second = small_batch(warehouse, "x2", published_at="2024-02-02T00:00:00.5Z", snapshots=("5", "8"), previous=first)
    small_batch(warehouse, "x3", published_at="2024-02-04T00:00:00Z", mode="backfill", snapshots=("4", "8"))
    last = small_batch(warehouse, "x4", published_at="2024-02-05T00:00:00Z", snapshots=("9", "11"), previous=second)
    with pytest.raises(ProgrammingError, match="starts after snapshot 9, and what is loaded reaches 8"):
        warehouse.call("ops.load_pending()")
    loaded = warehouse.query("SELECT batch_id FROM ops.batches WHERE mode = 'incremental' ORDER BY loaded_at")
    assert loaded == [(first,), (second,)]
    warehouse.call(f"ops.load_batch('{last}')")
    ledger = "SELECT from_snapshot_id, to_snapshot_id FROM ops.batch_datasets WHERE batch_id = '{}' ORDER BY dataset"
    assert warehouse.query(ledger.format(last)) == [("9", "11"), ("9", "11"), (None, None)]


def test_the_ledger_tells_bytes_seconds_and_code(warehouse: Warehouse) -> None:
    batch_id = small_batch(warehouse)
    warehouse.call("ops.load_pending()")
    manifest = json.loads((warehouse.landing / "_manifests" / f"{batch_id}.json").read_text())
    sizes = {name: sum(file["bytes"] for file in each["files"]) for name, each in manifest["datasets"].items()}
    assert dict(warehouse.query("SELECT dataset, byte_count FROM ops.batch_datasets")) == sizes
    seconds, code = warehouse.one("SELECT load_seconds, code_version FROM ops.batches")
    assert 0 < seconds < 600
    assert re.fullmatch("[0-9a-f]{12}", code)
    (bytes_told, seconds_told, code_told) = warehouse.one(
        "SELECT bytes, load_seconds, code_version FROM ops.batch_status"
    )
    assert (bytes_told, seconds_told, code_told) == (sum(sizes.values()), seconds, code)
