"""The whole pipeline on the generated week: the planted flaws, and only those, are reported; repeating changes nothing."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from local_stack import endpoint_process
from local_stack.demo.speed_flaws import Cell, cells, differences, plant
from local_stack.demo.week import Week, generate, session_rows
from local_stack.layout import REPO, Layout
from local_stack.warehouse_client import Warehouse
from spark_ingest.spark.java import java_home
from tests.local_stack.stack import contents, local_stack, warehouse
from tests.offline import NO_NAMESPACE
from tests.oracle import compare, examples
from tests.oracle.compute import Delivery, compute

pytestmark = [pytest.mark.integration, pytest.mark.spark]

SEED, SESSIONS_PER_DAY = 11, 80
OFFLINE = (sys.executable, "-m", "tests.offline")
_ARGUMENTS = ("demo", "--seed", str(SEED), "--sessions-per-day", str(SESSIONS_PER_DAY))


@pytest.fixture(scope="module")
def week() -> Week:
    return generate(SEED, SESSIONS_PER_DAY)


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    return Layout(tmp_path_factory.mktemp("demo") / "state")


@pytest.fixture(scope="module")
def java(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Java home that notes every start in `starts`, beside it."""
    home = tmp_path_factory.mktemp("java")
    (home / "bin").mkdir()
    program, real = home / "bin" / "java", java_home() / "bin" / "java"
    program.write_text(
        f'#!/bin/sh\necho "$*" >> {shlex.quote(str(home / "starts"))}\nexec {shlex.quote(str(real))} "$@"\n'
    )
    program.chmod(0o755)
    return home


@pytest.fixture(scope="module")
def offline() -> bool:
    """Whether this system lets a command run without a network."""
    return subprocess.run([*OFFLINE, "true"], cwd=REPO, check=False).returncode != NO_NAMESPACE


@pytest.fixture(scope="module")
def printed(layout: Layout, java: Path, offline: bool) -> str:
    """What the demo printed; where the system allows, it ran without a network."""
    environment = {**os.environ, "JAVA_HOME": str(java)}
    return local_stack(layout, *_ARGUMENTS, environment=environment, prefix=OFFLINE if offline else ())


@pytest.fixture(scope="module")
def connection(layout: Layout, printed: str) -> Iterator[Warehouse]:
    with warehouse(layout) as opened:
        yield opened


def _reported(connection: Warehouse, which: str) -> dict[Cell, Decimal]:
    """The cells that are no match in each date's first or last run, with their differences.

    Only runs that had a speed layer: a scheduled task may have looked for one before it was extracted.
    """
    order = {"first": "ASC", "last": "DESC"}[which]
    rows: list[tuple[date, str | None, str, Any]] = connection.rows(
        "SELECT c.date, c.user_tier, c.metric, c.difference FROM recon.results c JOIN ("
        "  SELECT run_id FROM recon.runs WHERE extraction_id IS NOT NULL"
        f"  QUALIFY ROW_NUMBER() OVER (PARTITION BY date ORDER BY compared_at {order}) = 1"
        ") r ON r.run_id = c.run_id WHERE c.status <> 'match'"
    )
    return {(day, tier, metric): Decimal(difference) for day, tier, metric, difference in rows}


def test_it_needs_no_network(printed: str, offline: bool) -> None:
    if not offline:
        pytest.skip("this system gives no network namespace: the demo ran with the network there")
    unreachable = "import socket; socket.create_connection(('192.0.2.1', 80), 5)"
    refused = subprocess.run([*OFFLINE, sys.executable, "-c", unreachable], cwd=REPO, capture_output=True, check=False)
    assert b"Network is unreachable" in refused.stderr
    assert "Verdict:" in printed


def test_one_spark_does_all_of_it(printed: str, java: Path) -> None:
    starts = (java / "starts").read_text(encoding="utf-8").splitlines()
    sparks = [start for start in starts if "SparkSubmit" in start and "org.apache.spark.launcher.Main" not in start]
    assert len(sparks) == 1


def test_it_says_where_the_time_went(printed: str) -> None:
    (account,) = (line for line in printed.splitlines() if line.startswith("Where the time went:"))
    for kind in ("Spark", "dbt", "set-up", "speed layer", "warehouse procedures"):
        assert f"{kind} " in account


def test_it_leaves_nothing_running(layout: Layout, printed: str) -> None:
    assert endpoint_process.running(layout) is None
    assert not layout.endpoint_file.exists()


def test_it_ends_with_what_a_dashboard_shows(connection: Warehouse, printed: str) -> None:
    _, shown = printed.split("How the pipeline is")
    for told in ("0 snapshots without a batch", "0 published and not loaded", "0 batches not flagged, 0 dates for dbt"):
        assert told in shown
    assert "nothing fails" in shown
    newest = connection.rows("SELECT date, verdict FROM recon.latest_runs ORDER BY date DESC LIMIT 7")
    assert len(newest) == 7
    lines = [line.split() for line in shown.splitlines()]
    assert all([str(day), *verdict.split("_")] in lines for day, verdict in newest)


def test_it_names_its_report_and_the_report_exists(layout: Layout, printed: str) -> None:
    report = layout.reports / "reconciliation.html"
    assert "Report:" in printed
    page = report.read_text(encoding="utf-8")
    assert "2024-01-17" in page
    assert "http://" not in page.replace("http://www.w3.org/", "")
    assert "https://" not in page


def test_the_final_verdict_is_what_was_planted_and_only_that(connection: Warehouse, week: Week) -> None:
    _, flaws = plant(week.speed)
    expected: dict[Cell, Decimal] = {}
    for flaw in flaws:
        expected |= flaw.differences
    assert _reported(connection, "last") == expected


