"""Whether a day is ready to be judged, within which limits, by which metrics; and how its verdicts converge and alert."""

from __future__ import annotations

import json
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from snowflake.connector.errors import ProgrammingError

from tests.snowpark_procs.batches import BatchOptions, Row, publish_snapshot, session
from tests.snowpark_procs.conftest import Warehouse

pytestmark = pytest.mark.integration

DAY = date(2024, 1, 15)
USER = "6f1c6d40-0000-4000-8000-000000000001"
BUILT = (
    "UPDATE ops.model_builds SET watermarks = OBJECT_CONSTRUCT('user_sessions', (SELECT MAX(change_id) "
    "FROM ops.date_changes)) WHERE model = 'mart_daily_speed_comparable'"
)


def mart(warehouse: Warehouse, tier: str | None, day: date = DAY, **columns: Any) -> None:
    row = {"sessions": 1, "page_views": 1, "unique_users": 1, **columns}
    warehouse.query(
        f"INSERT INTO marts.daily_speed_comparable (date, user_tier, change_id, {', '.join(row)}) "
        f"SELECT %s::DATE, %s, 1{', %s' * len(row)}",
        day.isoformat(),
        tier,
        *row.values(),
    )


def speed(session_id: str = "a", day: date = DAY, **columns: Any) -> Row:
    return session(session_id, f"{day} 10:00:00", **columns)


def alerted(warehouse: Warehouse, alert: str, events: int) -> None:
    """Run the alert, which Snowflake does behind the caller's back, until so many events are there."""
    warehouse.query(f"EXECUTE ALERT ops.a_{alert}")
    for _ in range(300):
        if warehouse.one("SELECT COUNT(*) FROM ops.alert_events") == events:
            return
        time.sleep(0.1)
    raise AssertionError(f"alert {alert} did not bring {events} events")


def verdict(warehouse: Warehouse, day: date = DAY) -> tuple[str, str | None]:
    summary = warehouse.call(f"recon.reconcile_day('{day}')")
    return summary["verdict"], summary["waits_for"]


def test_a_day_is_not_ready_until_its_batch_is_loaded_flagged_and_built(warehouse: Warehouse) -> None:
    publish_snapshot(warehouse.s3_root, DAY.isoformat(), [speed()])
    # The speed layer alone has the day, and no batch was ever published.
    assert verdict(warehouse) == ("not_ready", "not_published")
    cells = "SELECT metric, status FROM recon.latest_results ORDER BY 1"
    assert ("sessions", "missing_in_batch") in warehouse.query(cells)

    options = BatchOptions(affected_dates=[DAY.isoformat()])
    batch = warehouse.publish(sessions=[speed()], options=options)
    assert verdict(warehouse) == ("not_ready", f"not_loaded {batch}, not_published")
    # A session that has an event on the day may have begun the day before; one of the day after may not.
    for day, waits in ((DAY - timedelta(days=1), True), (DAY + timedelta(days=1), False)):
        publish_snapshot(warehouse.s3_root, day.isoformat(), [speed(day=day)])
        assert (f"not_loaded {batch}" in (verdict(warehouse, day)[1] or "")) is waits
    warehouse.call("ops.load_pending()")
    assert verdict(warehouse) == ("not_ready", f"not_flagged {batch}")
    warehouse.call("ops.flag_quality()")
    change = warehouse.one("SELECT MAX(change_id) FROM ops.date_changes")
    assert verdict(warehouse) == ("not_ready", f"not_built {change}")
    mart(warehouse, "gold")
    warehouse.query(BUILT)
    assert verdict(warehouse) == ("agree", None)
    assert warehouse.query("SELECT date, user_tier, runs, state FROM recon.convergence") == [
        (DAY, "gold", 1, "converged")
    ]
    # The day after is all here, and the batch side has nothing of it.
    assert verdict(warehouse, DAY + timedelta(days=1)) == ("disagree", None)


