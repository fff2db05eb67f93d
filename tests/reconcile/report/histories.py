"""Reconciliations made up for tests of the renderings, through the real rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from reconcile.comparison.outcomes import Result
from reconcile.report.history import DayHistory, Extraction, Reconciliation, RunSummary
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
    relative = [result.relative_difference for result in results if result.relative_difference is not None]
    return RunSummary(
        run_id=f"run-{number}",
        compared_at=NOON + timedelta(days=number),
        verdict=verdict_of((result.status for result in results), extraction is not None, waits_for or None),
        change_id=number,
        extraction=extraction,
        counts=Counter(result.status for result in results),
        max_relative=max(relative, default=None),
        undefined=sum(result.relative_difference is None and result.difference != 0 for result in results),
        waits_for=tuple(waits_for.split(", ")) if waits_for else (),
    )


def snapshot(number: int) -> Extraction:
    return Extraction(f"00000000-0000-5000-8000-{number:012d}", NOON, 1234, number)


def history(
    day: date, *comparisons: tuple[Sequence[GroupValues], Sequence[GroupValues]] | None, waits_for: str = ""
) -> DayHistory:
    """A date's history from (speed, batch) pairs; None is a run without a snapshot. The last run waits for what is given."""
    runs, results = [], []
    for number, pair in enumerate(comparisons):
        results = [] if pair is None else compare(pair[0], pair[1])
        waits = waits_for if number == len(comparisons) - 1 else ""
        runs.append(summary(results, number, None if pair is None else snapshot(number), waits))
    return DayHistory(day, tuple(runs), tuple(results))


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
        history(days[2], (without[days[2]], batch[days[2]])),
        history(days[3], (batch[days[3]], without[days[3]]), (batch[days[3]], batch[days[3]])),
        history(
            days[4],
            (but(days[4], "bronze", (60, 100, 3, "10.00")), batch[days[4]]),
            (but(days[4], "bronze", (100, 420, 3, "99.995")), batch[days[4]]),
        ),
        history(days[5], (batch[days[5]], but(days[5], None, (100, 0, 12, "1234.56")))),
        history(days[6], None),
        history(days[7], (without[days[7]], batch[days[7]]), waits_for="day_not_over, not_loaded b-1"),
    )
    return Reconciliation(NOON, "a test <& no database>", METRICS, histories)
