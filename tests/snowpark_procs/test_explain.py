"""recon.explain finds what was planted, nothing else, and its parts add up to the recorded differences."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from snowflake.connector.errors import ProgrammingError
from snowflake.snowpark import Session
from snowflake.snowpark.exceptions import SnowparkSQLException

from local_stack.endpoint.features.procedures.python.telemetry import Recorder
from snowpark_procs.explain import explain
from snowpark_procs.reconcile_days import reconcile_range
from tests.snowpark_procs.batches import BatchOptions, Row, at, publish_snapshot, session
from tests.snowpark_procs.conftest import DATABASE, Warehouse

pytestmark = pytest.mark.integration

DAY = date(2024, 1, 15)
Part = tuple[str | None, str]  # a cell: tier, metric
Planted = dict[str, dict[Part, Decimal]]  # cause -> cell -> its part of the difference
SUMS = {
    "page_views": "page_views",
    "product_views": "product_views",
    "searches": "searches",
    "add_to_cart_events": "add_to_cart_events",
    "purchases": "purchases",
    "revenue": "total_spent",
}
# What the marts hold of the staged sessions, written from docs/metrics.md.
MART = """
INSERT INTO marts.daily_speed_comparable (
    date, user_tier, sessions, page_views, product_views, searches, add_to_cart_events, purchases, revenue, unique_users,
    converting_sessions, change_id
)
SELECT
    TO_DATE(session_start), NULLIF(user_tier, ''), COUNT(*), SUM(page_views), SUM(product_views), SUM(searches),
    SUM(add_to_cart_events), SUM(purchases), SUM(total_spent), COUNT(DISTINCT NULLIF(user_id, '')), COUNT_IF(purchases > 0), 1