def test_a_day_that_is_not_over_waits_and_the_future_is_refused(warehouse: Warehouse) -> None:
    now = datetime.now(UTC)
    today = now.date()
    mart(warehouse, "gold", today)
    publish_snapshot(warehouse.s3_root, today.isoformat(), [speed(day=today)], f"{now:%Y-%m-%dT%H:%M:%SZ}")
    assert verdict(warehouse, today) == ("not_ready", "day_not_over, extracted_before_the_end")
    for procedure in ("reconcile_day", "explain", "load_speed_snapshot"):
        with pytest.raises(ProgrammingError, match=f"date: {today + timedelta(days=1)} has not begun yet"):
            warehouse.call(f"recon.{procedure}('{today + timedelta(days=1)}')")
    with pytest.raises(ProgrammingError, match=f"to_date: {today + timedelta(days=2)} has not begun yet"):
        warehouse.call(f"recon.reconcile_range('{today}', '{today + timedelta(days=2)}')")
    # The same content, found again after the day's end, is the whole day.
    mart(warehouse, "gold", DAY - timedelta(days=1))
    for moment in (f"{DAY - timedelta(days=1)}T23:40:00Z", f"{now:%Y-%m-%dT%H:%M:%SZ}"):
        ended = publish_snapshot(
            warehouse.s3_root, str(DAY - timedelta(days=1)), [speed(day=DAY - timedelta(days=1))], moment
        )
        judged = verdict(warehouse, DAY - timedelta(days=1))
        assert judged == (("not_ready", "extracted_before_the_end") if "T23:40" in moment else ("agree", None))
    assert warehouse.query("SELECT extraction_id FROM recon.speed_extractions WHERE date < %s", DAY.isoformat()) == [
        (ended,)
    ]
    # How long after its end is data.
    three_days_ago = today - timedelta(days=3)
    mart(warehouse, "gold", three_days_ago)
    publish_snapshot(
        warehouse.s3_root, three_days_ago.isoformat(), [speed(day=three_days_ago)], f"{now:%Y-%m-%dT%H:%M:%SZ}"
    )
    assert verdict(warehouse, three_days_ago) == ("agree", None)
    setting = "UPDATE recon.settings SET value = {} WHERE name = 'allowed_lateness_hours'"
    before = warehouse.one("SELECT value FROM recon.settings WHERE name = 'allowed_lateness_hours'")
    try:
        warehouse.query(setting.format(24 * 5))
        assert verdict(warehouse, three_days_ago) == ("not_ready", "day_not_over")
    finally:
        warehouse.query(setting.format(before))


def test_a_manifest_that_cannot_be_read_may_be_about_any_day(warehouse: Warehouse) -> None:
    mart(warehouse, "gold")
    publish_snapshot(warehouse.s3_root, DAY.isoformat(), [speed()])
    assert verdict(warehouse) == ("agree", None)
    torn = warehouse.landing / "_manifests" / "0f1c6d40-0000-4000-8000-000000000000.json"
    torn.parent.mkdir(parents=True, exist_ok=True)
    torn.write_text('{"contract_version": 1, "batch')
    assert verdict(warehouse) == ("not_ready", "not_loaded 0f1c6d40-0000-4000-8000-000000000000")


def test_a_day_that_waits_too_long_alerts_once_and_again_when_it_waits_again(warehouse: Warehouse) -> None:
    publish_snapshot(warehouse.s3_root, DAY.isoformat(), [speed()])
    verdict(warehouse)
    # A day after the first snapshot waits for one of its own; those before are of a time without this comparison.
    before, after = DAY - timedelta(days=1), DAY + timedelta(days=1)
    for day, judged in ((before, ("nothing_to_compare", None)), (after, ("not_ready", "not_extracted"))):
        mart(warehouse, "gold", day)
        assert verdict(warehouse, day) == judged
        with pytest.raises(ProgrammingError, match=f"comparison of {day} had no snapshot of the speed layer"):
            warehouse.call(f"recon.explain('{day}')")
    waiting = "SELECT date, waits_for, is_overdue FROM recon.waiting_days ORDER BY date"
    due = "SELECT alert, date, detail:waits_for::STRING FROM ops.due_alerts ORDER BY date"
    assert warehouse.query(waiting) == [(DAY, "not_published", False), (after, "not_extracted", False)]
    assert warehouse.query(due) == []
    warehouse.query("UPDATE recon.runs SET compared_at = DATEADD('hour', -7, compared_at)")
    assert warehouse.query(waiting) == [(DAY, "not_published", True), (after, "not_extracted", True)]
    assert warehouse.query(due) == [("not_ready", DAY, "not_published"), ("not_ready", after, "not_extracted")]
    alerted(warehouse, "not_ready", 2)
    told = "SELECT alert, detail:date::STRING FROM ops.alert_events ORDER BY 2"
    assert warehouse.query(told) == [("not_ready", str(DAY)), ("not_ready", str(after))]
    assert warehouse.query(due) == []
    warehouse.query("UPDATE ops.alert_events SET raised_at = DATEADD('day', -2, raised_at)")
    assert warehouse.query("SELECT COUNT(*) FROM ops.due_alerts") == [(2,)]


