"""recon.* on the local endpoint, held to the pure rules of the package reconcile."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from random import Random

import pytest
from snowflake.connector import DictCursor
from snowflake.connector.errors import ProgrammingError

from tests.reconcile.comparison.rules import NAMES, GroupValues, SpeedSession, compare, group_sessions
from tests.snowpark_procs.batches import BatchOptions, Row, at, event, publish_snapshot, session, transaction
from tests.snowpark_procs.conftest import Warehouse

pytestmark = pytest.mark.integration

DAY = date(2024, 1, 15)


def mart(
    warehouse: Warehouse, day: date, tier: str | None, sessions: int, views: int, purchases: int, money: str
) -> None:
    warehouse.query(
        "INSERT INTO marts.daily_speed_comparable (date, user_tier, sessions, page_views, purchases, revenue, unique_users, "
        "change_id) SELECT %s::DATE, %s, %s, %s, %s, %s::NUMBER(38, 2), 1, 1",
        day.isoformat(),
        tier,
        sessions,
        views,
        purchases,
        money,
    )


def speed(session_id: str, tier: str | None, views: int, purchases: int, money: str, day: date = DAY) -> Row:
    return session(
        session_id, f"{day} 10:00:00", user_tier=tier, page_views=views, purchases=purchases, total_spent=Decimal(money)
    )


def test_every_status_and_the_verdict(warehouse: Warehouse) -> None:
    mart(warehouse, DAY, "gold", 2, 100, 0, "10.00")
    mart(warehouse, DAY, "silver", 1, 1, 1, "1.00")
    rows = [speed("a", "gold", 100, 1, "5.10"), speed("b", "gold", 4, 0, "4.90"), speed("c", None, 1, 0, "0.00")]
    publish_snapshot(warehouse.s3_root, DAY.isoformat(), rows)
    summary = warehouse.call(f"recon.reconcile_day('{DAY}')")
    assert (summary["verdict"], summary["new_run"], summary["cells"], summary["bad_cells"]) == (
        "disagree",
        True,
        27,
        20,
    )
    results = warehouse.query("SELECT user_tier, metric, status, difference FROM recon.latest_results ORDER BY 1, 2")
    assert ("gold", "page_views", "within_tolerance", Decimal(4)) in results
    assert ("gold", "purchases", "out_of_tolerance", Decimal(1)) in results
    assert ("gold", "revenue", "match", Decimal(0)) in results
    assert ("silver", "revenue", "missing_in_speed", Decimal(-1)) in results
    assert (None, "sessions", "missing_in_batch", Decimal(1)) in results


def test_without_a_snapshot_there_was_nothing_to_compare(warehouse: Warehouse) -> None:
    mart(warehouse, DAY, "gold", 1, 1, 0, "0.00")
    assert warehouse.call(f"recon.reconcile_day('{DAY}')")["verdict"] == "nothing_to_compare"
    assert warehouse.query("SELECT * FROM recon.convergence") == []


def test_the_same_inputs_are_no_new_run_and_changed_ones_are(warehouse: Warehouse) -> None:
    mart(warehouse, DAY, "gold", 1, 1, 0, "0.00")
    first = publish_snapshot(warehouse.s3_root, DAY.isoformat(), [speed("a", "gold", 9, 0, "0.00")])
    warehouse.call(f"recon.reconcile_day('{DAY}')")
    before = warehouse.contents()
    assert warehouse.call(f"recon.reconcile_day('{DAY}')")["new_run"] is False
    assert warehouse.call("recon.reconcile_range()")["new_runs"] == 0
    assert warehouse.contents() == before

    good = [speed("a", "gold", 1, 0, "0.00")]
    publish_snapshot(warehouse.s3_root, DAY.isoformat(), good, extracted_at="2024-02-01T02:00:00Z")
    assert warehouse.call(f"recon.reconcile_day('{DAY}')")["verdict"] == "agree"
    assert warehouse.query("SELECT user_tier, runs, state FROM recon.convergence") == [("gold", 2, "converged")]

    # The speed layer goes back to its earlier content: the same snapshot again, a run of its own.
    again = publish_snapshot(
        warehouse.s3_root, DAY.isoformat(), [speed("a", "gold", 9, 0, "0.00")], extracted_at="2024-02-01T03:00:00Z"
    )
    assert again == first
    summary = warehouse.call(f"recon.reconcile_day('{DAY}')")
    assert (summary["verdict"], summary["new_run"], summary["extraction_id"]) == ("disagree", True, first)
    assert warehouse.query("SELECT page_views FROM recon.speed_sessions") == [(9,)]
    assert warehouse.query("SELECT user_tier, runs, state FROM recon.convergence") == [("gold", 3, "regressed")]


def test_a_snapshot_that_breaks_its_promise_is_not_loaded(warehouse: Warehouse) -> None:
    publish_snapshot(warehouse.s3_root, DAY.isoformat(), [speed("a", "gold", 1, 0, "1.00")])
    manifest = next((warehouse.landing / "_speed_manifests").rglob("*.json"))
    manifest.write_text(manifest.read_text().replace('"1.00"', '"1.01"'))
    with pytest.raises(ProgrammingError, match=r"speed_sessions: sum of money expected 1\.01, found 1\.00"):
        warehouse.call(f"recon.load_speed_snapshot('{DAY}')")
    assert warehouse.counts()["recon.speed_sessions"] == 0


def test_an_empty_snapshot_makes_all_missing_in_speed(warehouse: Warehouse) -> None:
    mart(warehouse, DAY, "gold", 1, 1, 0, "0.00")
    publish_snapshot(warehouse.s3_root, DAY.isoformat(), [])
    assert warehouse.call(f"recon.reconcile_day('{DAY}')")["verdict"] == "disagree"
    assert warehouse.query("SELECT DISTINCT status FROM recon.results") == [("missing_in_speed",)]


def test_a_range_equals_the_pure_rules(warehouse: Warehouse) -> None:
    random = Random(7)
    tiers = ["gold", "silver", "", None]
    counts = ("page_views", "product_views", "searches", "add_to_cart_events", "purchases")
    batch: list[GroupValues] = []
    speeds: list[SpeedSession] = []
    for offset in range(4):
        day = DAY + timedelta(days=offset)
        rows = []
        for number in range(random.randint(1, 8)):
            row = session(
                random.choice(["s{}", " S{}"]).format(number % 5),
                f"{day} 10:00:00",
                user_id=random.choice(["u1", "U1 ", "u2", "", None]),
                user_tier=random.choice(tiers),
                total_spent=Decimal("7.35"),
                **{name: random.randint(0, 3) for name in counts},
            )
            rows.append(row)
            shared = ("session_id", "user_id", "user_tier", "total_spent", *counts)
            speeds.append(SpeedSession(date=day, **{name: row[name] for name in shared}))
        publish_snapshot(warehouse.s3_root, day.isoformat(), rows)
        for tier in random.sample(["gold", "silver", None], 2):
            numbers = [random.choice([1, 2, 30]), random.choice([0, 1, 2, 30]), random.choice([0, 1, 2, 30])]
            mart(warehouse, day, tier, numbers[0], numbers[1], numbers[2], "14.70")
            given = dict(zip(("sessions", "page_views", "purchases"), map(Decimal, numbers), strict=True))
            batch.append(
                GroupValues(
                    day,
                    tier,
                    {
                        **dict.fromkeys(NAMES, Decimal(0)),
                        **given,
                        "revenue": Decimal("14.70"),
                        "unique_users": Decimal(1),
                    },
                )
            )
    summary = warehouse.call(f"recon.reconcile_range('{DAY}', '{DAY + timedelta(days=3)}')")
    assert (summary["days"], summary["new_runs"]) == (4, 4)
    expected = {
        (r.date, r.user_tier, r.metric.name): (
            r.speed_value,
            r.batch_value,
            r.difference,
            r.relative_difference,
            r.status.value,
        )
        for r in compare(group_sessions(speeds), batch)
    }
    found = {
        row[:3]: row[3:]
        for row in warehouse.query(
            "SELECT date, user_tier, metric, speed_value, batch_value, difference, relative_difference, status "
            "FROM recon.latest_results"
        )
    }
    assert found == expected


def test_impossible_arguments_are_refused(warehouse: Warehouse) -> None:
    with pytest.raises(ProgrammingError, match="from_date 2024-01-16 is after to_date 2024-01-15"):
        warehouse.call("recon.reconcile_range('2024-01-16', '2024-01-15')")


HOSTILE = {
    "DATE_INPUT_FORMAT": "MM/DD/YYYY",
    "DATE_OUTPUT_FORMAT": "DD.MM.YYYY",
    "TIMESTAMP_INPUT_FORMAT": "MM/DD/YYYY HH24:MI",
    "TIMESTAMP_OUTPUT_FORMAT": "DD.MM.YYYY",
    "TIMESTAMP_NTZ_OUTPUT_FORMAT": "DD.MM.YYYY",
}
_OF_THE_CLOCK = {
    *("processed_at", "loaded_at", "flagged_at", "changed_at", "started_at", "finished_at", "compared_at", "set_at"),
    *("applied_at", "duration_ms", "load_seconds", "refused_at", "explained_at"),
}


def after_every_procedure(warehouse: Warehouse, parameters: dict[str, str]) -> dict[str, list[str]]:
    """What all tables hold when each procedure was called under these session parameters, without what the clock gives."""
    for number, day in enumerate((DAY, DAY + timedelta(days=1))):
        start = f"{day} 10:00:00"
        shop = session("s1", start, session_end=at(f"{day} 10:05:00"), purchases=1, total_spent=Decimal("5.00"))
        warehouse.publish(
            events=[event(f"e{number}", "s1", start), event("again", "s1", start, properties='{"is_test": true}')],
            transactions=[transaction(f"t{number}", "p", start, "5.00")],
            sessions=[shop, session(None, start)],
            name=f"hostile {number}",
            options=BatchOptions(f"2024-02-0{number + 1}T00:00:00.5Z", scope={"user_events": "dates"}),
        )
        publish_snapshot(warehouse.s3_root, day.isoformat(), [speed("s1", "gold", 1, 1, "4.00", day)])
    publish_snapshot(warehouse.s3_root, "2024-01-20", [speed("s2", "gold", 1, 1, "4.00", date(2024, 1, 20))])
    (torn,) = (warehouse.landing / "_speed_manifests" / "2024-01-20").glob("*.json")
    torn.write_text("{")
    first, last = (f"DATE_FROM_PARTS(2024, 1, {day})" for day in (15, 16))
    calls = [
        "ops.load_pending()",
        "ops.set_threshold('bot_min_requests', 31)",
        "ops.set_rule('events', 'missing_user_id', FALSE)",
        "ops.flag_quality()",
        f"ops.reflag({first}, {last})",
        f"recon.set_tolerance('revenue', 0, 0.25, '*', {first}, {last})",
        f"recon.load_speed_snapshot({first})",
        "recon.reconcile_pending()",
        f"recon.reconcile_range({first}, {last})",
        f'recon.reconcile_day({last}, PARSE_JSON(\'{{"*": {{"absolute": 1}}}}\'))',
        f"recon.explain({first})",
        "ops.set_threshold('bot_min_requests', 30)",
        "ops.set_rule('events', 'missing_user_id', TRUE)",
    ]
    mart(warehouse, DAY, "gold", 1, 1, 1, "5.00")
    for name, value in parameters.items():
        warehouse.query(f"ALTER SESSION SET {name} = '{value}'")
    try:
        for number, call in enumerate(calls):
            if parameters and number:  # a load refuses a zone in which the lake's times would shift
                warehouse.query("ALTER SESSION SET TIMEZONE = 'America/Los_Angeles'")
            warehouse.call(call)
    finally:
        for name in parameters:
            warehouse.query(f"ALTER SESSION UNSET {name}")
        warehouse.query("ALTER SESSION SET TIMEZONE = 'UTC'")
    found = {}
    for table in (*warehouse.contents(), "recon.tolerances"):
        with warehouse.connection.cursor(DictCursor) as cursor:
            rows = [{**row} for row in cursor.execute(f"SELECT * FROM {table}").fetchall()]
        left_out = {*_OF_THE_CLOCK, *(("run_id",) if table == "ops.step_runs" else ())}
        found[table] = sorted(str({k: v for k, v in row.items() if k.lower() not in left_out}) for row in rows)
    warehouse.query("DELETE FROM recon.tolerances WHERE valid_from = DATE_FROM_PARTS(2024, 1, 15)")
    return found


def test_no_format_or_zone_of_the_caller_changes_what_a_procedure_writes(warehouse: Warehouse) -> None:
    """A procedure with owner's rights inherits these parameters.

    See: https://docs.snowflake.com/en/developer-guide/stored-procedure/stored-procedures-rights
    """
    usual = after_every_procedure(warehouse, {})
    warehouse.reset()
    assert after_every_procedure(warehouse, HOSTILE) == usual
    wrote = (
        "raw.user_events",
        "staging.user_sessions_enhanced",
        "ops.date_changes",
        "recon.runs",
        "recon.explanations",
    )
    assert all(usual[table] for table in (*wrote, "recon.refused_snapshots"))
