"""The marts after dbt has run: right, rebuilt by affected date, untouched where nothing changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import pytest
from dbt.cli.main import dbtRunnerResult

from local_stack.laptop_dbt import LaptopDbt
from local_stack.programs import Programs
from monitoring import dbt_trace
from monitoring.traces import Step
from tests.dbt import independent_metrics, week
from tests.dbt.staged_rows import Event, Session, Transaction
from tests.dbt.warehouse import MARTS, Kept, Warehouse, failures, nodes, succeeded
from tests.dbt_environment import PROJECT, environment, parsed_project

pytestmark = pytest.mark.integration

DAY = date(2024, 1, 17)
BATCH, *OTHER_BATCHES = (f"{digit * 8}-d0a2-5d4b-9fa1-649f58d4dbbc" for digit in "2134")
SESSION_MARTS = ("daily_metrics", "user_tier_analytics", "daily_totals")


# Starts on the day, and is moved to the day before by one test.
MOVED = Session("moved", datetime(2024, 1, 17, 0, 0, 1), "mover", "gold")
Value = TypeVar("Value")


@dataclass(frozen=True)
class WeekBuild:
    """Hold what `dbt build` of the week gave, tests and unit tests included. noted: ops.dbt_runs after it; traced: its trace."""

    result: dbtRunnerResult
    noted: list[tuple[Any, ...]]
    traced: tuple[Step, list[Step], str | None]
    kept: Kept


@pytest.fixture(scope="module")
def week_build(built_warehouse: Warehouse) -> WeekBuild:
    built_warehouse.clear()
    built_warehouse.flag([*week.sessions(), MOVED], week.events())
    built_warehouse.execute("DELETE FROM ops.dbt_runs")
    # The later one is taken into STAGING after the run has begun.
    built_warehouse.execute(
        "INSERT INTO ops.batches (batch_id, contract_version, mode, manifest, published_at, loaded_at, flagged_at)"
        " SELECT b.id, 1, 'incremental', OBJECT_CONSTRUCT(), '2024-01-15', '2024-01-15', b.flagged_at::TIMESTAMP_NTZ FROM"
        f" VALUES ('{OTHER_BATCHES[0]}', '2024-01-17'), ('{BATCH}', '2024-01-18'), ('{OTHER_BATCHES[1]}', '2100-01-01'),"
        f" ('{OTHER_BATCHES[2]}', NULL) AS b (id, flagged_at)"
    )
    result = succeeded(built_warehouse.dbt("build"))
    noted = built_warehouse.execute(
        "SELECT node, materialization, status, seconds >= 0, invocation_id FROM ops.dbt_runs"
    )
    left = json.loads((built_warehouse.scratch / "target" / "run_results.json").read_text(encoding="utf-8"))
    traced = dbt_trace.told(Step("dbt build", 0, 1, True), left)
    return WeekBuild(result, noted, traced, built_warehouse.keep("after_the_week"))


@pytest.fixture
def built_week(built_warehouse: Warehouse, week_build: WeekBuild) -> Warehouse:
    """The warehouse as it was when the week had been built."""
    built_warehouse.bring_back(week_build.kept)
    return built_warehouse


def rebuilt(before: dict[tuple[date, str | None], object], after: dict[tuple[date, str | None], object]) -> set[date]:
    """Dates with a row that was built anew, went or came."""
    return {key[0] for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


def test_build_is_green_and_the_marts_equal_an_independent_computation(
    built_week: Warehouse, week_build: WeekBuild
) -> None:
    kinds = {node.node.resource_type for node in nodes(week_build.result)}
    assert {"model", "test", "unit_test"} <= kinds
    # What became of each is noted for monitoring, under one invocation.
    executed = [each for each in nodes(week_build.result) if each.node.resource_type in ("model", "test", "unit_test")]
    noted = week_build.noted
    assert sorted((node, status) for node, _, status, _, _ in noted) == sorted(
        (each.node.name, str(each.status)) for each in executed
    )
    assert {("mart_daily_metrics", "incremental"), ("stg_events_cleaned", "view")} <= {row[:2] for row in noted}
    assert {row[3] for row in noted} == {True}
    assert len({row[4] for row in noted}) == 1
    # And told a collector of traces, with the newest batch that the run could see.
    whole, stages, batch_id = week_build.traced
    assert batch_id == BATCH
    assert {each.node.name for each in executed} <= {stage.name for stage in stages}
    (daily,) = (stage for stage in stages if stage.name == "mart_daily_metrics")
    assert daily.told.items() >= {"kind": "model", "status": "success"}.items()
    assert isinstance(daily.told["query_id"], str)
    assert whole.told["success"] == sum(str(each.status) == "success" for each in nodes(week_build.result))
    for mart in MARTS:
        assert built_week.rows(mart) == built_week.expected(mart), mart
        assert len(built_week.rows(mart)) >= 7, mart


def test_building_again_touches_no_row_and_a_full_refresh_gives_the_same_rows(warehouse: Warehouse) -> None:
    warehouse.flag(week.sessions(), week.events(), transactions=week.transactions())
    warehouse.build()
    for mart in MARTS:
        assert warehouse.rows(mart) == warehouse.expected(mart), mart
    first = {mart: (warehouse.rows(mart), warehouse.built_at(mart)) for mart in MARTS}
    with warehouse.statements() as statements:
        warehouse.build(views=True)
    assert first == {mart: (warehouse.rows(mart), warehouse.built_at(mart)) for mart in MARTS}
    assert [text for text in statements if "comment on view" in text]
    assert not [text for text in statements if "comment on table" in text or "alter table" in text]
    warehouse.execute("COMMENT ON TABLE marts.daily_totals IS 'another one'")
    warehouse.execute("COMMENT ON COLUMN marts.daily_totals.orders IS 'another one'")
    warehouse.build("--full-refresh", views=True)
    for node in parsed_project(warehouse.environment, warehouse.scratch).nodes.values():
        if node.resource_type == "model" and node.config.materialized != "ephemeral":
            described = {column.name.upper(): column.description for column in node.columns.values()}
            assert warehouse.comments(node) == described | {"": node.description}, node.name
    for mart in MARTS:
        assert warehouse.rows(mart) == first[mart][0], mart
        assert not warehouse.built_at(mart).items() & first[mart][1].items(), mart


def test_late_rows_rebuild_exactly_the_dates_they_touch(built_week: Warehouse) -> None:
    before = {mart: built_week.built_at(mart) for mart in MARTS}
    late = datetime(2024, 1, 17, 12, 30)
    built_week.flag(
        sessions=[Session("late", late, "u1", "gold", purchases=1, total_spent=Decimal("10.01"))],
        events=[Event("late", "late", "purchase", late, "u1", "p1", "10.01")],
    )
    built_week.build()
    for mart in MARTS:
        assert built_week.rows(mart) == built_week.expected(mart), mart
    # His history changes on every later date on which he is active.
    active = {row[0] for row in built_week.execute("SELECT date FROM staging.int_user_days WHERE user_id = 'u1'")}
    for mart in SESSION_MARTS:
        assert rebuilt(before[mart], built_week.built_at(mart)) == {day for day in active if day >= DAY}, mart
    assert rebuilt(before["daily_speed_comparable"], built_week.built_at("daily_speed_comparable")) == {DAY}
    # A product view of the day before may end in a late event of this day.
    assert rebuilt(before["product_performance"], built_week.built_at("product_performance")) == {
        DAY - timedelta(days=1),
        DAY,
    }


def test_a_session_that_moves_to_another_day_rebuilds_both(built_week: Warehouse) -> None:
    before = built_week.built_at("daily_metrics")
    built_week.flag([replace(MOVED, session_start=datetime(2024, 1, 16, 23, 59, 59))])
    built_week.build()
    assert rebuilt(before, built_week.built_at("daily_metrics")) == {DAY - timedelta(days=1), DAY}
    assert built_week.rows("daily_metrics") == built_week.expected("daily_metrics")


def test_a_date_that_becomes_empty_loses_its_rows_and_no_other_date_does(built_week: Warehouse) -> None:
    before = {mart: built_week.built_at(mart) for mart in MARTS}
    built_week.flag(
        gone_sessions=[s.session_id for s in built_week.sessions.values() if s.date == DAY],
        gone_events=[e.event_id for e in built_week.events.values() if e.date == DAY],
    )
    built_week.build()
    for mart in MARTS:
        rows = built_week.rows(mart)
        assert rows == built_week.expected(mart), mart
        assert rows, mart
        assert DAY not in {key[0] for key in rows}, mart
    assert rebuilt(before["daily_speed_comparable"], built_week.built_at("daily_speed_comparable")) == {DAY}

    succeeded(built_week.dbt("test", "--select", "test_type:singular"))
    emptied = {mart: built_week.built_at(mart) for mart in MARTS}
    built_week.build()
    assert emptied == {mart: built_week.built_at(mart) for mart in MARTS}


@dataclass(frozen=True)
class Round:
    """Hold the rows of every mart after a build, and what they should be."""

    rows: dict[str, independent_metrics.Rows]
    expected: dict[str, independent_metrics.Rows]


@pytest.fixture(scope="module")
def rounds(built_warehouse: Warehouse) -> list[Round]:
    """Two builds of three tests' rows, which are months apart and share no user."""
    built_warehouse.clear()
    found = []
    for sessions, events in (
        ([TURNING, *UNTIERED], [TURNING_EVENT, VIEW, Event("other", "x", "product_view", NEXT_DAY, None, "p2")]),
        (
            [replace(TURNING, is_valid=False)],
            [replace(TURNING_EVENT, is_valid=False), Event("next", "s", "page_view", AFTER_MIDNIGHT, "viewer")],
        ),
    ):
        built_warehouse.flag(sessions, events)
        built_warehouse.build()
        rows, expected = (
            {mart: read(mart) for mart in MARTS} for read in (built_warehouse.rows, built_warehouse.expected)
        )
        found.append(Round(rows, expected))
    return found


