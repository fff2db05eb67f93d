"""The generated week is what it says: seeded, flawed as declared, and its expected differences are exact."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from decimal import Decimal

import pytest

from local_stack.demo.orders import transactions
from local_stack.demo.speed_flaws import Cell, cells, differences, plant
from local_stack.demo.week import (
    DAY_WITHOUT_PLATINUM,
    DAYS,
    FIRST_DAY,
    Event,
    Week,
    canonical,
    generate,
    list_price,
    session_rows,
)


@pytest.fixture(scope="module")
def week() -> Week:
    return generate(7, sessions_per_day=150)


def by_session(week: Week) -> list[list[Event]]:
    sessions: dict[object, list[Event]] = {}
    for event in sorted(week.distinct, key=lambda event: (event.timestamp, event.event_id)):
        sessions.setdefault(canonical(event.session_id), []).append(event)
    return list(sessions.values())


def test_the_same_seed_gives_the_same_week(week: Week) -> None:
    assert transactions(generate(7, sessions_per_day=150), 7) == transactions(week, 7)
    assert generate(7, sessions_per_day=150) == week
    assert generate(8, sessions_per_day=150) != week


def test_both_deliveries_together_hold_every_event_and_repeat_some(week: Week) -> None:
    delivered = Counter(event.event_id for event in week.on_time + week.late)
    assert delivered.keys() == {event.event_id for event in week.distinct}
    assert max(delivered.values()) > 1
    assert {event.event_id for event in week.late} - {event.event_id for event in week.on_time}


def test_the_flaws_of_real_streams_are_there(week: Week) -> None:
    assert any(event.browser.startswith("Googlebot") for event in week.distinct)
    assert any((event.user_id or "").startswith("test") for event in week.distinct)
    assert any(event.user_id is None for event in week.distinct)
    assert any(event.event_type == "purchase" and event.amount is None for event in week.distinct)
    assert any(event.session_id != str(canonical(event.session_id)) for event in week.distinct)
    over_midnight = [row for row in week.speed if row.session_start.date() != row.session_end.date()]
    assert len(over_midnight) >= DAYS


def test_a_tier_is_missing_on_one_day(week: Week) -> None:
    day = FIRST_DAY + timedelta(days=DAY_WITHOUT_PLATINUM)
    tiers = {row.user_tier for row in week.speed if row.session_start.date() == day}
    assert "platinum" not in tiers
    assert "platinum" in {row.user_tier for row in week.speed}


def test_people_log_in_and_rise_on_the_way_and_come_again(week: Week) -> None:
    sessions = by_session(week)
    logged_in = [events for events in sessions if not events[0].user_id and events[-1].user_id]
    assert {events[0].user_tier for events in logged_in} == {None, ""}
    assert any(event.event_type == "purchase" for events in logged_in for event in events)
    rows = {row.session_id: row for row in week.speed}
    for events in logged_in:
        row = rows[canonical(events[0].session_id)]
        assert (row.user_id, row.user_tier) == (
            next(event.user_id for event in events if event.user_id),
            next(event.user_tier for event in events if event.user_tier),
        )
    assert any(len({event.user_tier for event in events if event.user_tier}) == 2 for events in sessions)
    assert all(row.user_tier for row in week.speed), "a group of no tier would hide the tiers that a flaw forgets"
    days = {(row.user_id, row.session_start.date()) for row in week.speed if row.user_id and row.purchases}
    assert max(Counter(user for user, _ in days).values()) > 1


def test_orders_have_lines_and_lines_have_purchases(week: Week) -> None:
    bought = [event for event in week.distinct if event.event_type == "purchase"]
    orders = Counter(event.transaction_id for event in bought)
    assert {1, 2, 3} <= set(orders.values())
    lines = Counter((event.transaction_id, event.product_id) for event in bought)
    assert set(lines.values()) > {1}
    for event in bought:
        assert event.product_id is not None
        assert event.unit_price == list_price(event.product_id)
        assert event.amount in (None, event.quantity * event.unit_price)


def test_transactions_are_those_of_the_purchases(week: Week) -> None:
    on_time, late = transactions(week, 7)
    lines = {(line.transaction_id, line.product_id): line for line in on_time + late}
    assert set(on_time) | set(late) == set(lines.values()), "a line that comes twice is the same both times"
    assert set(late) - set(on_time)
    assert set(late) & set(on_time)
    bought: dict[tuple[str | None, str | None], int] = {}
    for event in week.distinct:
        if event.event_type == "purchase":
            key = (event.transaction_id, event.product_id)
            bought[key] = bought.get(key, 0) + event.quantity
    assert {key: line.quantity for key, line in lines.items() if line.quantity > 0} == bought
    returned = [line for line in lines.values() if line.quantity < 0]
    sold = {(line.user_id, line.product_id, line.unit_price) for line in lines.values() if line.quantity > 0}
    assert returned
    assert {(line.user_id, line.product_id, line.unit_price) for line in returned} <= sold
    statuses = Counter(line.status for line in lines.values())
    assert set(statuses) == {"completed", "cancelled", "returned"}
    assert statuses["returned"] == len(returned)
    assert any(line.discount_amount for line in lines.values())


def test_every_total_is_what_the_quality_rule_asks(week: Week) -> None:
    for line in {*transactions(week, 7)[0], *transactions(week, 7)[1]}:
        assert line.total_amount == line.quantity * line.unit_price - line.discount_amount + line.tax_amount
        assert line.total_amount == line.total_amount.quantize(Decimal("0.01"))
        assert (line.total_amount > 0) == (line.quantity > 0)


def test_some_session_moves_to_the_day_before_with_the_late_delivery(week: Week) -> None:
    early = {row.session_id: row for row in session_rows(e for e in week.distinct if not e.late)}
    final = {row.session_id: row for row in session_rows(week.distinct)}
    moved = [
        key for key in early if early[key].session_start.date() == final[key].session_start.date() + timedelta(days=1)
    ]
    assert moved


def test_planted_differences_are_all_the_differences_there_are(week: Week) -> None:
    flawed, flaws = plant(week.speed)
    expected: dict[Cell, Decimal] = {}
    for flaw in flaws:
        assert not expected.keys() & flaw.differences.keys(), "two flaws in one cell could hide each other"
        assert flaw.differences, flaw.kind
        expected |= flaw.differences
    assert differences(cells(flawed), cells(week.speed)) == expected