def test_limits_have_dates_and_tiers(warehouse: Warehouse) -> None:
    def status(day: date = DAY, tier: str | None = "gold") -> tuple[str, Decimal]:
        verdict(warehouse, day)
        rows = warehouse.query(
            "SELECT status, relative_tolerance FROM recon.latest_results WHERE date = %s AND metric = 'page_views' "
            "AND EQUAL_NULL(user_tier, %s)",
            str(day),
            tier,
        )
        return rows[0]

    days = [DAY + timedelta(days=n) for n in range(3)]
    try:
        for day in days:
            for tier in ("gold", None):
                mart(warehouse, tier, day, page_views=100)
            rows = [speed("a", day, page_views=110), speed("b", day, page_views=110, user_tier=None)]
            publish_snapshot(warehouse.s3_root, day.isoformat(), rows)
            assert status(day) == ("out_of_tolerance", Decimal("0.05"))
        warehouse.call("recon.set_tolerance('page_views', 0, 0.10, '*', '2024-01-16')")
        assert [status(day)[0] for day in days] == ["out_of_tolerance", "within_tolerance", "within_tolerance"]
        # In the middle: what was set before and after stays.
        warehouse.call(
            "recon.set_tolerance(metric => 'page_views', absolute => 0, relative => 0.01, valid_from => '2024-01-16', "
            "valid_to => '2024-01-16')"
        )
        assert [status(day)[1] for day in days] == [Decimal("0.05"), Decimal("0.01"), Decimal("0.10")]
        # A tier's own before those of all; no tier is a tier.
        warehouse.call("recon.set_tolerance('page_views', 10, 0, NULL)")
        assert [status(day, None)[0] for day in days] == ["within_tolerance"] * 3
        assert [status(day)[1] for day in days] == [Decimal("0.05"), Decimal("0.01"), Decimal("0.10")]
        held = "SELECT * FROM recon.tolerances WHERE metric = 'page_views' ORDER BY user_tier, valid_from"
        before = [row[:6] for row in warehouse.query(held)]
        warehouse.call("recon.set_tolerance('page_views', 10, 0, NULL)")
        assert [row[:6] for row in warehouse.query(held)] == before
        # Two limits for one date: refused, and named.
        warehouse.query(
            "INSERT INTO recon.tolerances (metric, user_tier, valid_from, absolute, relative) "
            "SELECT 'page_views', '*', '2024-01-17'::DATE, 3, 0"
        )
        with pytest.raises(ProgrammingError, match=r"two limits of page_views \(every tier\) for 2024-01-17: .*10.*3"):
            warehouse.call("recon.reconcile_range('2024-01-15', '2024-01-17')")
        warehouse.call("recon.set_tolerance('page_views', 0, 0.05)")
        assert [status(day)[1] for day in days] == [Decimal("0.05")] * 3
    finally:
        warehouse.query("DELETE FROM recon.tolerances WHERE metric = 'page_views'")
        warehouse.call("recon.set_tolerance('page_views', 0, 0.05)")


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ("set_tolerance('page_view', 0, 0)", "There is no metric 'page_view': the metrics are sessions, page_views, "),
        (
            "set_tolerance('revenue', 0, 0, 'brass')",
            r"There is no tier 'brass': the tiers are 'gold', NULL \(no tier\), and '\*' for all",
        ),
        ("set_tolerance('revenue', -1, 0)", "absolute: -1.* is no limit: a number from zero on"),
        ("set_tolerance('revenue', 1, 0, '*', '2024-02-01', '2024-01-01')", "valid_to 2024-01-01 is before"),
        ("reconcile_day('2024-01-15', PARSE_JSON('{\"revenu\": {}}'))", "there is no metric 'revenu': the metrics are"),
        ("reconcile_day('2024-01-15', PARSE_JSON('{\"revenue\": 3}'))", "tolerances of revenue: an object with"),
        ("reconcile_day('2024-01-15', PARSE_JSON('[1]'))", "tolerances: an object is expected"),
        ('reconcile_day(\'2024-01-15\', PARSE_JSON(\'{"revenue": {"relative": "x"}}\'))', "'x' is no number"),
        ("reconcile_day('2024-01-15', 'abc'::VARIANT)", "tolerances: an object is expected"),
        (
            "reconcile_day('2024-01-15', PARSE_JSON('{\"*\": {\"relative\": 9999999999}}'))",
            "relative tolerance of .* is no limit",
        ),
        ("set_tolerance(NULL, 0, 0)", "There is no metric NULL: the metrics are"),
        ("set_tolerance('revenue', NULL, 0)", "absolute: NULL is no limit"),
        ("reconcile_day(NULL)", "date: NULL is no date"),
    ],
)
def test_an_impossible_argument_is_one_sentence_and_changes_nothing(
    warehouse: Warehouse, call: str, sentence: str
) -> None:
    mart(warehouse, "gold")
    before = warehouse.query("SELECT * FROM recon.tolerances ORDER BY 1, 2")
    with pytest.raises(ProgrammingError, match=sentence):
        warehouse.call(f"recon.{call}")
    assert warehouse.query("SELECT * FROM recon.tolerances ORDER BY 1, 2") == before