def test_it_ends_with_the_explanation_of_what_was_planted(connection: Warehouse, week: Week) -> None:
    _, flaws = plant(week.speed)
    found = connection.rows(
        "SELECT date, cause, user_tier, metric, SUM(difference) FROM recon.explanations GROUP BY date, cause, user_tier, metric"
    )
    assert {tuple(row[:4]): row[4] for row in found} == {
        (day, flaw.cause, tier, metric): value
        for flaw in flaws
        for (day, tier, metric), value in flaw.differences.items()
        if value
    }


def test_the_first_verdict_also_has_what_was_still_late(connection: Warehouse, week: Week) -> None:
    flawed, _ = plant(week.speed)
    in_time = session_rows(event for event in week.distinct if not event.late)
    # A session over the week's last midnight, whose start is late, stands on a day of which the speed layer has no snapshot.
    days = {row.session_start.date() for row in flawed}
    found = differences(cells(flawed), cells(in_time))
    assert _reported(connection, "first") == {cell: value for cell, value in found.items() if cell[0] in days}


def test_statuses_of_groups_that_one_side_lacks(connection: Warehouse) -> None:
    rows = connection.rows(
        "SELECT DISTINCT date, user_tier, status FROM recon.latest_results WHERE status LIKE 'missing%' ORDER BY date"
    )
    assert rows == [
        (date(2024, 1, 17), "silver", "missing_in_speed"),
        (date(2024, 1, 20), None, "missing_in_batch"),
    ]


def test_sessions_equal_an_independent_computation(connection: Warehouse, layout: Layout) -> None:
    """DuckDB over the delivered files, by the rules of docs/lake.md, against what reached STAGING."""
    files = [str(path) for path in sorted((layout.root / "deliveries").glob("*/events.parquet"))]
    expected = duckdb.execute(_SESSIONS, [files]).fetchall()
    found = connection.rows(
        "SELECT session_id, user_id, user_tier, session_start, session_end, session_duration_minutes, page_views,"
        " product_views, searches, add_to_cart_events, purchases, total_spent, items_purchased, device_type, browser,"
        " converted_to_purchase, first_purchase_at, event_count, distinct_ip_count"
        " FROM staging.user_sessions_enhanced ORDER BY session_id"
    )
    assert len(found) == len(expected) > 500
    assert found == expected


_SESSIONS = r"""
WITH delivered AS (
    SELECT *, row_number() OVER (PARTITION BY event_id ORDER BY processing_time) AS copy
    FROM read_parquet(?)
),
events AS (
    SELECT
        event_id, user_id, user_tier, event_type, device_type, browser, ip_address,
        make_timestamp(epoch_us(timestamp)) AS event_time,
        regexp_replace(
            lower(replace(replace(replace(session_id, '-', ''), '{', ''), '}', '')),
            '^(.{8})(.{4})(.{4})(.{4})(.{12})$', '\1-\2-\3-\4-\5'
        ) AS session_id,
        CASE
            WHEN event_type = 'purchase' AND json_valid(properties)
                THEN coalesce(try_cast(json_extract_string(properties, '$.amount') AS DECIMAL(38, 2)), 0)
            ELSE 0
        END AS amount
    FROM delivered WHERE copy = 1
)
SELECT
    session_id,
    arg_min(user_id, (event_time, event_id)) FILTER (user_id <> '') AS user_id,
    arg_min(user_tier, (event_time, event_id)) FILTER (user_tier <> ''),
    min(event_time),
    max(event_time),
    round(date_diff('microseconds', min(event_time), max(event_time))::DECIMAL(38, 0) / 60000000, 4)::DECIMAL(18, 4),
    count(*) FILTER (event_type = 'page_view'),
    count(*) FILTER (event_type = 'product_view'),
    count(*) FILTER (event_type = 'search'),
    count(*) FILTER (event_type = 'add_to_cart'),
    count(*) FILTER (event_type = 'purchase') AS purchases,
    sum(amount)::DECIMAL(38, 2),
    purchases,
    arg_min(device_type, (event_time, event_id)),
    arg_min(browser, (event_time, event_id)),
    purchases > 0,
    min(event_time) FILTER (event_type = 'purchase'),
    count(*),
    count(DISTINCT ip_address)
FROM events GROUP BY session_id ORDER BY session_id
"""


def test_marts_equal_the_oracle(connection: Warehouse, layout: Layout) -> None:
    folders = [layout.root / "deliveries" / name for name in ("on-time", "late")]
    delivered = [Delivery.of_files(folder / "events.parquet", folder / "transactions.parquet") for folder in folders]
    assert compare.differences(connection.connection, compute(delivered)) == []


def test_an_analyst_runs_the_examples_of_the_page_on_metrics(connection: Warehouse) -> None:
    connection.rows("USE ROLE ecommerce_dw_analyst")
    try:
        assert list(examples.examples())
        assert examples.disagreements(connection.connection) == []
    finally:
        connection.rows("USE ROLE ecommerce_dw_owner")


def test_the_demo_again_over_the_same_data_changes_no_row(
    layout: Layout, connection: Warehouse, tmp_path: Path
) -> None:
    before = contents(connection)
    assert before["MARTS.DAILY_METRICS"]
    assert before["RECON.RESULTS"]
    landing = sorted(path.relative_to(layout.landing) for path in layout.landing.rglob("*") if path.is_file())
    local_stack(layout, *_ARGUMENTS)  # finds the running endpoint and uses it
    assert contents(connection) == before
    again = sorted(path.relative_to(layout.landing) for path in layout.landing.rglob("*") if path.is_file())
    assert again == landing
