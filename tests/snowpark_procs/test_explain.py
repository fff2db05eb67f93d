"""recon.explain finds what was planted, nothing else, and its parts add up to the recorded differences."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from tests.snowpark_procs.batches import BatchOptions, Row, at, publish_snapshot
from tests.snowpark_procs.conftest import Warehouse
from tests.snowpark_procs.planted import (
    DAY,
    FLAWS,
    SUMS,
    Part,
    Planted,
    allowed_until,
    brings,
    build,
    explained,
    joined,
    of_day,
    planted,
    split,
    stage,
    visit,
)

pytestmark = pytest.mark.integration


def test_each_cause_alone(warehouse: Warehouse) -> None:
    """A day for each: the flaw is found, and nothing else."""
    flaws = {DAY + timedelta(days=n): flaw for n, flaw in enumerate(FLAWS)}
    visits = {day: [of_day(visit(number, day), str(day.day)) for number in range(6)] for day in flaws}
    stage(warehouse, [row for rows in visits.values() for row in rows])
    expected = {}
    for day, flaw in flaws.items():
        speed, expected[day] = planted(visits[day], {f"session-3-{day.day}": flaw})
        publish_snapshot(warehouse.s3_root, str(day), speed)
    warehouse.call("recon.reconcile_range()")
    for day, flaw in flaws.items():
        found, differences, rest = explained(warehouse, day, reconcile=False)
        assert (found, rest) == (expected[day], {}), flaw
        assert {cell: value for cell, value in differences.items() if value} == joined(*expected[day].values())
    rows_of = warehouse.query("SELECT DISTINCT date, cause, session_id, user_id FROM recon.explanations")
    assert {row[:2] for row in rows_of} == {(day, cause) for day, causes in expected.items() for cause in causes}
    assert all(row[2].startswith(f"session-3-{row[0].day}") and row[3] == f"user-3-{row[0].day}" for row in rows_of)


def test_extra_late_another_day_and_rejected(warehouse: Warehouse) -> None:
    day, day_before, day_after = date(2024, 1, 31), date(2024, 1, 30), date(2024, 2, 1)
    # One session lasts beyond midnight: the day is over, and the session may still come.
    late_one = visit(3, day, session_start=at(f"{day} 22:30:00"), session_end=at(f"{day_after} 05:00:00"))
    elsewhere, here = visit(5, day_before), visit(7, day)
    rejected = visit(9, day, page_views=-1)
    stage(warehouse, [visit(1, day), late_one, elsewhere, here, rejected])
    valid = warehouse.query("SELECT session_id FROM staging.user_sessions_enhanced WHERE NOT is_valid")
    assert valid == [("session-9",)]
    moved = {**elsewhere, "session_start": at(f"{day} 00:10:00")}
    extra = visit(11, day)
    publish_snapshot(warehouse.s3_root, str(day), [visit(1, day), moved, extra, {**extra}, rejected])
    publish_snapshot(warehouse.s3_root, str(day_before), [{**here, "session_start": at(f"{day_before} 23:50:00")}])
    warehouse.call(f"recon.reconcile_day('{day_before}')")
    copied = {cell: value for cell, value in brings(extra).items() if cell[1] in SUMS}
    expected = {
        "day_differs": joined(brings(moved), brings(here, -1)),
        "extra_in_speed": brings(extra),
        "duplicated_in_speed": copied,
        "rejected_by_rule": brings(rejected),
    }
    with allowed_until(warehouse, f"{day_after} 02:00:00"):
        found, _, rest = explained(warehouse, day)
        assert (found, rest) == ({**expected, "late_in_speed": brings(late_one, -1)}, {})
        details = dict(
            warehouse.query("SELECT DISTINCT session_id, detail FROM recon.explanations WHERE detail IS NOT NULL")
        )
        assert details["session-5"] == f"batch {day_before}"
        assert details["session-7"] == f"speed {day_before}"
        assert "negative" in details["session-9"]
    # The same comparison is explained anew: its time has passed, and the day before has another snapshot.
    lost_ones = joined(brings(late_one, -1), brings(here, -1))
    publish_snapshot(warehouse.s3_root, str(day_before), [elsewhere], extracted_at="2024-02-01T02:00:00Z")
    assert warehouse.call("recon.reconcile_pending()")["explained"] == 1
    found, _, rest = explained(warehouse, day, reconcile=False)
    assert (found, rest) == ({**expected, "day_differs": brings(moved), "lost_in_speed": lost_ones}, {})
    assert warehouse.call("recon.reconcile_pending()")["explained"] == 0


def test_a_split_is_found_beside_other_faults_of_the_user_and_whatever_is_measured(warehouse: Warehouse) -> None:
    """A user's session is cut, another one is lost, and two become one; the pauses between parts are no part of a session."""
    row = "'minutes', 'sum', 'DATEDIFF(''minute'', session_start, session_end)', 'minutes', 'How long', 99"
    warehouse.query(f"INSERT INTO recon.metrics SELECT {row}")
    warehouse.query("ALTER TABLE marts.daily_speed_comparable ADD COLUMN minutes NUMBER(38, 0)")
    try:
        whole, gone, morning, noon = (visit(number, user_id="user-1", user_tier="gold") for number in (1, 5, 9, 11))
        stage(warehouse, [whole, gone, morning, noon])
        warehouse.query(
            "UPDATE marts.daily_speed_comparable SET minutes = (SELECT SUM(DATEDIFF('minute', session_start, session_end)) "
            "FROM staging.user_sessions_enhanced)"
        )
        (first, second), _, _ = split(whole)
        parts = [
            {**first, "session_end": whole["session_start"] + timedelta(minutes=10)},
            {**second, "session_start": whole["session_end"] - timedelta(minutes=10)},
        ]
        merged = {**noon, **{column: morning[column] + noon[column] for column in SUMS.values()}}
        merged["session_start"] = morning["session_start"]
        publish_snapshot(warehouse.s3_root, DAY.isoformat(), [*parts, merged])
        found, _, rest = explained(warehouse)
        of_gone = {cell: value for cell, value in brings(gone, -1).items() if cell[1] != "unique_users"}
        assert (found, rest) == (
            {
                "lost_in_speed": {**of_gone, ("gold", "minutes"): Decimal(-60)},
                "session_split_or_merged": {
                    ("gold", "converting_sessions"): Decimal(-1),
                    ("gold", "minutes"): Decimal(-40 + 182 - 120),
                },
            },
            {},
        )
    finally:
        warehouse.query("DELETE FROM recon.metrics WHERE metric = 'minutes'")
        warehouse.query("ALTER TABLE marts.daily_speed_comparable DROP COLUMN minutes")


