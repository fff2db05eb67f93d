"""The comparison rules: by example, and by property against plain fractions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile.comparison.outcomes import Status, Tolerance, Verdict
from reconcile.errors import ComparisonError
from tests.reconcile.comparison.rules import (
    FIVE_PERCENT,
    METRICS,
    NAMES,
    GroupValues,
    SpeedSession,
    compare,
    group_sessions,
    relative_difference,
    status_of,
    verdict_of,
)

DAY = date(2024, 1, 15)
DEFAULT = Tolerance(Decimal(0), Decimal("0.05"))


def group(tier: str | None, sessions: int | str, revenue: str = "0", day: date = DAY) -> GroupValues:
    values = {**dict.fromkeys(NAMES, Decimal(1)), "sessions": Decimal(sessions), "revenue": Decimal(revenue)}
    return GroupValues(day, tier, values)


@pytest.mark.parametrize(
    ("speed", "batch", "tolerance", "expected"),
    [
        ("100", "100", DEFAULT, Status.MATCH),
        ("0", "0", DEFAULT, Status.MATCH),
        ("100.00", "100", DEFAULT, Status.MATCH),
        ("105", "100", DEFAULT, Status.WITHIN_TOLERANCE),
        ("95", "100", DEFAULT, Status.WITHIN_TOLERANCE),
        ("105.01", "100", DEFAULT, Status.OUT_OF_TOLERANCE),
        ("94.99", "100", DEFAULT, Status.OUT_OF_TOLERANCE),
        ("-95", "-100", DEFAULT, Status.WITHIN_TOLERANCE),
        ("-94.99", "-100", DEFAULT, Status.OUT_OF_TOLERANCE),
        ("1", "0", DEFAULT, Status.OUT_OF_TOLERANCE),
        ("1", "0", Tolerance(Decimal(1), Decimal(0)), Status.WITHIN_TOLERANCE),
        ("1.01", "0", Tolerance(Decimal(1), Decimal(0)), Status.OUT_OF_TOLERANCE),
        ("0", "100", DEFAULT, Status.OUT_OF_TOLERANCE),
        ("103", "100", Tolerance(Decimal(3), Decimal("0.01")), Status.WITHIN_TOLERANCE),
        ("100.000001", "100", Tolerance(Decimal(0), Decimal(0)), Status.OUT_OF_TOLERANCE),
        (None, "100", DEFAULT, Status.MISSING_IN_SPEED),
        (None, "0", DEFAULT, Status.MISSING_IN_SPEED),
        ("100", None, DEFAULT, Status.MISSING_IN_BATCH),
        ("0", None, Tolerance(Decimal(5), Decimal(1)), Status.MISSING_IN_BATCH),
    ],
)
def test_status(speed: str | None, batch: str | None, tolerance: Tolerance, expected: Status) -> None:
    sides = [None if side is None else Decimal(side) for side in (speed, batch)]
    assert status_of(sides[0], sides[1], tolerance) is expected


@pytest.mark.parametrize(
    ("speed", "batch", "expected"),
    [
        ("105", "100", "0.050000000"),
        ("2", "3", "0.333333333"),
        ("0.5", "1.0000000005", "0.500000000"),
        ("1", "0", None),
        ("1", None, None),
        (None, "4", "1.000000000"),
        ("-3", "-4", "0.250000000"),
    ],
)
def test_relative_difference(speed: str | None, batch: str | None, expected: str | None) -> None:
    sides = [None if side is None else Decimal(side) for side in (speed, batch)]
    found = relative_difference(sides[0], sides[1])
    assert found == (None if expected is None else Decimal(expected))


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([], Verdict.NOTHING_TO_COMPARE),
        ([Status.MATCH, Status.MATCH], Verdict.AGREE),
        ([Status.MATCH, Status.WITHIN_TOLERANCE], Verdict.WITHIN_TOLERANCE),
        ([Status.WITHIN_TOLERANCE, Status.OUT_OF_TOLERANCE], Verdict.DISAGREE),
        ([Status.MATCH, Status.MISSING_IN_BATCH], Verdict.DISAGREE),
        ([Status.MATCH, Status.MISSING_IN_SPEED], Verdict.DISAGREE),
    ],
)
def test_verdict(statuses: list[Status], expected: Verdict) -> None:
    assert verdict_of(statuses) is expected
    assert verdict_of(statuses, waits_for="day_not_over") is Verdict.NOT_READY
    assert verdict_of(statuses, has_snapshot=False) is Verdict.NOTHING_TO_COMPARE
    assert verdict_of(statuses, has_snapshot=False, waits_for="not_extracted") is Verdict.NOT_READY


def test_a_tier_that_one_side_lacks_is_reported_and_no_tier_is_a_tier() -> None:
    results = compare([group("gold", 5), group(None, 3)], [group("gold", 5), group("silver", 2)])
    sessions = [result for result in results if result.metric.name == "sessions"]
    assert [(result.user_tier, result.status) for result in sessions] == [
        ("gold", Status.MATCH),
        ("silver", Status.MISSING_IN_SPEED),
        (None, Status.MISSING_IN_BATCH),
    ]
    assert [(result.speed_value, result.batch_value, result.difference) for result in sessions[1:]] == [
        (None, Decimal(2), Decimal(-2)),
        (Decimal(3), None, Decimal(3)),
    ]


def test_no_tier_on_both_sides_is_compared() -> None:
    results = compare([group(None, 3)], [group(None, 3)])
    assert {result.status for result in results} == {Status.MATCH}


def test_every_metric_has_its_own_tolerance() -> None:
    tolerances = {**FIVE_PERCENT, "revenue": Tolerance(Decimal("0.01"), Decimal(0))}
    results = compare([group("gold", 103, "10.02")], [group("gold", 100, "10.00")], tolerances)
    found = {result.metric.name: result.status for result in results}
    assert found["sessions"] is Status.WITHIN_TOLERANCE
    assert found["revenue"] is Status.OUT_OF_TOLERANCE


@pytest.mark.parametrize("value", [1.5, True, "1", Decimal("NaN"), Decimal("Infinity"), None])
def test_what_is_no_exact_number_is_refused(value: object) -> None:
    values: dict[str, Decimal] = {**group("gold", 1).values, "revenue": value}  # type: ignore[dict-item]
    with pytest.raises(ComparisonError, match=r"revenue of the speed side for 2024-01-15, tier 'gold'"):
        compare([GroupValues(DAY, "gold", values)], [])


def test_a_group_given_twice_a_lacking_metric_and_a_lacking_tolerance_are_refused() -> None:
    with pytest.raises(ComparisonError, match="batch side has the group 2024-01-15, tier None twice"):
        compare([], [group(None, 1), group(None, 2)])
    with pytest.raises(ComparisonError, match="speed side lacks revenue"):
        compare([GroupValues(DAY, "gold", {name: Decimal(1) for name in NAMES if name != "revenue"})], [])
    with pytest.raises(ComparisonError, match="no tolerance for page_views"):
        compare([group("gold", 1)], [], {"sessions": Tolerance()})
    with pytest.raises(ComparisonError, match="neither side"):
        status_of(None, None, Tolerance())
    with pytest.raises(ComparisonError, match="negative"):
        Tolerance(relative=Decimal(-1))
    with pytest.raises(ComparisonError, match="relative tolerance must be a finite Decimal"):
        Tolerance(relative=0.05)  # type: ignore[arg-type]


def test_speed_rows_are_grouped_as_they_are() -> None:
    """A repeated session counts once as a session and twice in the sums; NULLs count nothing."""
    row = SpeedSession("a", DAY, "gold", 3, 1, Decimal("9.99"), "U1", 2, 1, 4)
    other = SpeedSession("b", DAY, "gold", 1, 0, Decimal(0), " u1 ")
    nulls = SpeedSession(None, DAY, None, None, None, None)
    found = group_sessions(
        [row, replace(row, session_id=" A"), other, nulls, replace(nulls, user_tier="", user_id=" ")]
    )
    gold = dict(zip(NAMES, (2, 7, 4, 2, 8, 2, Decimal("19.98"), 1, 1), strict=True))
    assert [(one.user_tier, dict(one.values)) for one in found] == [("gold", gold), (None, dict.fromkeys(NAMES, 0))]


# Up to 38 digits, as NUMBER(38, 6) holds them.
AMOUNTS = st.decimals(min_value=-(10**31), max_value=10**31, places=6, allow_nan=False, allow_infinity=False)
TIERS = st.sampled_from(["bronze", "silver", "gold", "", "NULL", None])
DATES = st.dates(date(2023, 12, 30), date(2024, 1, 2))
# Two metrics vary: the others go the same way, and cost time.
GROUP = st.fixed_dictionaries({**dict.fromkeys(NAMES, st.just(Decimal(1))), "sessions": AMOUNTS, "revenue": AMOUNTS})
SIDE = st.dictionaries(st.tuples(DATES, TIERS), GROUP, max_size=4)
TOLERANCES = st.builds(
    Tolerance,
    st.decimals(min_value=0, max_value=10**6, places=6),
    st.decimals(min_value=0, max_value=2, places=9),
)
Side = Mapping[tuple[date, str | None], Mapping[str, Decimal]]


def groups(side: Side) -> list[GroupValues]:
    return [GroupValues(day, tier, values) for (day, tier), values in side.items()]


@settings(max_examples=200, deadline=None)
@given(
    SIDE,
    SIDE,
    st.fixed_dictionaries({**dict.fromkeys(NAMES, st.just(DEFAULT)), "sessions": TOLERANCES, "revenue": TOLERANCES}),
)
def test_compare_is_exact_and_complete(speed: Side, batch: Side, tolerances: dict[str, Tolerance]) -> None:
    results = compare(groups(speed), groups(batch), tolerances)
    keys = {(result.date, result.user_tier, result.metric) for result in results}
    assert keys == {(*key, metric) for key in speed.keys() | batch.keys() for metric in METRICS}
    assert len(keys) == len(results)
    for result in results:
        key = (result.date, result.user_tier)
        fast = Fraction(speed[key][result.metric.name]) if key in speed else None
        true = Fraction(batch[key][result.metric.name]) if key in batch else None
        gap = abs((fast or Fraction(0)) - (true or Fraction(0)))
        assert Fraction(result.difference) == (fast or Fraction(0)) - (true or Fraction(0))
        limit = tolerances[result.metric.name]
        if true is None:
            expected = Status.MISSING_IN_BATCH
        elif fast is None:
            expected = Status.MISSING_IN_SPEED
        elif gap == 0:
            expected = Status.MATCH
        elif gap <= Fraction(limit.absolute) or gap <= Fraction(limit.relative) * abs(true):
            expected = Status.WITHIN_TOLERANCE
        else:
            expected = Status.OUT_OF_TOLERANCE
        assert result.status is expected
        if true:
            assert result.relative_difference is not None
            assert abs(Fraction(result.relative_difference) - gap / abs(true)) <= Fraction(1, 2 * 10**9)
        else:
            assert result.relative_difference is None


@settings(max_examples=100, deadline=None)
@given(SIDE, SIDE)
def test_swapping_the_sides_mirrors_the_result(speed: Side, batch: Side) -> None:
    """Differences change sign, missing changes side; a match stays one."""
    mirror = {Status.MISSING_IN_BATCH: Status.MISSING_IN_SPEED, Status.MISSING_IN_SPEED: Status.MISSING_IN_BATCH}
    exact = dict.fromkeys(NAMES, Tolerance(Decimal(0), Decimal(0)))
    there = compare(groups(speed), groups(batch), exact)
    back = compare(groups(batch), groups(speed), exact)
    assert [
        (r.metric, r.difference.copy_negate() if r.difference else r.difference, mirror.get(r.status, r.status))
        for r in there
    ] == [(r.metric, r.difference, r.status) for r in back]


@settings(max_examples=100, deadline=None)
@given(SIDE)
def test_a_side_agrees_with_itself_whatever_the_tolerance(side: Side) -> None:
    results = compare(
        groups(side), list(reversed(groups(side))), dict.fromkeys(NAMES, Tolerance(Decimal(0), Decimal(0)))
    )
    assert verdict_of(result.status for result in results) is (Verdict.AGREE if side else Verdict.NOTHING_TO_COMPARE)
