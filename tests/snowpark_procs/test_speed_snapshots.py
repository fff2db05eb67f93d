"""Loading snapshots of the speed layer: what one that is broken does to the others, and what a snapshot says of itself."""

from __future__ import annotations

import json
from contextlib import nullcontext
from datetime import date, datetime
from decimal import Decimal

import pytest
from snowflake.connector.errors import ProgrammingError

from reconcile.report import warehouse_source
from tests.snowpark_procs.batches import publish_snapshot, session
from tests.snowpark_procs.conftest import DATABASE, Warehouse

pytestmark = pytest.mark.integration


def publish(warehouse: Warehouse, day: str, hour: int = 1, page_views: int = 1) -> str:
    row = session("s", f"{day} 10:00:00.000001", page_views=page_views, total_spent=Decimal("1.00"))
    return publish_snapshot(warehouse.s3_root, day, [row], extracted_at=f"2024-02-01T{hour:02}:00:00Z")


def test_one_bad_day_stops_no_other(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """A torn manifest, a torn file, figures that differ; a range tries each once, until the day is extracted anew."""
    days = [f"2024-01-{day}" for day in (11, 12, 13, 14, 15)]
    warehouse.call(f"recon.reconcile_day('{days[2]}')")
    ids = {day: publish(warehouse, day) for day in days}
    manifests = warehouse.landing / "_speed_manifests"
    (torn,) = (manifests / days[0]).iterdir()
    torn.write_text(torn.read_text()[:40])
    (warehouse.landing / f"speed_sessions/date={days[1]}/{ids[days[1]]}.parquet").write_bytes(b"PAR1")
    (wrong,) = (manifests / days[2]).iterdir()
    wrong.write_text(wrong.read_text().replace('"1.00"', '"1.01"'))

    summary = warehouse.call("recon.reconcile_pending()")
    assert summary["days"] == 2
    loaded = warehouse.query("SELECT date FROM recon.speed_extractions ORDER BY 1")
    assert loaded == [(date(2024, 1, 14),), (date(2024, 1, 15),)]
    refused = dict(warehouse.query("SELECT date, reason FROM recon.refused_snapshots"))
    assert "is no speed manifest" in refused[date(2024, 1, 11)]
    assert "arquet" in refused[date(2024, 1, 12)]
    assert "sum of money expected 1.01, found 1.00" in refused[date(2024, 1, 13)]
    failed = "SELECT COUNT(*) FROM ops.step_runs WHERE step = 'load_speed_snapshot' AND status = 'failed'"
    assert warehouse.one(failed) == 3

    before = warehouse.contents()
    warehouse.call("recon.reconcile_pending()")
    assert warehouse.contents() == before
    # Who asks why a day differs is told what became of its snapshot, also where nothing differs in its older comparison.
    with warehouse.endpoint.connect(database=DATABASE, paramstyle="qmark") as connection:
        monkeypatch.setattr(warehouse_source, "_connection", lambda _: nullcontext(connection))
        named = date(2024, 1, 13)
        (one,) = warehouse_source.call_explanation("any", {named}.__contains__, [named])
        assert warehouse.contents() == before
        ranged = list(warehouse_source.call_explanation("any", lambda _: True))
    assert f"newest snapshot of {named}, {ids[days[2]]}, was refused" in str(one)
    assert str(one).endswith("sum of money expected 1.01, found 1.00; nothing was loaded")
    answers = [one["date"] if isinstance(one, dict) else "was refused" in str(one) for one in ranged]
    assert answers == [True, True, True, *days[3:]]
    with pytest.raises(ProgrammingError, match="sum of money expected"):
        warehouse.call(f"recon.load_speed_snapshot('{days[2]}')")
    publish(warehouse, days[2], hour=2)
    warehouse.call("recon.reconcile_pending()")
    assert warehouse.one("SELECT COUNT(*) FROM recon.speed_extractions") == 3


def test_the_callers_time_zone_shifts_nothing_and_refuses_nothing(warehouse: Warehouse) -> None:
    publish(warehouse, "2024-01-15", page_views=10**16 - 1)
    warehouse.query("ALTER SESSION SET TIMEZONE = 'America/New_York'")
    try:
        assert warehouse.call("recon.load_speed_snapshot('2024-01-15')")["status"] == "loaded"
        found = warehouse.one("SELECT session_start, page_views FROM recon.speed_sessions")
    finally:
        warehouse.query("ALTER SESSION SET TIMEZONE = 'UTC'")
    assert found == (datetime(2024, 1, 15, 10, 0, 0, 1), 10**16 - 1)


def test_what_a_snapshot_says_of_itself(warehouse: Warehouse) -> None:
    publish(warehouse, "2024-01-15")
    (manifest,) = (warehouse.landing / "_speed_manifests").rglob("*.json")
    document = json.loads(manifest.read_text())
    document["set_aside"] = {"rows": 2, "path": "_speed_set_aside/x.jsonl"}
    document["speed_table"] = {"engine": "ReplacingMergeTree", "read_as": "merged", "lacks": ["searches", "user_id"]}
    manifest.write_text(json.dumps(document))
    warehouse.call("recon.load_speed_snapshot('2024-01-15')")
    row = warehouse.one(
        "SELECT set_aside_rows, set_aside_path, engine, read_as, ARRAY_CONTAINS('searches'::VARIANT, missing_columns), "
        "ARRAY_SIZE(missing_columns) FROM recon.speed_extractions"
    )
    assert row == (2, "_speed_set_aside/x.jsonl", "ReplacingMergeTree", "merged", True, 2)
