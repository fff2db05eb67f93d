"""Reconciliations made up for tests of the renderings, through the real rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from reconcile.comparison.outcomes import Metric, Result
from reconcile.report.history import (
    CauseTotal,
    Convergence,
    DayHistory,
    Extraction,
    Point,
    Reconciliation,
    RunSummary,
    State,
    Wait,
    WorstSession,
    tier_order,
)
from tests.reconcile.comparison.rules import METRICS, NAMES, GroupValues, compare, verdict_of

TIERS = ("bronze", "gold", "platinum", "silver", None)
NOON = datetime(2024, 1, 16, 12, 0, tzinfo=UTC)
Numbers = tuple[int, int, int, str]


def group(day: date, tier: str | None, numbers: Numbers) -> GroupValues:
    """A group by its sessions, page views, purchases and revenue; the other metrics are all one."""
    given = dict(
        zip(("sessions", "page_views", "purchases", "revenue"), (Decimal(number) for number in numbers), strict=True)
    )
    return GroupValues(day, tier, {**dict.fromkeys(NAMES, Decimal(1)), **given})


def summary(results: Sequence[Result], number: int, extraction: Extraction | None, waits_for: str = "") -> RunSummary:
    return RunSummary(
        run_id=f"run-{number}",
        compared_at=NOON + timedelta(days=number),
        verdict=verdict_of((result.status for result in results), extraction is not None, waits_for or None),
        change_id=number,
        extraction=extraction,
        counts=Counter(result.status for result in results),
        waits_for=tuple(waits_for.split(", ")) if waits_for else (),
    )


def snapshot(number: int) -> Extraction:
    return Extraction(f"00000000-0000-5000-8000-{number:012d}", NOON, 1234, number)


def history(
    day: date, *comparisons: tuple[Sequence[GroupValues], Sequence[GroupValues]] | None, waits_for: str = ""
) -> DayHistory:
    """A date's history from (speed, batch) pairs; None is a run without a snapshot. The last run waits for what is given."""
    runs, results = [], []
    measured: dict[str | None, list[Point]] = {}
    for number, pair in enumerate(comparisons):
        results = [] if pair is None else compare(pair[0], pair[1])
        waits = waits_for if number == len(comparisons) - 1 else ""
        run = summary(results, number, None if pair is None else snapshot(number), waits)
        runs.append(run)
        for tier in {result.user_tier for result in results if run.is_judged}:
            bad = [one for one in results if one.user_tier == tier and not one.is_fine]
            size = sum((one.relative_difference or Decimal(one.relative_difference is None) for one in bad), Decimal(0))
            measured.setdefault(tier, []).append(Point(run.compared_at, len(bad), size))
    convergence = tuple(converging(tier, measured[tier]) for tier in sorted(measured, key=tier_order))
    wait = Wait(NOON, NOON + timedelta(hours=9), is_overdue=True) if waits_for else None
    return DayHistory(day, tuple(runs), tuple(results), convergence, wait)


def converging(tier: str | None, points: Sequence[Point]) -> Convergence:
    """How it may stand in recon.convergence, whose rules tests/snowpark_procs holds; here it is data to show."""
    bad = [point for point in points if point.bad_cells]
    fine = not points[-1].bad_cells
    state = State.CONVERGED if fine else State.STUCK if len(points) > 2 else State.OPEN
    hours = Decimal(24 * len(bad))
    return Convergence(tier, state, None if fine else bad[0].compared_at, hours, Decimal(48), hours / 48, tuple(points))


def explained(day: DayHistory) -> DayHistory:
    """The day with a cause for all that differs, and two sessions behind it."""
    by_tier: dict[str | None, dict[Metric, Decimal]] = {}
    for cell in day.different:
        by_tier.setdefault(cell.user_tier, {})[cell.metric] = cell.difference
    causes = tuple(CauseTotal(tier, "lost_in_speed", 7, differences) for tier, differences in by_tier.items())
    sessions = (
        WorstSession(
            "6f1c6d40-0000-4000-8000-000000000001", ("lost_in_speed",), (), {"gold": {METRICS[6]: Decimal("-12.50")}}
        ),
        WorstSession(
            "<session>",
            ("tier_differs", "value_differs"),
            ("bronze in batch, none in speed", "page_views, revenue"),
            {"bronze": {METRICS[1]: Decimal(-3)}, None: {METRICS[1]: Decimal(3), METRICS[6]: Decimal("99.995")}},
        ),
    )
    return replace(day, causes=causes, sessions=sessions)


def week() -> Reconciliation:
    """Eight days from 2024-01-15: agreement, tolerance, disagreement, missing groups, convergence, no snapshot, and not ready."""
    first = date(2024, 1, 15)
    days = [first + timedelta(days=offset) for offset in range(8)]
    batch = {day: [group(day, tier, (100, 420, 12, "1234.56")) for tier in TIERS] for day in days}
    without = {day: [one for one in batch[day] if one.user_tier != "silver"] for day in days}

    def but(day: date, tier: str | None, numbers: Numbers) -> list[GroupValues]:
        return [group(day, tier, numbers) if one.user_tier == tier else one for one in batch[day]]

    histories = (
        history(days[0], (batch[days[0]], batch[days[0]])),
        history(days[1], (but(days[1], "gold", (99, 419, 12, "1234.56")), batch[days[1]])),
        explained(history(days[2], (without[days[2]], batch[days[2]]))),
        history(days[3], (batch[days[3]], without[days[3]]), (batch[days[3]], batch[days[3]])),
        history(
            days[4],
            (but(days[4], "bronze", (60, 100, 3, "10.00")), batch[days[4]]),
            (but(days[4], "bronze", (100, 420, 3, "99.995")), without[days[4]]),
            (but(days[4], "bronze", (100, 420, 3, "99.995")), batch[days[4]]),
        ),
        history(days[5], (batch[days[5]], but(days[5], None, (100, 0, 12, "1234.56")))),
        history(days[6], None),
        history(days[7], (without[days[7]], batch[days[7]]), waits_for="day_not_over, not_loaded b-1"),
    )
    return Reconciliation(NOON, "a test <& no database>", METRICS, histories)
