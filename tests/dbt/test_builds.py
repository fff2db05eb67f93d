"""Builds that meet, that are killed, and that start from another definition."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.dbt import week
from tests.dbt.staged_rows import Event, Session
from tests.dbt.warehouse import MARTS, PROJECT, Warehouse, succeeded

pytestmark = pytest.mark.integration

DAY = date(2024, 1, 17)
START = datetime(2024, 1, 17, 10)


@contextlib.contextmanager
def process(warehouse: Warehouse, name: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A dbt of its own over the warehouse; killed at the end, if it still runs."""
    command = [str(Path(sys.executable).with_name("dbt")), *arguments, "--project-dir", str(PROJECT)]
    command += ["--profiles-dir", str(PROJECT), "--target-path", str(warehouse.scratch / name)]
    command += ["--log-path", str(warehouse.scratch / name)]
    environment = {**os.environ, **warehouse.environment}
    running = subprocess.Popen(
        command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    try:
        yield running
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
        running.communicate()


def state(warehouse: Warehouse) -> dict[str, object]:
    return {mart: (warehouse.rows(mart), warehouse.built_at(mart)) for mart in MARTS}


def test_two_builds_at_once_end_as_one(warehouse: Warehouse) -> None:
    warehouse.flag(week.sessions(), week.events(), transactions=week.transactions())
    with process(warehouse, "one", "run") as one, process(warehouse, "two", "run") as two:
        for each in (one, two):
            output, _ = each.communicate(timeout=300)
            assert each.returncode == 0, output
    for mart in MARTS:
        assert warehouse.rows(mart) == warehouse.expected(mart), mart
    before = state(warehouse)
    warehouse.build()
    assert state(warehouse) == before


def test_a_build_killed_in_the_middle_of_a_model_leaves_the_previous_state(warehouse: Warehouse) -> None:
    warehouse.flag(week.sessions(), week.events(), transactions=week.transactions())
    warehouse.build()
    before = state(warehouse)
    warehouse.flag(
        [Session("late", START, "u1", "gold", purchases=1, total_spent=Decimal("10.01"))],
        [Event("late", "late", "purchase", START, "u1", "p1", "10.01")],
    )
    other = warehouse.endpoint.connect(database="ECOMMERCE_DW", schema=None, role="SYSADMIN")
    with other, other.cursor() as cursor:
        # A build waits for the row of its model, within its transaction, until it is killed.
        cursor.execute("BEGIN")
        cursor.execute("UPDATE ops.model_builds SET built_at = built_at WHERE model LIKE 'mart%'")
        with process(warehouse, "killed", "run") as running:
            deadline = time.monotonic() + 240
            waiting = "SELECT COUNT(*) FROM ops.model_builds WHERE model = 'int_user_days' AND version >= 2"
            while warehouse.execute(waiting) == [(0,)]:
                assert running.poll() is None, "the build ended before the marts"
                assert time.monotonic() < deadline, "the build did not reach the marts"
                time.sleep(0.2)
            time.sleep(1)
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()
        cursor.execute("ROLLBACK")
    assert state(warehouse) == before
    warehouse.build()
    for mart in MARTS:
        assert warehouse.rows(mart) == warehouse.expected(mart), mart


def test_another_definition_rebuilds_what_depends_on_it_and_says_so(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    warehouse.flag(
        [Session("a", START, "u1", "gold"), Session("bot", START + timedelta(days=1), "u2", "gold", is_bot=True)],
        [Event("a", "a", "purchase", START, "u1", "p1", "10.00")],
    )
    warehouse.build()
    assert (DAY + timedelta(days=1), "gold") not in warehouse.rows("daily_metrics")
    before = warehouse.built_at("daily_speed_comparable")
    capsys.readouterr()
    succeeded(warehouse.dbt("run", "--select", "+marts", "--vars", "{include_bots: true}", quiet=False))
    assert "mart_daily_metrics: its definition or a variable changed" in capsys.readouterr().out
    assert warehouse.rows("daily_metrics")[DAY + timedelta(days=1), "gold"]["sessions"] == 1
    values = "{clv_active_days: {bronze: 1, silver: 1, gold: 1, platinum: 1, unknown: 1}}"
    succeeded(warehouse.dbt("run", "--select", "+marts", "--vars", values))
    assert warehouse.rows("daily_metrics")[DAY, "gold"]["customer_lifetime_value"] == Decimal("10.00")
    warehouse.build()
    assert warehouse.rows("daily_metrics") == warehouse.expected("daily_metrics")
    assert before.keys() == warehouse.built_at("daily_speed_comparable").keys()
