"""Builds that meet, that are killed, that start from another definition, and how much one reads."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from snowflake.connector.cursor import SnowflakeCursor

from benchmarks.scans import ProfiledEndpoint
from tests.conftest import endpoint_folder
from tests.dbt import week
from tests.dbt.staged_rows import Event, Session, Transaction
from tests.dbt.warehouse import MARTS, Warehouse, succeeded
from tests.dbt_environment import PROJECT

pytestmark = pytest.mark.integration

DAY = date(2024, 1, 17)
START = datetime(2024, 1, 17, 10)
YEAR = (
    """INSERT INTO staging.events_cleaned (event_id, session_id, user_id, event_type, timestamp, product_id, transaction_id,
        properties_parsed, is_valid, is_bot_traffic, is_test_user)
    SELECT 'e' || n, 's' || FLOOR(n / 3), 'u' || MOD(FLOOR(n / 3), 999), IFF(MOD(n, 40) = 0, 'purchase', 'product_view'),
        DATEADD('second', n * 144, '2023-01-01'::TIMESTAMP_NTZ), 'p' || MOD(n, 50), IFF(MOD(n, 40) = 0, 't' || n, NULL),
        PARSE_JSON('{"amount": 2}'), TRUE, FALSE, FALSE
    FROM (SELECT SEQ8() AS n FROM TABLE(GENERATOR(ROWCOUNT => 219000)))""",
    """INSERT INTO staging.user_sessions_enhanced (session_id, user_id, user_tier, session_start, session_end, event_count,
        page_views, product_views, searches, add_to_cart_events, purchases, total_spent, is_valid, is_bot_traffic, is_test_user)
    SELECT 's' || n, 'u' || MOD(n, 999), 'gold', DATEADD('second', n * 432, '2023-01-01'::TIMESTAMP_NTZ),
        DATEADD('second', n * 432 + 288, '2023-01-01'::TIMESTAMP_NTZ), 3, 0, 3, 0, 0, 0, 0, TRUE, FALSE, FALSE
    FROM (SELECT SEQ8() AS n FROM TABLE(GENERATOR(ROWCOUNT => 73000)))""",
    """INSERT INTO ops.date_changes (change_id, dataset, date, batch_id, changed_at)
    SELECT 1, datasets.name, DATEADD('day', days.n, '2023-01-01'::DATE), 'year', '2024-01-01'::TIMESTAMP_NTZ
    FROM (SELECT SEQ8() AS n FROM TABLE(GENERATOR(ROWCOUNT => 365))) AS days
    CROSS JOIN (VALUES ('user_events'), ('user_sessions')) AS datasets (name)""",
)
NEW_ORDER = (
    """INSERT INTO staging.events_cleaned (event_id, session_id, user_id, event_type, timestamp, product_id, transaction_id,
        properties_parsed, is_valid, is_bot_traffic, is_test_user)
    SELECT 'new', 'new', 'u7', 'purchase', '2023-12-31 12:00:00'::TIMESTAMP_NTZ, 'p1', 'new', PARSE_JSON('{"amount": 5}'),
        TRUE, FALSE, FALSE""",
    """INSERT INTO ops.date_changes (change_id, dataset, date, batch_id, changed_at)
    SELECT 2, 'user_events', '2023-12-31'::DATE, 'new', '2024-01-01'::TIMESTAMP_NTZ""",
)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[ProfiledEndpoint]:
    """An endpoint that tells what its statements read, with row groups as small as DuckDB has them."""
    with endpoint_folder() as folder:
        running = ProfiledEndpoint(folder / "warehouse", folder / "s3", row_group=2048)
        running.start()
        yield running
        running.stop(signal.SIGKILL)  # nothing of it is kept


@contextlib.contextmanager
def process(warehouse: Warehouse, name: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A dbt of its own over the warehouse; killed at the end, if it still runs. It takes over what has been parsed."""
    folder = warehouse.scratch / name
    folder.mkdir()
    parsed = warehouse.scratch / "target" / "partial_parse.msgpack"
    if parsed.exists():
        shutil.copy(parsed, folder)
    command = [str(Path(sys.executable).with_name("dbt")), *arguments, "--project-dir", str(PROJECT)]
    command += ["--profiles-dir", str(PROJECT), "--target-path", str(folder), "--log-path", str(folder)]
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