FROM staging.user_sessions_enhanced
WHERE is_valid
GROUP BY 1, 2
"""
BUILT = (
    "UPDATE ops.model_builds SET watermarks = OBJECT_CONSTRUCT('user_sessions', (SELECT MAX(change_id) "
    "FROM ops.date_changes)) WHERE model = 'mart_daily_speed_comparable'"
)


def visit(number: int, day: date = DAY, **columns: Any) -> Row:
    """A session of a user of its own, with numbers that tell it from others."""
    start = f"{day} {number % 20:02d}:{number % 60:02d}:00"
    row = {
        "user_id": f"user-{number}",
        "user_tier": ("gold", "silver", None)[number % 3],
        "session_end": at(f"{day} {number % 20 + 1:02d}:{number % 60:02d}:00"),
        "page_views": number + 2,
        "product_views": number % 4,
        "searches": number % 3,
        "add_to_cart_events": number % 2,
        "purchases": number % 2,
        "total_spent": Decimal(number % 2) * (Decimal("10.01") + number),
        **columns,
    }
    return session(f"session-{number}", start, **row)


def of_day(row: Row, mark: str) -> Row:
    """The same of another session and user."""
    return {**row, **{name: f"{row[name]}-{mark}" for name in ("session_id", "user_id")}}


def build(warehouse: Warehouse) -> None:
    warehouse.query("DELETE FROM marts.daily_speed_comparable")
    warehouse.query(MART)
    warehouse.query(BUILT)


def stage(
    warehouse: Warehouse, sessions: Sequence[Row], name: str = "all", published_at: str = "2024-02-01T00:00:00Z"
) -> str:
    days = sorted({str(row["session_start"].date()) for row in sessions})
    options = BatchOptions(published_at=published_at, affected_dates=days)
    batch_id = warehouse.publish(sessions=sessions, name=name, options=options)
    warehouse.call("ops.load_pending()")
    warehouse.call("ops.flag_quality()")
    build(warehouse)
    return batch_id


def brings(row: Row, sign: int = 1) -> dict[Part, Decimal]:
    """What one session of a user of its own brings to the cells of its tier."""
    tier = row["user_tier"] or None
    counts = {metric: Decimal(row[column]) for metric, column in SUMS.items()}
    counts |= {"sessions": Decimal(1), "unique_users": Decimal(bool(row["user_id"]))}
    counts["converting_sessions"] = Decimal(row["purchases"] > 0)
    return {(tier, metric): sign * value for metric, value in counts.items() if value}


def joined(*parts: dict[Part, Decimal]) -> dict[Part, Decimal]:
    total: dict[Part, Decimal] = defaultdict(Decimal)
    for part in parts:
        for cell, value in part.items():
            total[cell] += value
    return {cell: value for cell, value in total.items() if value}


def explained(
    warehouse: Warehouse, day: date = DAY, *, reconcile: bool = True
) -> tuple[Planted, dict[Part, Decimal], dict[Part, Decimal]]:
    """Reconcile and explain the day: the parts by cause, the recorded differences, and what is left unexplained."""
    if reconcile:
        warehouse.call(f"recon.reconcile_day('{day}')")
    answer = warehouse.call(f"recon.explain('{day}')")
    found: Planted = defaultdict(dict)
    differences, rest = {}, {}
    for cell in answer["cells"]:
        key = (cell["user_tier"], cell["metric"])
        differences[key] = Decimal(str(cell["difference"]))
        if cell["unexplained"]:
            rest[key] = Decimal(str(cell["unexplained"]))
        total = sum((Decimal(str(cause["difference"])) for cause in cell["causes"]), Decimal(0))
        assert total == Decimal(str(cell["explained"]))
        assert total + rest.get(key, Decimal(0)) == differences[key]
        for cause in cell["causes"]:
            found[cause["cause"]][key] = Decimal(str(cause["difference"]))
    return {cause: joined(parts) for cause, parts in found.items()}, differences, rest


# Each flaw: from the staged session, the speed layer's rows in its place, the cause, and its parts.
Flaw = tuple[list[Row], str, dict[Part, Decimal]]


def lost(row: Row) -> Flaw:
    return [], "lost_in_speed", brings(row, -1)


@contextmanager
def allowed_until(warehouse: Warehouse, end: str) -> Iterator[None]:
    """Let what ended before that moment have had its time, and what ended later not."""
    setting = "UPDATE recon.settings SET value = %s WHERE name = 'allowed_lateness_hours'"
    before = warehouse.one("SELECT value FROM recon.settings WHERE name = 'allowed_lateness_hours'")
    warehouse.query(setting, f"{(datetime.now(UTC) - at(end)) / timedelta(hours=1):f}")
    yield
    warehouse.query(setting, before)


def duplicated(row: Row) -> Flaw:
    return (
        [row, dict(row)],
        "duplicated_in_speed",
        {cell: value for cell, value in brings(row).items() if cell[1] in SUMS},
    )


def duplicated_in_another_form(row: Row) -> Flaw:
    twin = {**row, "session_id": row["session_id"].upper()}
    return [row, twin], "identifier_form", {cell: value for cell, value in brings(row).items() if cell[1] in SUMS}


def value_differs(row: Row) -> Flaw:
    more = {**row, "page_views": row["page_views"] + 3, "total_spent": row["total_spent"] - Decimal("0.99")}
    tier = row["user_tier"]
    return [more], "value_differs", {(tier, "page_views"): Decimal(3), (tier, "revenue"): Decimal("-0.99")}


def tier_differs(row: Row) -> Flaw:
    moved = {**row, "user_tier": "platinum"}
    return [moved], "tier_differs", joined(brings(moved), brings(row, -1))


def split(row: Row) -> Flaw:
    first = {**row, "page_views": 1, "product_views": 0, "purchases": 0, "total_spent": Decimal("0.00")}
    columns = {column: row[column] - first[column] for column in SUMS.values()}
    second = {**row, **columns, "session_id": f"{row['session_id']}-second"}
    tier = row["user_tier"]
    return [first, second], "session_split_or_merged", {(tier, "sessions"): Decimal(1)}


FLAWS: list[Callable[[Row], Flaw]] = [
    lost, duplicated, duplicated_in_another_form, value_differs, tier_differs, split,
]  # fmt: skip


def planted(rows: Iterable[Row], flaws: dict[str, Callable[[Row], Flaw]]) -> tuple[list[Row], Planted]:
    """The speed layer's rows, and the parts of the difference by cause."""
    speed: list[Row] = []
    parts: Planted = defaultdict(dict)
    for row in rows:
        flaw = flaws.get(row["session_id"])
        if flaw is None:
            speed.append(row)
            continue
        instead, cause, part = flaw(row)
        speed += instead
        parts[cause] = joined(parts[cause], part)
    return speed, {cause: part for cause, part in parts.items() if part}


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


