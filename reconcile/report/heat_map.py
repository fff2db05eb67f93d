"""The heat map: for each tier a table of dates and metrics, whose squares say by sign and colour how the cell came out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from reconcile.comparison.outcomes import Metric, Result, Status
from reconcile.report.history import DayHistory, Reconciliation, tier_order
from reconcile.report.wording import (
    STATUS_SIGNS,
    STATUS_WORDS,
    VERDICT_SIGNS,
    VERDICT_WORDS,
    difference_text,
    metric_text,
    percent_text,
    tier_text,
)

# From which relative difference on a square is drawn stronger.
_STRONGER = (Decimal("0.1"), Decimal("0.5"))


@dataclass(frozen=True)
class Square:
    """One cell: its status or the day's verdict as a CSS class, a sign, how strong (0 to 2), and all of it in words."""

    css: str
    sign: str
    strength: int
    words: str


@dataclass(frozen=True)
class HeatTable:
    """The squares of one tier, newest date first, in the order of the metrics."""

    user_tier: str | None
    rows: tuple[tuple[date, tuple[Square, ...]], ...]


@dataclass(frozen=True)
class HeatMap:
    """The tables of the tiers, and how many days and tiers are left out."""

    tables: tuple[HeatTable, ...]
    days_left_out: int
    tiers_left_out: int


def heat_map(report: Reconciliation, most_days: int = 31, most_tiers: int = 12) -> HeatMap:
    """The last days, and the tiers with most bad cells in them."""
    days = report.days[-most_days:][::-1]
    bad: dict[str | None, int] = {}
    for day in days:
        for cell in day.results:
            bad[cell.user_tier] = bad.get(cell.user_tier, 0) + (day.latest.is_judged and not cell.is_fine)
    tiers = sorted(sorted(bad, key=lambda tier: (-bad[tier], tier_order(tier)))[:most_tiers], key=tier_order)
    tables = (
        HeatTable(
            tier, tuple((day.date, tuple(_square(day, tier, metric) for metric in report.metrics)) for day in days)
        )
        for tier in tiers
    )
    return HeatMap(tuple(tables), len(report.days) - len(days), len(bad) - len(tiers))


def _square(day: DayHistory, tier: str | None, metric: Metric) -> Square:
    where = f"{day.date}, {tier_text(tier)}, {metric_text(metric)}"
    verdict = day.latest.verdict
    if not day.latest.is_judged:
        return Square("none", VERDICT_SIGNS[verdict], 0, f"{where}: {VERDICT_WORDS[verdict]}")
    cell = day.result(tier, metric)
    if cell is None:
        return Square("none", "", 0, f"{where}: on neither side")
    by = "" if cell.status is Status.MATCH else f", {difference_text(metric, cell.difference)} ({_relative(cell)})"
    return Square(
        cell.status.value, STATUS_SIGNS[cell.status], _strength(cell), f"{where}: {STATUS_WORDS[cell.status]}{by}"
    )


def _relative(cell: Result) -> str:
    return percent_text(cell.relative_difference)


def _strength(cell: Result) -> int:
    if cell.relative_difference is None:
        return len(_STRONGER)
    return sum(cell.relative_difference >= limit for limit in _STRONGER)