def of_day(rows: Mapping[tuple[date, str | None], Value], day: date) -> dict[tuple[date, str | None], Value]:
    return {key: value for key, value in rows.items() if key[0] == day}


TURNING = Session("a", datetime(2024, 1, 17, 10), "u1", "gold")
TURNING_EVENT = Event("a", "a", "product_view", datetime(2024, 1, 17, 10), "u1", "p1")


def test_a_row_that_turns_invalid_leaves_the_marts(rounds: list[Round]) -> None:
    first, second = rounds
    assert all(of_day(first.rows[mart], DAY) for mart in MARTS)
    assert [mart for mart in MARTS if of_day(second.rows[mart], DAY)] == ["daily_speed_comparable"]
    assert second.rows["daily_speed_comparable"] == second.expected["daily_speed_comparable"]


UNTIERED_DAY = date(2024, 5, 17)
UNTIERED = (
    Session("b", datetime(2024, 5, 17, 10), "cents", None, purchases=1, total_spent=Decimal("1.00")),
    Session("c", datetime(2024, 5, 17, 10), "cent", None, purchases=1, total_spent=Decimal("1.01")),
    Session("d", datetime(2024, 5, 17, 10), None, "gold", purchases=2, total_spent=Decimal("90071992547409.93")),
)


def test_no_tier_is_a_group_and_half_cents_round_away_from_zero(rounds: list[Round]) -> None:
    rows = rounds[0].rows["daily_metrics"]
    assert rows[UNTIERED_DAY, None]["revenue_per_user"] == Decimal("1.01")  # 2.01 / 2
    # More cents than a double holds; revenue of guests is nobody's.
    assert rows[UNTIERED_DAY, "gold"]["revenue"] == Decimal("90071992547409.93")
    assert rows[UNTIERED_DAY, "gold"]["revenue_per_user"] == 0
    assert rows == rounds[0].expected["daily_metrics"]


