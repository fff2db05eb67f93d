"""The generated week is what it says: seeded, flawed as declared, and its expected differences are exact."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from decimal import Decimal

import pytest

from local_stack.demo.speed_flaws import Cell, cells, differences, plant
from local_stack.demo.week import DAY_WITHOUT_PLATINUM, DAYS, FIRST_DAY, Week, canonical, generate, session_rows


@pytest.fixture(scope="module")
def week() -> Week:
    return generate(7, sessions_per_day=150)


def test_the_same_seed_gives_the_same_week(week: Week) -> None:
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
