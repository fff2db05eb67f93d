"""Deploying again changes nothing; the task graph runs the warehouse side; a killed endpoint leaves nothing half loaded."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from snowflake.connector import DictCursor
from snowflake.connector.errors import Error

from deploy.rendering import render, variables
from tests.conftest import REPOSITORY
from tests.snowpark_procs.batches import BatchOptions, event, session
from tests.snowpark_procs.conftest import DATABASE, OWNER, SCHEDULED, Warehouse, deploy, start_copy, started

pytestmark = pytest.mark.integration


def test_deploying_twice_changes_nothing(warehouse: Warehouse) -> None:
    history = "SELECT script, script_type, checksum FROM schemachange.change_history ORDER BY 1"
    rules = warehouse.contents("ops.quality_rules", "ops.lock_load", "recon.tolerances")
    before = warehouse.query(history)
    procedures = warehouse.query("SHOW PROCEDURES IN SCHEMA ops")
    grants = warehouse.query("SHOW GRANTS TO ROLE ecommerce_dw_analyst")
    log = deploy(warehouse.endpoint)
    # The A script alone runs always; it grants what is granted.
    assert "scripts_applied" in log
    again = warehouse.query(history)
    assert [row for row in again if row[1] != "A"] == [row for row in before if row[1] != "A"]
    assert warehouse.contents("ops.quality_rules", "ops.lock_load", "recon.tolerances") == rules
    assert warehouse.query("SHOW PROCEDURES IN SCHEMA ops") == procedures
    assert len(warehouse.query("SHOW GRANTS TO ROLE ecommerce_dw_analyst")) == len(grants)


def test_the_task_graph_runs_the_warehouse_side(warehouse: Warehouse) -> None:
    warehouse.publish(
        events=[event("e1", "s1", "2024-01-15 10:00:00")], sessions=[session("s1", "2024-01-15 10:00:00")]
    )
    reports = run_graph(warehouse)
    assert reports == [("succeeded", None)]
    assert warehouse.query("SELECT status FROM ops.batch_status") == [("flagged",)]


def test_an_emptied_variable_takes_its_tasks_out_of_the_graph(warehouse: Warehouse) -> None:
    def deployed_with(**given: str) -> dict[str, list[str]]:
        warehouse.connection.execute_string(render("R__40_tasks.sql", {**variables(), **given}))
        warehouse.query("ALTER TASK IF EXISTS ops.t_freshness SUSPEND")
        suspend(warehouse, "TASK")
        with warehouse.connection.cursor(DictCursor) as cursor:
            rows = cursor.execute("SHOW TASKS IN SCHEMA ops").fetchall()
        return {row["name"]: [name.rpartition(".")[2] for name in json.loads(row["predecessors"])] for row in rows}

    with as_owner(warehouse):
        usual = deployed_with()
        more = deployed_with(dbt_project="ops.shop", speed_integration="clickhouse")
        assert deployed_with() == usual
    assert usual["T_RECONCILE"] == ["T_FLAG"]
    assert more.keys() - usual.keys() == {"T_DBT", "T_EXTRACT", "T_FRESHNESS"}
    assert [more[name] for name in ("T_RECONCILE", "T_EXTRACT", "T_DBT")] == [["T_EXTRACT"], ["T_DBT"], ["T_FLAG"]]


def test_the_graph_builds_the_marts_inside(warehouse: Warehouse) -> None:
    """The deployment makes the DBT PROJECT object; the scheduler's run of it is dbt's own, by its own profile, as TRANSFORMER."""
    named = {"dbt_project": "ops.shop"}
    at = {**warehouse.endpoint.environment, "SNOWFLAKE_DATABASE": DATABASE, "SNOWFLAKE_ROLE": OWNER}
    command = [sys.executable, "-m", "deploy.dbt_object", "--vars", json.dumps(named)]
    done = [
        subprocess.run(command, cwd=REPOSITORY, env=at, capture_output=True, text=True, check=True) for _ in range(2)
    ]
    assert [each.stdout.split()[-1] for each in done] == ["created", "deployed"]
    warehouse.publish(
        events=[event("e1", "s1", "2024-01-15 10:00:00")], sessions=[session("s1", "2024-01-15 10:00:00")]
    )
    try:
        with as_owner(warehouse):
            warehouse.connection.execute_string(render("R__40_tasks.sql", {**variables(), **named}))
            warehouse.query("ALTER TASK IF EXISTS ops.t_freshness SUSPEND")
        said = "SELECT error_message FROM ops.graph_runs"
        assert run_graph(warehouse, seconds=300) == [("succeeded", None)], warehouse.query(said)
        assert warehouse.query("SELECT date::STRING, sessions FROM marts.daily_metrics") == [("2024-01-15", 1)]
        built = "SELECT COUNT(*) > 0 FROM ops.dbt_runs WHERE status = 'success'"
        assert warehouse.query(built) == [(True,)]
        owner = "SELECT DISTINCT table_owner FROM information_schema.views WHERE table_schema = 'MARTS'"
        assert warehouse.query(owner) == [(f"{DATABASE}_TRANSFORMER",)]
    finally:
        with as_owner(warehouse):
            warehouse.connection.execute_string(render("R__40_tasks.sql", variables()))
        suspend(warehouse, "TASK")


def suspend(warehouse: Warehouse, kind: str) -> None:
    """Suspend what a deployment leaves running by schedule: no schedule is to meet a test."""
    for name in SCHEDULED:
        if name.startswith(kind):
            warehouse.query(f"ALTER {name} SUSPEND")


@contextmanager
def changed(warehouse: Warehouse, *changes: str) -> Iterator[None]:
    """Tasks changed for a while; the root is suspended before and after."""
    try:
        for change in (*changes, "ALTER TASK ops.t_load RESUME"):
            warehouse.query(change)
        yield
    finally:
        warehouse.query("ALTER TASK ops.t_load SUSPEND")
        warehouse.query("ALTER TASK ops.t_load REMOVE WHEN")
        warehouse.connection.execute_string(render("R__40_tasks.sql", variables()))
        suspend(warehouse, "TASK")


@contextmanager
def as_owner(warehouse: Warehouse) -> Iterator[None]:
    """The session as the role that has deployed: it owns the tasks, and what is made for them."""
    role = warehouse.one("SELECT CURRENT_ROLE()")
    warehouse.query(f"USE ROLE {OWNER}")
    try:
        yield
    finally:
        warehouse.query(f"USE ROLE {role}")


FLAKY = """
CREATE OR REPLACE PROCEDURE ops.flaky() RETURNS STRING LANGUAGE PYTHON RUNTIME_VERSION = '3.11'
PACKAGES = ('snowflake-snowpark-python') HANDLER = 'run' AS $$
def run(session):
    seen = session.sql("SELECT COUNT(*) FROM ops.alert_events WHERE alert = 'flaky'").collect()[0][0]
    session.sql("INSERT INTO ops.alert_events SELECT 'flaky', DATE_FROM_PARTS(2024, 1, 1), PARSE_JSON('1')").collect()
    assert seen, "the first time"