def test_an_order_that_changes_while_it_is_looked_for_waits_for_the_next_build(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look-up of an order's dates and the build of its lines, a batch brings a part of one of another date."""
    days = [START + timedelta(days=number) for number in range(2)]
    known = Event("known", None, "purchase", days[0], "u1", "p1", "10.00", transaction_id="order")
    warehouse.flag(events=[known])
    warehouse.build()
    warehouse.flag(events=[Event("other", None, "purchase", days[1], "u1", "p1", "1.00")])
    late = Event("late", None, "purchase", days[1], "u1", "p1", "5.00", transaction_id="order")
    execute = SnowflakeCursor.execute

    def executed(cursor: SnowflakeCursor, sql: str, *arguments: Any, **options: Any) -> Any:
        found = execute(cursor, sql, *arguments, **options)
        if "lines.first_date" in sql and "late" not in warehouse.events:
            warehouse.flag(events=[late])
        return found

    monkeypatch.setattr(SnowflakeCursor, "execute", executed)
    lines = "SELECT order_id, product_id, gross_amount FROM staging.int_order_lines ORDER BY 1"
    warehouse.build()
    assert "late" in warehouse.events
    assert warehouse.execute(lines) == [("order", "p1", Decimal("10.00"))]
    warehouse.build()
    assert warehouse.execute(lines) == [("event:other", "p1", Decimal("1.00")), ("order", "p1", Decimal("15.00"))]
    for mart in MARTS:
        assert warehouse.rows(mart) == warehouse.expected(mart), mart


def test_another_definition_rebuilds_what_depends_on_it_and_says_so(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    midnight = datetime(2024, 1, 18)
    warehouse.flag(
        [Session("a", START, "u1", "gold"), Session("bot", START + timedelta(days=1), "u2", "gold", is_bot=True)],
        [
            Event("a", "a", "purchase", START, "u1", "p1", "10.00"),
            Event("seen", "night", "product_view", midnight - timedelta(seconds=0.9), product_id="p2"),
            Event("b", None, "purchase", START, "u3", "p3", "7.00", transaction_id="b"),
        ],
        transactions=[Transaction("b", "p3", START, 1, Decimal("7.00"), status="")],
    )
    warehouse.build()
    assert (DAY + timedelta(days=1), "gold") not in warehouse.rows("daily_metrics")
    before = warehouse.built_at("daily_speed_comparable")
    capsys.readouterr()
    values = "include_bots: true, view_idle_minutes: 0.5"
    succeeded(warehouse.dbt("run", "--select", "+marts", "--vars", f"{{{values}}}", quiet=False))
    assert "mart_daily_metrics: its definition or a variable changed" in capsys.readouterr().out
    assert warehouse.rows("daily_metrics")[DAY + timedelta(days=1), "gold"]["sessions"] == 1
    warehouse.flag(events=[Event("left", "night", "page_view", midnight + timedelta(seconds=0.1))])
    values += ", cancelled_statuses: [], clv_active_days: {bronze: 1, silver: 1, gold: 1, platinum: 1, unknown: 1}"
    succeeded(warehouse.dbt("run", "--select", "+marts", "--vars", f"{{{values}}}"))
    assert warehouse.rows("daily_metrics")[DAY, "gold"]["customer_lifetime_value"] == Decimal("10.00")
    assert warehouse.rows("product_performance")[DAY, "p2"]["avg_view_duration_seconds"] == Decimal("1.0000")
    line = "SELECT status, is_cancelled, net_amount FROM staging.int_order_lines WHERE order_id = 'b'"
    assert warehouse.execute(line) == [(None, False, Decimal("7.00"))]
    warehouse.build(views=True)
    assert warehouse.rows("daily_metrics") == warehouse.expected("daily_metrics")
    assert warehouse.built_at("daily_speed_comparable") == before


def rows_read(endpoint: ProfiledEndpoint, warehouse: Warehouse) -> Counter[str]:
    """Build; the rows of the row groups that the build touched, by table."""
    endpoint.forget()
    warehouse.build()
    read: Counter[str] = Counter()
    for statement in endpoint.statements():
        for scan in statement["scans"]:
            read[scan["table"]] += scan["touched"]
    return read


def test_an_order_on_the_newest_date_leaves_the_year_unread(warehouse: Warehouse, endpoint: ProfiledEndpoint) -> None:
    for statement in YEAR:
        warehouse.execute(statement)
    whole = rows_read(endpoint, warehouse)
    for statement in NEW_ORDER:
        warehouse.execute(statement)
    read = rows_read(endpoint, warehouse)
    assert read["staging.int_order_lines"], "something was built"
    assert warehouse.rows("daily_totals")[date(2023, 12, 31), None]["orders"] == 16
    # A date is less than a row group here, of which there are 36 of sessions and user days, 14 of order lines.
    assert read["staging.events_cleaned"] < 0.02 * whole["staging.events_cleaned"]
    assert read.total() < 0.04 * whole.total(), (whole, read)