def test_what_the_batch_side_has_not_taken_in_yet(warehouse: Warehouse) -> None:
    rows = [visit(number) for number in range(4)]
    stage(warehouse, rows)
    days = BatchOptions(published_at="2024-02-02T00:00:00Z", affected_dates=[str(DAY)])
    grown = {**rows[1], "page_views": 50, "event_count": 9}
    warehouse.publish(sessions=[visit(5), grown], name="not built", options=days)
    warehouse.call("ops.load_pending()")
    warehouse.call("ops.flag_quality()")
    flagging = warehouse.publish(sessions=[visit(7)], name="not flagged", options=days)
    warehouse.call("ops.load_pending()")
    waiting = warehouse.publish(sessions=[visit(9)], name="not loaded", options=days)
    speed = [rows[0], grown, *rows[2:], visit(5), visit(7), visit(9), visit(11)]
    publish_snapshot(warehouse.s3_root, str(DAY), speed)
    found, _, rest = explained(warehouse)
    assert rest == {}
    assert found == {
        "not_yet_built": joined(brings(visit(5)), {(rows[1]["user_tier"], "page_views"): Decimal(47)}),
        "not_yet_flagged": brings(visit(7)),
        "not_yet_loaded": brings(visit(9)),
        "extra_in_speed": brings(visit(11)),
    }
    details = dict(
        warehouse.query("SELECT DISTINCT cause, detail FROM recon.explanations WHERE cause LIKE 'not_yet_%ed'")
    )
    assert (details["not_yet_flagged"], details["not_yet_loaded"]) == (flagging, waiting)