$$"""
UNLIMITED = "ALTER TASK ops.t_load SET SUSPEND_TASK_AFTER_NUM_FAILURES = 0"


def test_the_finalizer_tells_how_each_run_ended(warehouse: Warehouse) -> None:
    """Retried, skipped, failed in the middle, cancelled, suspended; the alerts tell it, once, and again when it is so again."""
    hook = "TYPE = WEBHOOK WEBHOOK_URL = 'https://chat.example/' ENABLED = TRUE"
    warehouse.query(f"CREATE NOTIFICATION INTEGRATION IF NOT EXISTS on_call {hook}")
    warehouse.query(f"GRANT USAGE ON INTEGRATION on_call TO ROLE {OWNER}")
    with as_owner(warehouse):
        check_endings(warehouse, warehouse.endpoint.data_dir / "notifications.jsonl")


def check_endings(warehouse: Warehouse, sent: Path) -> None:
    told = {**variables(), "notification_integration": "on_call", "notification_type": "application/json"}
    warehouse.connection.execute_string(render("R__41_alerts.sql", told))
    suspend(warehouse, "ALERT")
    warehouse.query(FLAKY)
    when, body = "ALTER TASK ops.t_flag MODIFY WHEN TRUE", "ALTER TASK ops.t_flag MODIFY AS CALL"
    with changed(warehouse, when, f"{body} ops.flaky()"):
        assert run_graph(warehouse) == [("succeeded", None)]
    newest = "SELECT status, failed_task, tasks FROM ops.graph_runs ORDER BY reported_at DESC LIMIT 1"
    attempts = {task["name"]: task["attempt"] for task in json.loads(warehouse.one(newest)[2])}
    assert attempts == {"T_LOAD": 1, "T_LOAD_REST": 1, "T_FLAG": 2, "T_RECONCILE": 2}
    warehouse.query("DELETE FROM ops.alert_events")
    with changed(warehouse, "ALTER TASK ops.t_load MODIFY WHEN FALSE"):
        assert run_graph(warehouse, 2)[-1] == ("skipped", None)
    assert warehouse.query("SELECT alert FROM ops.due_alerts") == []
    with changed(warehouse, when, f"{body} ops.no_such_procedure()", UNLIMITED):
        assert run_graph(warehouse, 3)[-1] == ("failed", "T_FLAG")
        states = {task["name"]: task["state"] for task in json.loads(warehouse.one(newest)[2])}
        assert states == {
            "T_LOAD": "SUCCEEDED",
            "T_LOAD_REST": "SKIPPED",
            "T_FLAG": "FAILED",
            "T_RECONCILE": "SKIPPED",
        }
        assert warehouse.call("ops.raise_alert('graph_failed')") == {"alert": "graph_failed", "raised": 1, "sent": True}
        assert warehouse.call("ops.raise_alert('graph_failed')")["raised"] == 0
    with changed(warehouse, when, "ALTER TASK ops.t_flag MODIFY AS CALL SYSTEM$WAIT(60)", UNLIMITED):
        warehouse.query("EXECUTE TASK ops.t_load")
        history = "TABLE(INFORMATION_SCHEMA.TASK_HISTORY(TASK_NAME => 'T_FLAG'))"
        wait_for(warehouse, f"SELECT 1 FROM {history} WHERE state = 'EXECUTING'", 1)
        warehouse.query("SELECT SYSTEM$USER_TASK_CANCEL_ONGOING_EXECUTIONS('ops.t_flag')")
        assert wait_for(warehouse, REPORTS, 4)[-1] == ("cancelled", "T_FLAG")
    limit = "ALTER TASK ops.t_load SET SUSPEND_TASK_AFTER_NUM_FAILURES = 1"
    with changed(warehouse, when, f"{body} ops.no_such_procedure()", limit):
        assert run_graph(warehouse, 5)[-1] == ("suspended", "T_FLAG")
        assert "TASK ops.t_load" not in started(warehouse)
        due = warehouse.query("SELECT alert FROM ops.due_alerts ORDER BY 1")
        assert due == [("graph_failed",), ("graph_stopped",)]
        warehouse.query("EXECUTE ALERT ops.a_graph_stopped")
        stopped = "FROM ops.alert_events WHERE alert = 'graph_stopped'"
        ((resume,),) = wait_for(warehouse, f"SELECT detail:resume::STRING {stopped}", 1)
        messages = [json.loads(json.loads(line)["message"]) for line in sent.read_text().splitlines()]
        said = [(message["alert"], message["found"][0]["status"]) for message in messages]
        assert said == [("graph_failed", "failed"), ("graph_stopped", "suspended")]
        warehouse.query(resume)
        assert "TASK ops.t_load" in started(warehouse)
    assert run_graph(warehouse, 6)[-1] == ("succeeded", None)
    assert warehouse.query("SELECT alert FROM ops.due_alerts WHERE alert = 'graph_stopped'") == []
    warehouse.query("UPDATE ops.graph_runs SET reported_at = DATEADD('hour', -4, reported_at)")
    warehouse.query("DELETE FROM ops.alert_events")
    assert warehouse.call("ops.raise_alert('graph_stopped')")["raised"] == 1


def test_an_empty_graph_run_skips_flagging_and_a_failed_one_is_reported(warehouse: Warehouse) -> None:
    assert run_graph(warehouse) == [("succeeded", None)]
    assert warehouse.counts()["ops.step_runs"] == 0
    batch_id = warehouse.publish(sessions=[session("s1", "2024-01-15 10:00:00")])
    next((warehouse.landing / "user_sessions").rglob("*.parquet")).unlink()
    status, failed = run_graph(warehouse, reports=2)[-1]
    assert status == "failed"
    assert failed.endswith("T_LOAD")
    assert warehouse.query("SELECT DISTINCT subject FROM ops.recent_failures") == [(batch_id,)]


def test_a_batch_that_fails_keeps_none_before_it_from_being_flagged(warehouse: Warehouse) -> None:
    first = warehouse.publish(sessions=[session("s1", "2024-01-15 10:00:00")])
    options = BatchOptions(published_at="2024-02-02T00:00:00Z")
    broken = warehouse.publish(sessions=[session("s2", "2024-01-15 10:00:00")], options=options)
    (warehouse.landing / "user_sessions" / f"batch_id={broken}" / "part-0.parquet").unlink()
    assert run_graph(warehouse) == [("failed", "T_LOAD_REST")]
    assert warehouse.query("SELECT batch_id, status FROM ops.batch_status") == [(first, "flagged")]
    assert "not in the landing" in warehouse.one("SELECT error_message FROM ops.graph_runs")


def test_what_was_loaded_and_not_flagged_is_flagged_by_the_next_run(warehouse: Warehouse) -> None:
    batch_id = warehouse.publish(sessions=[session("s1", "2024-01-15 10:00:00")])
    warehouse.call(f"ops.load_batch('{batch_id}')")
    assert run_graph(warehouse) == [("succeeded", None)]
    assert warehouse.query("SELECT status FROM ops.batch_status") == [("flagged",)]


REPORTS = "SELECT status, failed_task FROM ops.graph_runs ORDER BY reported_at"


def run_graph(warehouse: Warehouse, reports: int = 1, seconds: float = 60) -> list[tuple[Any, ...]]:
    """Execute the root and wait until the finalizer has reported."""
    warehouse.query("EXECUTE TASK ops.t_load")
    return wait_for(warehouse, REPORTS, reports, seconds)


def wait_for(warehouse: Warehouse, sql: str, count: int, seconds: float = 60) -> list[tuple[Any, ...]]:
    """The rows of a query once they are so many."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        rows = warehouse.query(sql)
        if len(rows) >= count:
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