VIEW = Event("view", "s", "product_view", datetime(2024, 9, 16, 23, 59, 50), "viewer", "p1")
NEXT_DAY, AFTER_MIDNIGHT = datetime(2024, 9, 17, 12), datetime(2024, 9, 17, 0, 0, 5, 500_000)


def test_a_late_event_after_midnight_ends_the_view_of_the_day_before(rounds: list[Round]) -> None:
    first, second = (each.rows["product_performance"] for each in rounds)
    key = (VIEW.date, "p1")
    assert first[key]["avg_view_duration_seconds"] is None
    assert second[key]["avg_view_duration_seconds"] == Decimal("15.5")
    assert second == rounds[1].expected["product_performance"]


@pytest.fixture(scope="module")
def small_shop(built_warehouse: Warehouse) -> Kept:
    """Two days with a purchase and a return, built."""
    start = datetime(2024, 1, 17, 10)
    built_warehouse.clear()
    built_warehouse.flag(
        [Session("a", start, "u1", None), Session("b", start + timedelta(days=1), "u1", "gold")],
        [
            Event("a", "a", "product_view", start, "u1", "p1"),
            Event("b", "a", "purchase", start, "u1", "p1", "9.99", transaction_id="t1"),
        ],
        transactions=[
            Transaction("t1", "p1", start, 1, Decimal("10.00"), Decimal("1.00"), Decimal("1.01")),
            Transaction("r1", "p1", start, quantity=-1, total_amount=Decimal("-9.99"), user_id="u1"),
        ],
    )
    built_warehouse.build()
    return built_warehouse.keep("a_small_shop")