def test_what_the_marts_held_of_a_session_that_has_changed_since(warehouse: Warehouse) -> None:
    """A session is rejected since the build, one is valid since, and one has grown, each in a tier of its own.

    An identifier came back five days later, before the build: STAGING keeps its earlier session, and so did the marts.
    Then the rules change, which touches no RAW; and RAW is purged: what it alone could tell is said of the cell.
    """
    negative: dict[str, Any] = {"page_views": -1}
    rows = [visit(0), visit(1), {**visit(2), **negative}, visit(3), visit(4)]
    days_before = DAY - timedelta(days=5)
    earlier = BatchOptions(published_at="2024-01-31T00:00:00Z", affected_dates=[str(days_before)])
    warehouse.publish(sessions=[visit(6, days_before)], name="earlier", options=earlier)
    stage(warehouse, [*rows, visit(6)])
    now = [rows[0], {**rows[1], **negative}, visit(2), {**rows[3], "page_views": 50}, rows[4]]
    since = [{**row, "event_count": 9} for row in now[1:4]]
    later = BatchOptions(published_at="2024-02-02T00:00:00Z", affected_dates=[str(DAY)])
    warehouse.publish(sessions=since, name="since", options=later)
    warehouse.call("ops.load_pending()")
    warehouse.call("ops.flag_quality()")
    publish_snapshot(warehouse.s3_root, str(DAY), now)
    found, _, rest = explained(warehouse)
    grown: dict[Part, Decimal] = {("gold", "page_views"): Decimal(45)}
    not_built = joined(brings(visit(1), -1), brings(visit(2)), grown)
    assert (found, rest) == ({"rejected_by_rule": brings(now[1]), "not_yet_built": not_built}, {})
    sessions = "SELECT DISTINCT session_id FROM recon.explanations WHERE cause = 'not_yet_built' ORDER BY 1"
    assert warehouse.query(sessions) == [("session-1",), ("session-2",), ("session-3",)]

    build(warehouse)
    rule = "UPDATE ops.quality_rules SET enabled = {} WHERE dataset = 'sessions' AND code = 'negative_count'"
    try:
        warehouse.query(rule.format("FALSE"))
        warehouse.call("ops.reflag()")
        found, _, rest = explained(warehouse)
        assert (found, rest) == ({"not_yet_built": brings(now[1])}, {})
    finally:
        warehouse.query(rule.format("TRUE"))
    warehouse.call("ops.reflag()")
    build(warehouse)
    warehouse.query("UPDATE ops.batches SET flagged_at = DATEADD('day', -40, flagged_at)")
    assert warehouse.call("ops.purge_raw(30)")["rows"]["user_sessions"] == 10
    last = BatchOptions(published_at="2024-02-03T00:00:00Z", affected_dates=[str(DAY)])
    more = {**rows[4], "page_views": 20, "event_count": 9}
    warehouse.publish(sessions=[more], name="after the purge", options=last)
    warehouse.call("ops.load_pending()")
    warehouse.call("ops.flag_quality()")
    publish_snapshot(warehouse.s3_root, str(DAY), [*now[:4], more], extracted_at="2024-02-03T02:00:00Z")
    found, _, rest = explained(warehouse)
    grown = {("silver", "page_views"): Decimal(14)}
    assert (found, rest) == ({"rejected_by_rule": brings(now[1]), "not_yet_built": grown}, {})
    unknown = "SELECT session_id, detail FROM recon.explanations WHERE run_id = '{}' AND cause = 'not_yet_built'"
    run_id = warehouse.one("SELECT run_id FROM recon.latest_runs")
    ((session_id, detail),) = warehouse.query(unknown.format(run_id))
    assert session_id is None
    assert detail.startswith("RAW of ")
    assert detail.endswith(" was purged")


