"""Reading RECON through the real connector from the local endpoint, with the shipped tables."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from reconcile.comparison.outcomes import Metric, Status, Tolerance, Verdict
from reconcile.errors import WarehouseError
from reconcile.report.history import CauseTotal, Convergence, Extraction, Point, Refusal, State, WorstSession
from reconcile.report.warehouse_source import _one_line, read_from, read_reconciliation
from tests.conftest import RunningEndpoint
from tests.otlp import collector
from tests.reconcile.comparison.rules import METRICS

pytestmark = pytest.mark.integration

REPOSITORY = Path(__file__).parents[3]
OLDER, NEWEST, WAITING = (f"{digit * 8}-d0a2-5d4b-9fa1-649f58d4dbbc" for digit in "312")
MIGRATIONS = (
    "V1.3.0__ops_tables",
    "V1.5.0__recon_tables",
    "V1.15.0__recon_verdicts",
    "V1.15.1__explanations",
    "V1.16.0__speed_snapshots",
    "R__11_comparison",
    "R__30_views_recon",
)
# r1 was made by the version before: it recorded neither its limits nor its snapshot. r4 used limits of one CALL.
RUNS = """INSERT INTO recon.runs (
    run_id, date, extraction_id, change_id, verdict, compared_at, inputs_digest, waits_for, is_override, extracted_at, speed_rows,
    matching, within_tolerance, out_of_tolerance, missing_in_batch, missing_in_speed
) VALUES
    ('r1', '2024-01-15', 'e1', 1, 'disagree', '2024-01-16 02:00:00', 'i', NULL, FALSE, NULL, NULL, 0, 0, 0, 1, 0),
    ('r2', '2024-01-15', 'e2', 2, 'within_tolerance', '2024-01-17 02:00:00.123456', 'i', NULL, FALSE,
     '2024-01-17 01:00:00', 11, 1, 2, 0, 0, 0),
    ('r3', '2024-01-16', NULL, NULL, 'nothing_to_compare', '2024-01-17 02:00:00', 'i', NULL, FALSE, NULL, NULL, 0, 0, 0, 0, 0),
    ('r4', '2024-01-15', 'e2', 2, 'disagree', '2024-01-17 03:00:00', 'i', NULL, TRUE, '2024-01-17 01:00:00', 11, 0, 0, 1, 0, 0),
    ('r5', '2024-01-17', 'e5', 2, 'not_ready', '2024-01-17 03:00:00', 'i', 'day_not_over, not_loaded b-1', FALSE,
     '2024-01-17 01:00:00', 1, 0, 0, 0, 1, 0)"""
EXTRACTIONS = """INSERT INTO recon.speed_extractions (
    extraction_id, date, extracted_at, row_count, non_uuid_ids, loaded_at, set_aside_rows, set_aside_path, engine, read_as
) VALUES
    ('e1', '2024-01-15', '2024-01-16 01:00:00', 10, 0, '2024-01-16 01:30:00', NULL, NULL, NULL, NULL),
    ('e2', '2024-01-15', '2024-01-18 01:00:00', 11, 3, '2024-01-17 01:30:00', 2, 'aside/x', 'MergeTree', 'as stored')"""
REFUSED = """INSERT INTO recon.refused_snapshots (manifest, date, extraction_id, reason, refused_at) VALUES
    ('_speed_manifests/x.json', '2024-01-16', 'e9', 'sum of money', '2024-01-17 01:45:00')"""
RESULTS = """INSERT INTO recon.results (
    run_id, date, user_tier, metric, speed_value, batch_value, difference, relative_difference, status, compared_at,
    absolute_tolerance, relative_tolerance, invalid_value
) VALUES
    ('r1', '2024-01-15', 'gold', 'sessions', 5, NULL, 5, NULL, 'missing_in_batch', '2024-01-16 02:00:00', NULL, NULL, NULL),
    ('r2', '2024-01-15', NULL, 'revenue', 12345678901234567890123456789012.01, 12345678901234567890123456789012.02,
     -0.01, 0.000000001, 'within_tolerance', '2024-01-17 02:00:00', 1.5, 0.01, 7.25),
    ('r2', '2024-01-15', 'gold', 'bounces', 5, 4, 1, 0.25, 'within_tolerance', '2024-01-17 02:00:00', 1, 0, NULL),
    ('r2', '2024-01-15', 'gold', 'sessions', 5, 5, 0, 0, 'match', '2024-01-17 02:00:00', NULL, NULL, NULL),
    ('r4', '2024-01-15', 'gold', 'sessions', 5, 4, 1, 0.25, 'out_of_tolerance', '2024-01-17 03:00:00', 0, 0, NULL),
    ('r5', '2024-01-17', 'gold', 'sessions', 5, NULL, 5, NULL, 'missing_in_batch', '2024-01-17 03:00:00', 0, 0.05, NULL)"""

EXPLANATIONS = """INSERT INTO recon.explanations (run_id, date, user_tier, metric, session_id, cause, detail, difference) VALUES
    ('r1', '2024-01-15', 'gold', 'sessions', 's0', 'extra_in_speed', NULL, 5),
    ('r2', '2024-01-15', 'gold', 'sessions', 's1', 'lost_in_speed', 'why', -1),
    ('r2', '2024-01-15', 'gold', 'sessions', 's2', 'lost_in_speed', NULL, -2),
    ('r2', '2024-01-15', NULL, 'bounces', 's1', 'lost_in_speed', 'why', 1),
    ('r2', '2024-01-15', NULL, 'revenue', NULL, 'unexplained', NULL, -0.01)"""


@pytest.fixture(scope="module")
def connection(endpoint: RunningEndpoint) -> Any:
    opened = endpoint.connect(paramstyle="qmark")
    opened.cursor().execute("CREATE DATABASE IF NOT EXISTS ecommerce_dw")
    for schema in ("recon", "ops"):
        opened.cursor().execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    for name in MIGRATIONS:
        text = (REPOSITORY / "migrations" / f"{name}.sql").read_text(encoding="utf-8")
        opened.execute_string(text, remove_comments=True)
    return opened


@pytest.fixture
def filled(connection: Any) -> Any:
    for table in ("runs", "results", "speed_extractions", "explanations", "refused_snapshots"):
        connection.cursor().execute(f"DELETE FROM recon.{table}")
    for statement in (RUNS, EXTRACTIONS, RESULTS, EXPLANATIONS, REFUSED):
        connection.cursor().execute(statement)
    return connection


def test_everything_is_read_exactly(filled: Any) -> None:
    found = read_from(filled, "here")
    assert [day.date for day in found.days] == [date(2024, 1, 15), date(2024, 1, 16), date(2024, 1, 17)]
    first, second, third = found.days
    assert [run.run_id for run in first.runs] == ["r1", "r2"]
    assert first.runs[0].extraction == Extraction("e1", datetime(2024, 1, 16, 1, tzinfo=UTC), 10, 0)
    assert first.latest.compared_at == datetime(2024, 1, 17, 2, 0, 0, 123456, tzinfo=UTC)
    assert first.latest.extraction == Extraction(
        "e2", datetime(2024, 1, 17, 1, tzinfo=UTC), *(11, 3, 2, "aside/x", "as stored (MergeTree)")
    )
    assert first.latest.counts == {Status.MATCH: 1, Status.WITHIN_TOLERANCE: 2}
    noon = [datetime(2024, 1, day, 2, tzinfo=UTC) for day in (16, 17)]
    late = noon[1].replace(microsecond=123456)
    assert first.convergence == (
        Convergence(
            *("gold", State.CONVERGED, None, Decimal(24), Decimal(48), Decimal("0.5")),
            points=(Point(noon[0], 1, Decimal(1)), Point(late, 0, Decimal(0))),
        ),
        Convergence(
            *(None, State.CONVERGED, None, Decimal(0), Decimal(48), Decimal(0)),
            points=(Point(late, 0, Decimal(0)),),  # from the tier's first cell on
        ),
    )
    assert first.wait is None
    assert [(one.user_tier, one.metric.name) for one in first.results] == [
        *(("gold", "sessions"), ("gold", "bounces")),
        (None, "revenue"),
    ]
    sessions, bounces, revenue = first.results
    assert revenue.speed_value == Decimal("12345678901234567890123456789012.01")
    assert revenue.difference == Decimal("-0.01")
    assert (revenue.tolerance, revenue.invalid_value) == (Tolerance(Decimal("1.5"), Decimal("0.01")), Decimal("7.25"))
    assert (sessions.tolerance, sessions.invalid_value) == (None, None)
    assert first.causes == (
        CauseTotal("gold", "lost_in_speed", 2, {sessions.metric: Decimal(-3)}),
        CauseTotal(None, "lost_in_speed", 1, {bounces.metric: Decimal(1)}),
        CauseTotal(None, "unexplained", 0, {revenue.metric: Decimal("-0.01")}),
    )
    lost = ("lost_in_speed",)
    assert first.sessions == (
        WorstSession(
            "s1", lost, ("why",), {"gold": {sessions.metric: Decimal(-1)}, None: {bounces.metric: Decimal(1)}}
        ),
        WorstSession("s2", lost, (), {"gold": {sessions.metric: Decimal(-2)}}),
    )
    assert (second.causes, second.sessions, second.convergence) == ((), (), ())
    assert second.latest.verdict is Verdict.NOTHING_TO_COMPARE
    assert (second.results, second.latest.extraction, second.latest.change_id) == ((), None, None)
    assert (third.latest.verdict, third.latest.waits_for) == (Verdict.NOT_READY, ("day_not_over", "not_loaded b-1"))
    assert third.convergence == (), "a comparison that was not ready says nothing"
    assert second.refusal == Refusal("e9", "sum of money", datetime(2024, 1, 17, 1, 45, tzinfo=UTC))
    assert (first.refusal, third.refusal) == (None, None)
    assert third.wait is not None
    assert (third.wait.since_at, third.wait.is_overdue) == (datetime(2024, 1, 17, 3, tzinfo=UTC), True)
    assert third.wait.due_at == datetime(2024, 1, 18, 3, tzinfo=UTC), "the day's end and the allowed lateness"
    assert third.latest.extraction == Extraction("e5", datetime(2024, 1, 17, 1, tzinfo=UTC), 1, None)
    assert tuple(replace(metric, description="") for metric in found.metrics) == (*METRICS, Metric("bounces", ""))
    assert all(metric.description for metric in found.metrics[:-1])


def test_chosen_dates(filled: Any) -> None:
    found = read_from(filled, "here", [date(2024, 1, 16), date(2024, 1, 18)])
    assert [day.date for day in found.days] == [date(2024, 1, 16)]


def test_an_unknown_status_is_no_crash(filled: Any) -> None:
    filled.cursor().execute("UPDATE recon.results SET status = 'splendid' WHERE run_id = 'r2'")
    with pytest.raises(WarehouseError, match="the RECON tables hold a value that is not understood: 'splendid'"):
        read_from(filled, "here")


def command(endpoint: RunningEndpoint, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command as a process whose connection `pipeline` comes from the environment, as in a container."""
    connection = (
        '[pipeline]\naccount = "local"\nuser = "local"\npassword = "local"\nprotocol = "http"\n'
        f'host = "{endpoint.host}"\nport = {endpoint.port}\ndatabase = "ECOMMERCE_DW"\nschema = "PUBLIC"\n'
    )
    return subprocess.run(
        [sys.executable, "-m", "reconcile", arguments[0], "--connection", "pipeline", *arguments[1:]],
        cwd=REPOSITORY,
        env={**os.environ, "SNOWFLAKE_CONNECTIONS": connection, "COLUMNS": "150"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_report_command(filled: Any, endpoint: RunningEndpoint, tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    done = command(endpoint, "report", "--out", str(target), "--date", "2024-01-15")
    assert (done.returncode, done.stderr) == (0, "")
    assert "The one day compared differs within tolerance." in done.stdout
    assert f"Report: {target}" in done.stdout
    assert "12,345,678,901,234,567,890,123,456,789,012.01" in target.read_text(encoding="utf-8")


PROCEDURES = """
CREATE OR REPLACE PROCEDURE recon.reconcile_day(date DATE) RETURNS VARIANT LANGUAGE PYTHON RUNTIME_VERSION = '3.11'
PACKAGES = ('snowflake-snowpark-python') HANDLER = 'main' AS $$
def main(session, date):
    if date.year < 2000:
        raise ValueError(f"{date} is too long ago")
    return {"called": "day", "date": str(date)}
$$;
CREATE OR REPLACE PROCEDURE recon.reconcile_range(from_date DATE, to_date DATE) RETURNS VARIANT LANGUAGE PYTHON
RUNTIME_VERSION = '3.11' PACKAGES = ('snowflake-snowpark-python') HANDLER = 'main' AS $$
def main(session, from_date, to_date):
    return {"called": "range", "from": str(from_date), "to": str(to_date)}
$$;
CREATE OR REPLACE PROCEDURE recon.reconcile_pending() RETURNS VARIANT LANGUAGE PYTHON RUNTIME_VERSION = '3.11'
PACKAGES = ('snowflake-snowpark-python') HANDLER = 'main' AS $$
def main(session):
    return {"called": "pending"}
$$
"""


def test_the_run_command_calls_the_procedures(
    connection: Any, endpoint: RunningEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    for statement in PROCEDURES.strip().split(";\n"):
        connection.cursor().execute(statement)
    done = command(endpoint, "run")
    assert (done.returncode, done.stderr, json.loads(done.stdout)) == (0, "", {"called": "pending"})
    chosen = ["--date", "2024-01-15", "--date", "2024-01-13", "--from", "2024-01-01", "--to", "2024-01-31"]
    done = command(endpoint, "run", *chosen)
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"called": "day", "date": "2024-01-13"},
        {"called": "day", "date": "2024-01-15"},
        {"called": "range", "from": "2024-01-01", "to": "2024-01-31"},
    ]
    failed = command(endpoint, "run", "--date", "1999-12-31")
    assert failed.returncode == 6
    assert failed.stderr == "reconcile: cannot reconcile in the warehouse: ValueError: 1999-12-31 is too long ago\n"
    # One refused of two, and told a collector in the trace of the newest batch in STAGING.
    connection.cursor().execute(
        "INSERT INTO ops.batches (batch_id, contract_version, mode, manifest, published_at, loaded_at, flagged_at)"
        " SELECT c.id, 1, 'incremental', OBJECT_CONSTRUCT(), '2024-01-15', '2024-01-15', c.flagged_at::TIMESTAMP_NTZ FROM"
        f" VALUES ('{OLDER}', '2024-01-16'), ('{NEWEST}', '2024-01-17'), ('{WAITING}', NULL) c (id, flagged_at)"
    )
    with collector(monkeypatch) as running:
        some = command(endpoint, "run", "--date", "1999-12-31", "--date", "2024-01-15")
    assert some.returncode == 6
    assert json.loads(some.stdout) == {"called": "day", "date": "2024-01-15"}
    assert some.stderr.startswith("reconcile: cannot reconcile in the warehouse (1999-12-31): ValueError")
    assert {span.trace_id for span in running.spans} == {NEWEST.replace("-", "")}
    assert [(span.name, span.failed) for span in running.spans] == [("call", True), ("call", False), ("run", True)]
    assert "too long ago" in running.spans[0].attributes["stage.error"]
    assert running.spans[1].attributes == {"batch.id": NEWEST, "stage.called": "day", "stage.date": "2024-01-15"}


def test_a_procedures_error_keeps_all_lines_of_its_text() -> None:
    text = "1: Traceback (most recent call last):\n  File 'x', line 1\n    raise E\nE: file 'f'\nis no Parquet\n in function MAIN"
    assert _one_line(text) == "E: file 'f' is no Parquet"


def test_no_such_connection() -> None:
    with pytest.raises(WarehouseError, match="cannot read the reconciliation results from the warehouse"):
        read_reconciliation("there is no such connection")