def test_one_cell_and_wrong_arguments(warehouse: Warehouse) -> None:
    rows = [visit(number) for number in range(6)]
    with pytest.raises(ProgrammingError, match=r"2024-01-15 was never compared: CALL recon\.reconcile_day"):
        warehouse.call(f"recon.explain('{DAY}')")
    stage(warehouse, rows)
    publish_snapshot(warehouse.s3_root, str(DAY), rows[:-1])
    warehouse.call(f"recon.reconcile_day('{DAY}')")
    answer = warehouse.call(f"recon.explain('{DAY}', NULL, 'page_views')")
    assert {
        name: answer[name] for name in ("user_tier", "metric", "difference", "explained", "unexplained", "causes")
    } == {
        "user_tier": None,
        "metric": "page_views",
        "difference": -7,
        "explained": -7,
        "unexplained": 0,
        "causes": [{"cause": "lost_in_speed", "sessions": 1, "difference": -7}],
    }
    assert warehouse.call(f"recon.explain('{DAY}', '', 'page_views')") == answer
    assert len(warehouse.call(f"recon.explain('{DAY}', '*', 'page_views')")["cells"]) == 3
    before = warehouse.contents()
    warehouse.call(f"recon.explain('{DAY}')")
    assert warehouse.contents() == before
    for arguments, sentence in (
        (
            "'brass'",
            r"user_tier: the comparison has no 'brass'; it has 'gold', 'silver', NULL \(no tier\), and '\*' for all",
        ),
        ("'gold', 'profit'", "metric: the comparison has no 'profit'; it has 'sessions', 'page_views'"),
        ("'gold', NULL", "metric: the comparison has no NULL"),
    ):
        with pytest.raises(ProgrammingError, match=sentence):
            warehouse.call(f"recon.explain('{DAY}', {arguments})")
    # What has changed since is not explained: a newer snapshot, and then newer marts.
    publish_snapshot(warehouse.s3_root, str(DAY), rows, extracted_at="2024-02-01T02:00:00Z")
    for change in (None, "UPDATE marts.daily_speed_comparable SET page_views = page_views + 1"):
        if change:
            warehouse.call(f"recon.reconcile_day('{DAY}')")
            warehouse.query(change)
        with pytest.raises(ProgrammingError, match=r"have changed since its newest comparison: reconcile again"):
            warehouse.call(f"recon.explain('{DAY}')")


def test_the_hourly_comparison_explains_what_disagrees_and_the_alert_says_why(warehouse: Warehouse) -> None:
    rows = [visit(number) for number in range(6)]
    stage(warehouse, rows)
    publish_snapshot(warehouse.s3_root, str(DAY), [{**rows[0], "page_views": 9}, *rows[1:3]])
    assert warehouse.call("recon.reconcile_pending()")["explained"] == 1
    assert warehouse.call("recon.reconcile_pending()")["explained"] == 0
    warehouse.query("UPDATE recon.runs SET compared_at = DATEADD('hour', -49, compared_at)")
    causes = "SELECT user_tier, detail:causes::STRING FROM ops.due_alerts ORDER BY user_tier"
    assert warehouse.query(causes) == [
        ("gold", "lost_in_speed 1, value_differs 1"),
        ("silver", "lost_in_speed 1"),
        (None, "lost_in_speed 1"),
    ]