def test_limits_of_one_call_are_kept_apart(warehouse: Warehouse) -> None:
    mart(warehouse, "gold", page_views=100)
    publish_snapshot(warehouse.s3_root, DAY.isoformat(), [speed(page_views=150)])
    assert verdict(warehouse) == ("disagree", None)
    call = "recon.reconcile_day('2024-01-15', PARSE_JSON('{\"*\": {\"relative\": 0.5}}'))"
    apart = warehouse.call(call)
    assert (apart["verdict"], apart["new_run"], apart["is_override"]) == ("within_tolerance", True, True)
    again = warehouse.call(call)
    assert (again["run_id"], again["new_run"]) == (apart["run_id"], False)
    used = warehouse.query(f"SELECT DISTINCT relative_tolerance FROM recon.results WHERE run_id = '{apart['run_id']}'")
    assert used == [(Decimal("0.5"),)]
    assert warehouse.query("SELECT verdict FROM recon.latest_runs") == [("disagree",)]
    assert warehouse.query("SELECT runs, state FROM recon.convergence") == [(1, "open")]
    # An object without limits is none: the day's own run answers.
    for own in ("'2024-01-15'", "'2024-01-15', PARSE_JSON('{}')"):
        summary = warehouse.call(f"recon.reconcile_day({own})")
        assert (summary["verdict"], summary["new_run"], summary["is_override"]) == ("disagree", False, False)
    assert warehouse.one("SELECT COUNT(*) FROM recon.runs") == 2


def test_a_new_metric_is_a_row_and_a_column(warehouse: Warehouse) -> None:
    mart(warehouse, "gold", sessions=2)
    publish_snapshot(warehouse.s3_root, DAY.isoformat(), [speed("a", page_views=3), speed("b", page_views=1)])
    row = "'deep_sessions', 'count_distinct', 'IFF(page_views > 2, session_id, NULL)', 'sessions', 'More than two pages', 99"
    try:
        warehouse.query(f"INSERT INTO recon.metrics SELECT {row}")
        with pytest.raises(ProgrammingError, match=r"marts\.daily_speed_comparable has no column of that name"):
            verdict(warehouse)
        warehouse.query("ALTER TABLE marts.daily_speed_comparable ADD COLUMN deep_sessions NUMBER(38, 0)")
        warehouse.query("UPDATE marts.daily_speed_comparable SET deep_sessions = 1")
        verdict(warehouse)
        found = "SELECT speed_value, batch_value, invalid_value, status FROM recon.latest_results WHERE metric = "
        assert warehouse.query(f"{found}'deep_sessions'") == [(1, 1, None, "match")]
        warehouse.query("UPDATE recon.metrics SET expression = 'session_id' WHERE metric = 'deep_sessions'")
        verdict(warehouse)
        assert warehouse.query(f"{found}'deep_sessions'") == [(2, 1, None, "out_of_tolerance")]
        warehouse.query("UPDATE recon.metrics SET aggregate = 'median' WHERE metric = 'deep_sessions'")
        with pytest.raises(ProgrammingError, match="deep_sessions: aggregate 'median' is none of sum, count_distinct"):
            verdict(warehouse)
    finally:
        warehouse.query("DELETE FROM recon.metrics WHERE metric = 'deep_sessions'")
        warehouse.query("ALTER TABLE marts.daily_speed_comparable DROP COLUMN IF EXISTS deep_sessions")