def test_sessions_that_differ_in_form_only_are_paired_in_the_same_order_on_both_sides(warehouse: Warehouse) -> None:
    """Each is its own pair, also where one is copied, and where the first one differs in a value."""
    days = [DAY, DAY + timedelta(days=1)]
    twins = [
        [{**visit(n, day), "session_id": f"{form}-{day.day}", "user_tier": "gold"} for n, form in ((1, "A"), (4, "a"))]
        for day in days
    ]
    stage(warehouse, [row for pair in twins for row in pair])
    warehouse.query("UPDATE marts.daily_speed_comparable SET sessions = 1")
    (first, second), (grown, other) = twins
    speed = [[first, second, first], [{**grown, "page_views": 9}, other]]
    copied = {cell: value for cell, value in brings(first).items() if cell[1] in SUMS}
    expected: list[Planted] = [
        {"duplicated_in_speed": copied},
        {"value_differs": {("gold", "page_views"): Decimal(6)}},
    ]
    for day, of_speed, causes in zip(days, speed, expected, strict=True):
        publish_snapshot(warehouse.s3_root, str(day), of_speed)
        found, _, rest = explained(warehouse, day)
        assert (found, rest) == (causes, {})


def test_users_are_a_set(warehouse: Warehouse) -> None:
    # One user, two sessions of a tier: with one of them lost the user is still there; with both he is not.
    rows = [visit(number, user_id=f"user-{number // 2}", user_tier="gold") for number in range(4)]
    stage(warehouse, rows)
    publish_snapshot(warehouse.s3_root, str(DAY), rows[:1])
    found, _, rest = explained(warehouse)
    assert rest == {}
    assert found["lost_in_speed"][("gold", "sessions")] == -3
    assert found["lost_in_speed"][("gold", "unique_users")] == -1
    users = "SELECT user_id, speed_value, batch_value FROM recon.explanations WHERE metric = 'unique_users'"
    assert warehouse.query(users) == [("user-1", 0, 1)]


def test_what_no_session_explains_is_unexplained(warehouse: Warehouse) -> None:
    rows = [visit(number) for number in range(3)]
    stage(warehouse, rows)
    warehouse.query("UPDATE marts.daily_speed_comparable SET searches = searches + 7 WHERE user_tier = 'gold'")
    publish_snapshot(warehouse.s3_root, str(DAY), rows)
    found, _, rest = explained(warehouse)
    assert (found, rest) == ({}, {("gold", "searches"): Decimal(-7)})


def test_a_hundred_days_at_random(warehouse: Warehouse) -> None:
    """Each day with flaws of its own or none: no alarm without, no silence with; some are explained, as planted."""
    random = Random(7)
    days = [date(2024, 1, 1) + timedelta(days=n) for n in range(100)]
    by_day: dict[date, list[Row]] = {}
    for number, day in enumerate(days):
        by_day[day] = [of_day(visit(n, day), str(number)) for n in range(random.randint(1, 9))]
    stage(warehouse, [row for rows in by_day.values() for row in rows], published_at="2024-06-01T00:00:00Z")
    expected: dict[date, Planted] = {}
    for day, rows in by_day.items():
        hit = [row["session_id"] for row in rows if random.random() < 0.3] if random.random() < 0.7 else []
        speed, expected[day] = planted(rows, {session_id: random.choice(FLAWS) for session_id in hit})
        extras = [
            {**visit(100 + n, day), **dict.fromkeys(("session_id", "user_id"), f"extra-{day}-{n}")}
            for n in range(random.choice([0, 0, 2]))
        ]
        if extras:
            expected[day]["extra_in_speed"] = joined(*map(brings, extras))
        publish_snapshot(warehouse.s3_root, str(day), [*speed, *extras], extracted_at="2024-06-01T01:00:00Z")
    warehouse.call("recon.reconcile_range()")
    found: dict[date, dict[Part, Decimal]] = {day: {} for day in days}
    for day, tier, metric, difference in warehouse.query(
        "SELECT date, user_tier, metric, difference FROM recon.latest_results WHERE difference <> 0"
    ):
        found[day][tier, metric] = difference
    assert found == {day: joined(*parts.values()) for day, parts in expected.items()}
    verdicts = dict(warehouse.query("SELECT date, verdict FROM recon.latest_runs"))
    assert {day for day, verdict in verdicts.items() if verdict == "agree"} == {d for d in days if not found[d]}
    for day in days[::10]:
        causes, _, rest = explained(warehouse, day, reconcile=False)
        assert (causes, rest) == (expected[day], {}), day