def test_what_no_session_explains_is_unexplained(warehouse: Warehouse) -> None:
    rows = [visit(number) for number in range(3)]
    stage(warehouse, rows)
    warehouse.query("UPDATE marts.daily_speed_comparable SET searches = searches + 7 WHERE user_tier = 'gold'")
    publish_snapshot(warehouse.s3_root, str(DAY), rows)
    found, _, rest = explained(warehouse)
    assert (found, rest) == ({}, {("gold", "searches"): Decimal(-7)})


class DoomedSession:
    """A session of a procedure that is aborted from outside before its `nth` statement that begins with `text`."""

    def __init__(self, warehouse: Warehouse, text: str, nth: int) -> None:
        self.warehouse, self.text, self.left = warehouse, text, nth
        self.connection = warehouse.endpoint.connect(database=DATABASE, schema="OPS", paramstyle="qmark")
        self.session = Session.builder.configs({"connection": self.connection}).create()

    def sql(self, text: str, params: Any = None) -> Any:
        self.left -= text.startswith(self.text)
        if not self.left:
            self.left = -1
            self.warehouse.query(f"SELECT SYSTEM$ABORT_SESSION({self.connection.session_id})")
        return self.session.sql(text, params=params)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.session, name)


def test_a_run_that_dies_leaves_nothing_half_done_and_the_next_one_makes_it_good(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the end of each transaction of a comparison, after the last one, and at the end of that of a renewed explanation."""
    monkeypatch.setitem(sys.modules, "snowflake.telemetry", Recorder({}).module())  # which only handlers find

    def dies(
        work: Callable[..., Any], nth: int, text: str = "INSERT INTO ops.step_runs"
    ) -> dict[str, list[tuple[Any, ...]]]:
        doomed = DoomedSession(warehouse, text, nth)
        with pytest.raises(SnowparkSQLException):
            work(doomed, DAY, *([DAY] if work is reconcile_range else []))
        doomed.connection.close(retry=False)
        return warehouse.contents()

    rows = [visit(number) for number in range(6)]
    stage(warehouse, rows)
    publish_snapshot(warehouse.s3_root, str(DAY), rows[:-1])
    assert explained(warehouse)[0] == {"lost_in_speed": brings(rows[-1], -1)}
    publish_snapshot(warehouse.s3_root, str(DAY), rows[1:], extracted_at="2024-02-01T02:00:00Z")
    before = warehouse.contents()
    assert dies(reconcile_range, 1) == before
    loaded = dies(reconcile_range, 2)
    verdicts = ("recon.runs", "recon.results", "recon.explanations", "recon.explained_runs")
    assert [loaded[table] for table in verdicts] == [before[table] for table in verdicts]
    done = dies(reconcile_range, 1, "SELECT\n    TO_CHAR(runs.date")
    assert len(done["recon.runs"]) == 2
    assert warehouse.call(f"recon.reconcile_range('{DAY}', '{DAY}')")["new_runs"] == 0
    expected = {"lost_in_speed": brings(rows[0], -1)}
    assert explained(warehouse, reconcile=False)[0] == expected
    # Another day's snapshot may hold the session: it is explained anew.
    publish_snapshot(warehouse.s3_root, str(DAY + timedelta(days=1)), rows[:1])
    warehouse.call(f"recon.load_speed_snapshot('{DAY + timedelta(days=1)}')")
    before = warehouse.contents()
    assert dies(explain, 1) == before
    assert explained(warehouse, reconcile=False)[0] == {"day_differs": expected["lost_in_speed"]}
    assert warehouse.counts()["recon.explained_runs"] == warehouse.counts()["recon.runs"] == 2


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