def test_form_is_no_difference_and_what_is_left_out_is_named(warehouse: Warehouse) -> None:
    mart(warehouse, None, sessions=2, page_views=7, unique_users=1, invalid_sessions=3, invalid_page_views=30)
    mart(warehouse, "gold", sessions=0, page_views=0, unique_users=0, invalid_sessions=1, invalid_page_views=5)
    rows = [
        speed(" Visit-1", page_views=3, user_tier="", user_id="U1"),
        speed("visit-1 ", page_views=3, user_tier=None, user_id="u1 "),
        speed("visit-2", page_views=1, user_tier=None, user_id=""),
        speed("visit-3", page_views=5),
    ]
    publish_snapshot(warehouse.s3_root, DAY.isoformat(), rows)
    verdict(warehouse)
    cells = warehouse.query(
        "SELECT user_tier, metric, speed_value, batch_value, invalid_value, status FROM recon.latest_results "
        "WHERE metric IN ('sessions', 'page_views', 'unique_users')"
    )
    assert set(cells) == {
        (None, "sessions", 2, 2, 3, "match"),
        (None, "page_views", 7, 7, 30, "match"),
        (None, "unique_users", 1, 1, 0, "match"),
        ("gold", "sessions", 1, None, 1, "missing_in_batch"),
        ("gold", "page_views", 5, None, 5, "missing_in_batch"),
        ("gold", "unique_users", 1, None, 0, "missing_in_batch"),
    }


def test_what_the_speed_layer_has_no_column_for_is_not_measured(warehouse: Warehouse) -> None:
    mart(warehouse, "gold", searches=7, purchases=1)
    publish_snapshot(warehouse.s3_root, DAY.isoformat(), [speed()])
    (manifest,) = (warehouse.landing / "_speed_manifests").rglob("*.json")
    document = json.loads(manifest.read_text(encoding="utf-8"))
    document["speed_table"] = {"engine": "MergeTree", "read_as": "as stored", "lacks": ["searches", "purchases"]}
    manifest.write_text(json.dumps(document), encoding="utf-8")
    assert verdict(warehouse) == ("agree", None)
    not_measured = warehouse.one("SELECT not_measured FROM recon.latest_runs")
    assert not_measured == "converting_sessions, purchases, searches"
    metrics = {row[0] for row in warehouse.query("SELECT metric FROM recon.latest_results")}
    assert metrics == {"sessions", "page_views", "product_views", "add_to_cart_events", "revenue", "unique_users"}


def test_a_newer_snapshot_that_was_refused_makes_the_day_wait(warehouse: Warehouse) -> None:
    mart(warehouse, "gold")
    publish_snapshot(warehouse.s3_root, DAY.isoformat(), [speed()])
    assert verdict(warehouse) == ("agree", None)
    newer = publish_snapshot(warehouse.s3_root, DAY.isoformat(), [speed("b")], extracted_at="2024-02-01T02:00:00Z")
    for path in (warehouse.landing / "speed_sessions").rglob(f"*{newer}*"):
        path.write_bytes(b"PAR1 torn")
    summary = warehouse.call("recon.reconcile_pending()")
    assert summary["results"][0]["waits_for"] == f"snapshot_refused {newer}"


def test_counts_beyond_63_bits(warehouse: Warehouse) -> None:
    largest = 2**63 - 1
    mart(warehouse, "gold", page_views=1)
    publish_snapshot(warehouse.s3_root, DAY.isoformat(), [speed(f"s{n}", page_views=largest) for n in range(4)])
    verdict(warehouse)
    found = "SELECT speed_value, difference FROM recon.latest_results WHERE metric = 'page_views'"
    assert warehouse.query(found) == [(4 * largest, 4 * largest - 1)]


