"""Deploying again changes nothing; the task graph runs the warehouse side; a killed endpoint leaves nothing half loaded."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from snowflake.connector.errors import Error

from tests.snowpark_procs.batches import BatchOptions, event, session
from tests.snowpark_procs.conftest import Warehouse, deploy, start_copy

pytestmark = pytest.mark.integration


def test_deploying_twice_changes_nothing(warehouse: Warehouse) -> None:
    history = "SELECT script, script_type, checksum FROM schemachange.change_history ORDER BY 1"
    rules = warehouse.contents("ops.quality_rules", "ops.locks", "recon.tolerances")
    before = warehouse.query(history)
    procedures = warehouse.query("SHOW PROCEDURES IN SCHEMA ops")
    grants = warehouse.query("SHOW GRANTS TO ROLE ecommerce_dw_analyst")
    log = deploy(warehouse.endpoint)
    # The A script alone runs always; it grants what is granted.
    assert "scripts_applied" in log
    again = warehouse.query(history)
    assert [row for row in again if row[1] != "A"] == [row for row in before if row[1] != "A"]
    assert warehouse.contents("ops.quality_rules", "ops.locks", "recon.tolerances") == rules
    assert warehouse.query("SHOW PROCEDURES IN SCHEMA ops") == procedures
    assert len(warehouse.query("SHOW GRANTS TO ROLE ecommerce_dw_analyst")) == len(grants)


def test_the_task_graph_runs_the_warehouse_side(warehouse: Warehouse) -> None:
    warehouse.publish(
        events=[event("e1", "s1", "2024-01-15 10:00:00")], sessions=[session("s1", "2024-01-15 10:00:00")]
    )
    reports = run_graph(warehouse)
    assert reports == [("succeeded", None)]
    assert warehouse.query("SELECT status FROM ops.batch_status") == [("flagged",)]


def test_an_empty_graph_run_skips_flagging_and_a_failed_one_is_reported(warehouse: Warehouse) -> None:
    assert run_graph(warehouse) == [("succeeded", None)]
    assert warehouse.counts()["ops.step_runs"] == 0
    batch_id = warehouse.publish(sessions=[session("s1", "2024-01-15 10:00:00")])
    next((warehouse.landing / "user_sessions").rglob("*.parquet")).unlink()
    status, failed = run_graph(warehouse, reports=2)[-1]
    assert status == "failed"
    assert failed.endswith("T_LOAD")
    assert warehouse.query("SELECT DISTINCT subject FROM ops.recent_failures") == [(batch_id,)]


def run_graph(warehouse: Warehouse, reports: int = 1) -> list[tuple[Any, ...]]:
    """Execute the root and wait until the finalizer has reported."""
    warehouse.query("EXECUTE TASK ops.t_load")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        rows = warehouse.query("SELECT status, failed_task FROM ops.graph_runs ORDER BY reported_at")
        if len(rows) >= reports:
            return rows
        time.sleep(0.2)
    raise AssertionError(
        warehouse.query("SELECT name, state, error_message FROM TABLE(INFORMATION_SCHEMA.TASK_HISTORY())")
    )


def test_kill_9_during_a_load_leaves_nothing_half_loaded(deployed: Path, tmp_path: Path) -> None:
    warehouse = start_copy(deployed, tmp_path)
    endpoint = warehouse.endpoint
    try:
        rows = [event(f"e{n}", f"s{n % 500}", "2024-01-15 10:00:00") for n in range(20_000)]
        sessions = [session(f"s{n}", "2024-01-15 10:00:00") for n in range(500)]
        options = BatchOptions(files_per_dataset=40)
        batch_id = warehouse.publish(events=rows, sessions=sessions, options=options)
        failures: list[Exception] = []

        def load() -> None:
            try:
                warehouse.call("ops.load_pending()")
            except (Error, OSError) as error:
                failures.append(error)

        connection = warehouse.connection
        thread = threading.Thread(target=load, daemon=True)
        thread.start()
        time.sleep(1.0)
        endpoint.stop(signal.SIGKILL)
        endpoint.start()
        fresh = Warehouse(endpoint)
        fresh.connect()
        counts = fresh.counts()
        loaded = counts["ops.batches"]
        assert counts["raw.user_events"] == 20_000 * loaded
        assert counts["raw.user_sessions"] == 500 * loaded
        fresh.call("ops.load_pending()")
        assert fresh.counts()["raw.user_events"] == 20_000
        assert fresh.query("SELECT batch_id FROM ops.batches") == [(batch_id,)]
        assert (fresh.landing / "_manifests" / f"{batch_id}.loaded").exists()
        fresh.connection.close()
        connection._rest = None  # the killed server's session has nobody to be closed with
    finally:
        endpoint.stop()