@pytest.mark.parametrize(
    ("damage", "failing"),
    [
        ("DELETE FROM marts.daily_metrics WHERE date = '2024-01-17'", "test_daily_metrics_completeness"),
        ("UPDATE marts.daily_metrics SET revenue = revenue + 0.01", "test_daily_metrics_totals"),
        ("DELETE FROM marts.user_tier_analytics", "test_user_tier_analytics_matches_daily_metrics"),
        ("UPDATE marts.product_performance SET views = views + 1", "test_product_performance_totals"),
        ("UPDATE marts.daily_totals SET unique_users = unique_users + 1", "test_daily_totals_add_up"),
        ("DELETE FROM marts.daily_speed_comparable WHERE user_tier = 'gold'", "test_speed_comparable_totals"),
        ("UPDATE staging.int_order_lines SET gross_amount = 0", "test_order_lines_totals"),
        ("UPDATE staging.int_order_lines SET transaction_total = 1", "test_orders_agree_with_transactions"),
        (
            "UPDATE staging.int_order_lines SET status = 'Refunded', is_cancelled = line_kind = 'sale'",
            "test_refunds_counted_twice",
        ),
        ("DELETE FROM ops.date_changes WHERE dataset = 'user_events'", "test_ledger_covers_staging"),
        ("UPDATE staging.user_sessions_enhanced SET user_tier = 'diamond'", "test_business_rules"),
        ("UPDATE staging.user_sessions_enhanced SET session_duration_minutes = 1441", "test_business_rules"),
        ("UPDATE staging.user_sessions_enhanced SET total_spent = -1", "test_business_rules"),
        (
            "INSERT INTO marts.daily_metrics SELECT * FROM marts.daily_metrics WHERE user_tier IS NULL",
            "unique_combination_mart_daily_metrics_date__user_tier",
        ),
    ],
)
def test_each_check_fails_on_what_it_is_for(
    built_warehouse: Warehouse, small_shop: Kept, damage: str, failing: str
) -> None:
    built_warehouse.bring_back(small_shop)
    built_warehouse.execute(damage)
    result = built_warehouse.dbt("test", "--select", failing)
    assert not result.success
    assert set(failures(result)) == {failing}


def test_what_discount_and_tax_explain_is_listed_and_no_warning(built_warehouse: Warehouse, small_shop: Kept) -> None:
    built_warehouse.bring_back(small_shop)
    check = ("--select", "test_orders_agree_with_transactions")
    succeeded(built_warehouse.dbt("test", *check))
    (listed,) = nodes(succeeded(built_warehouse.dbt("show", *check)))
    assert [tuple(row)[1:] for row in listed.agate_table.rows] == [("discount and tax", True, 1, Decimal("-0.01"))]


def test_docs_and_freshness(warehouse: Warehouse, tmp_path: Path) -> None:
    succeeded(warehouse.dbt("docs", "generate"))
    warehouse.flag(week.sessions(count=3), week.events(count=3))
    for table in ("staging.events_cleaned", "staging.user_sessions_enhanced"):
        warehouse.execute(
            f"UPDATE {table} SET processed_at = CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ"
        )
    succeeded(warehouse.dbt("source", "freshness"))
    warehouse.execute("UPDATE ops.date_changes SET changed_at = '2020-01-01'::TIMESTAMP_NTZ")
    stale = warehouse.dbt("source", "freshness")
    assert not stale.success
    assert set(failures(stale)) == {"date_changes"}
    folders = {"DBT_PROJECT_DIR": str(PROJECT), "DBT_PROFILES_DIR": str(PROJECT)}
    with environment({}):
        laptop = LaptopDbt(Programs(tmp_path), warehouse.environment | folders, tmp_path)
        assert laptop.stale_sources() == ["ops.date_changes of 2020-01-01 00:00"]
        warehouse.execute("UPDATE ops.date_changes SET changed_at = CURRENT_TIMESTAMP()::TIMESTAMP_NTZ")
        assert laptop.stale_sources() == []