def compared(warehouse: Warehouse, hours_ago: float, **bad: float) -> None:
    """A run of DAY that long ago: for each tier the relative difference of its one cell, zero being a match."""
    at = (datetime.now(UTC) - timedelta(hours=hours_ago)).strftime("%Y-%m-%d %H:%M:%S")
    run_id = f"run {hours_ago}"
    outcome = "disagree" if any(bad.values()) else "agree"
    warehouse.query(
        "INSERT INTO recon.runs (run_id, date, inputs_digest, verdict, compared_at) SELECT %s, %s, '', %s, %s::TIMESTAMP_NTZ",
        run_id,
        str(DAY),
        outcome,
        at,
    )
    for tier, relative in bad.items():
        warehouse.query(
            "INSERT INTO recon.results (run_id, date, user_tier, metric, speed_value, batch_value, difference, "
            "relative_difference, status, compared_at) SELECT %s, %s, %s, 'sessions', %s, 100, %s, %s, %s, %s::TIMESTAMP_NTZ",
            run_id,
            str(DAY),
            tier,
            100 + 100 * relative,
            100 * relative,
            relative,
            "out_of_tolerance" if relative else "match",
            at,
        )


def test_each_tier_has_a_state_of_its_own(warehouse: Warehouse) -> None:
    compared(warehouse, 60, never=0, mended=0.4, stuck=0.4, relapsed=0.4, better=0, same=0, late=0.1)
    compared(warehouse, 10, never=0, mended=0, stuck=0.2, relapsed=0, better=0.4, same=0.4, late=0)
    compared(warehouse, 4, never=0, mended=0, stuck=0.1, relapsed=0.3, better=0.3, same=0.4)
    compared(warehouse, 1, never=0, mended=0, stuck=0.1, relapsed=0.3, better=0.2, same=0.4, open=0.2)
    found = warehouse.query(
        "SELECT user_tier, state, runs, first_discrepancy, discrepancy, hours_to_convergence, ROUND(bad_hours), "
        "ROUND(slo_burn, 2) FROM recon.convergence ORDER BY 1"
    )
    number = Decimal
    assert [row[:6] for row in found] == [
        ("better", "regressed", 4, 0, number("0.2"), None),
        ("late", "converged", 4, number("0.1"), 0, 50),
        ("mended", "converged", 4, number("0.4"), 0, 50),
        ("never", "converged", 4, 0, 0, 0),
        ("open", "open", 1, number("0.2"), number("0.2"), None),  # it was not there before: that was no agreement
        ("relapsed", "regressed", 4, number("0.4"), number("0.3"), None),
        ("same", "regressed", 4, 0, number("0.4"), None),
        ("stuck", "stuck", 4, number("0.4"), number("0.1"), None),
    ]
    burns = {row[0]: (row[6], row[7]) for row in found}
    assert burns["stuck"] == (60, number("1.25"))
    assert burns["mended"] == (None, number("1.04"))
    assert burns["relapsed"] == (4, number("0.08"))


def test_open_and_converging_are_of_what_was_never_fine(warehouse: Warehouse) -> None:
    compared(warehouse, 10, shrinking=0.4, growing=0.1)
    assert warehouse.query("SELECT DISTINCT state FROM recon.convergence") == [("open",)]
    compared(warehouse, 4, shrinking=0.1, growing=0.4)
    states = warehouse.query("SELECT user_tier, state FROM recon.convergence ORDER BY 1")
    assert states == [("growing", "open"), ("shrinking", "converging")]


def test_a_regression_after_convergence_alerts_again(warehouse: Warehouse) -> None:
    compared(warehouse, 300, gold=0.4, silver=0)
    due = "SELECT user_tier FROM ops.due_alerts WHERE alert = 'convergence_slo'"
    assert warehouse.query(due) == [("gold",)]
    alerted(warehouse, "convergence_slo", 1)
    warehouse.query("UPDATE ops.alert_events SET raised_at = DATEADD('hour', -250, raised_at)")
    assert warehouse.query(due) == []
    compared(warehouse, 200, gold=0, silver=0)
    compared(warehouse, 100, gold=0.1, silver=0)
    assert warehouse.query(due) == [("gold",)]
    alerted(warehouse, "convergence_slo", 2)
    assert warehouse.query(due) == []
