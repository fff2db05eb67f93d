"""Reconciliations made up for tests of the renderings, through the real rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from reconcile.comparison.outcomes import DEFAULT_TOLERANCES, Metric, Result, Verdict
from reconcile.report.history import DayHistory, Extraction, Reconciliation, RunSummary
from tests.reconcile.comparison.rules import GroupValues, compare, verdict_of

TIERS = ("bronze", "gold", "platinum", "silver", None)
NOON = datetime(2024, 1, 16, 12, 0, tzinfo=UTC)
Numbers = tuple[int, int, int, str]


def group(day: date, tier: str | None, numbers: Numbers) -> GroupValues:
    sessions, page_views, purchases, revenue = numbers
    values = (Decimal(sessions), Decimal(page_views), Decimal(purchases), Decimal(revenue))
    return GroupValues(day, tier, dict(zip(Metric, values, strict=True)))


def summary(results: Sequence[Result], number: int, extraction: Extraction | None) -> RunSummary:
    relative = [result.relative_difference for result in results if result.relative_difference is not None]
    verdict = Verdict.NOTHING_TO_COMPARE if extraction is None else verdict_of(result.status for result in results)
    return RunSummary(
        run_id=f"run-{number}",
        compared_at=NOON + timedelta(days=number),
        verdict=verdict,
        change_id=number,
        extraction=extraction,
        counts=Counter(result.status for result in results),
        max_relative=max(relative, default=None),
        undefined=sum(result.relative_difference is None and result.difference != 0 for result in results),
    )


def snapshot(number: int) -> Extraction:
    return Extraction(f"00000000-0000-5000-8000-{number:012d}", NOON, 1234, number)


def history(day: date, *comparisons: tuple[Sequence[GroupValues], Sequence[GroupValues]] | None) -> DayHistory:
    """A date's history from (speed, batch) pairs; None is a run without a snapshot."""
    runs, results = [], []
    for number, pair in enumerate(comparisons):
        results = [] if pair is None else compare(pair[0], pair[1])
        runs.append(summary(results, number, None if pair is None else snapshot(number)))
    return DayHistory(day, tuple(runs), tuple(results))


def week() -> Reconciliation:
    """Seven days from 2024-01-15: agreement, tolerance, disagreement, missing groups, convergence, and no snapshot."""
    first = date(2024, 1, 15)
    days = [first + timedelta(days=offset) for offset in range(7)]
    batch = {day: [group(day, tier, (100, 420, 12, "1234.56")) for tier in TIERS] for day in days}
    without = {day: [one for one in batch[day] if one.user_tier != "silver"] for day in days}

    def but(day: date, tier: str | None, numbers: Numbers) -> list[GroupValues]:
        return [group(day, tier, numbers) if one.user_tier == tier else one for one in batch[day]]

    histories = (
        history(days[0], (batch[days[0]], batch[days[0]])),
        history(days[1], (but(days[1], "gold", (99, 419, 12, "1234.56")), batch[days[1]])),
        history(days[2], (without[days[2]], batch[days[2]])),
        history(days[3], (batch[days[3]], without[days[3]]), (batch[days[3]], batch[days[3]])),
        history(
            days[4],
            (but(days[4], "bronze", (60, 100, 3, "10.00")), batch[days[4]]),
            (but(days[4], "bronze", (100, 420, 3, "99.995")), batch[days[4]]),
        ),
        history(days[5], (batch[days[5]], but(days[5], None, (100, 0, 12, "1234.56")))),
        history(days[6], None),
    )
    return Reconciliation(NOON, "a test <& no database>", DEFAULT_TOLERANCES, histories)
