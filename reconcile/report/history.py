"""What was compared, when, and how it came out: the typed results that every report is a rendering of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from reconcile.comparison.outcomes import Metric, Result, Status, Verdict

UNJUDGED = (Verdict.NOT_READY, Verdict.NOTHING_TO_COMPARE)


class State(StrEnum):
    """Where a date and tier stand, those first that need attention. The view recon.convergence decides it."""

    STUCK = "stuck"
    REGRESSED = "regressed"
    OPEN = "open"
    CONVERGING = "converging"
    CONVERGED = "converged"


@dataclass(frozen=True)
class Point:
    """One comparison of a date and tier. discrepancy: the relative differences of its bad cells, summed (recon.discrepancies)."""

    compared_at: datetime
    bad_cells: int
    discrepancy: Decimal


@dataclass(frozen=True)
class Convergence:
    """How one tier of a date converges: its row of recon.convergence, and the comparisons behind it, oldest first.

    hours: how long it has been bad, or how long it took to be fine again. slo_burn: the part of slo_hours that this is; 1 is all.
    """

    user_tier: str | None
    state: State
    bad_since_at: datetime | None
    hours: Decimal
    slo_hours: Decimal
    slo_burn: Decimal | None
    points: tuple[Point, ...]

    @property
    def ever_differed(self) -> bool:
        return any(point.bad_cells for point in self.points)


@dataclass(frozen=True)
class Wait:
    """Since when a day that is not ready waits, when it should have been ready, and whether it alerts. Times are UTC."""

    since_at: datetime
    due_at: datetime
    is_overdue: bool


@dataclass(frozen=True)
class CauseTotal:
    """What one cause brings to the cells of one tier, by metric.

    The totals of a cell over all causes are its difference; `unexplained` is what no cause explains.
    """

    user_tier: str | None
    cause: str
    sessions: int
    differences: Mapping[Metric, Decimal]


@dataclass(frozen=True)
class WorstSession:
    """A session behind the differences of a day: why, and by how much in each tier and metric."""

    session_id: str
    causes: tuple[str, ...]
    details: tuple[str, ...]
    differences: Mapping[str | None, Mapping[Metric, Decimal]]


@dataclass(frozen=True)
class Extraction:
    """The snapshot of one day of the speed layer that a run compared with. Times are UTC. None: not recorded.

    non_uuid_ids: identifiers that are no UUIDs. set_aside_rows: rows that could not be kept; set_aside_path: where the landing
    has them, each with its reason. read_as: how ClickHouse's engine was read, as `merged (ReplacingMergeTree)`.
    """

    extraction_id: str
    extracted_at: datetime | None
    row_count: int | None
    non_uuid_ids: int | None
    set_aside_rows: int | None = None
    set_aside_path: str | None = None
    read_as: str | None = None


@dataclass(frozen=True)
class Refusal:
    """The newest snapshot of a day, where it could not be loaded: the day keeps the one before."""

    extraction_id: str
    reason: str
    refused_at: datetime


@dataclass(frozen=True)
class RunSummary:
    """One comparison of one date, in numbers.

    counts: cells by status. waits_for: why the day is not ready, as codes (`day_not_over`, `not_loaded <batch>`, …); empty where
    it is.
    """

    run_id: str
    compared_at: datetime
    verdict: Verdict
    change_id: int | None
    extraction: Extraction | None
    counts: Mapping[Status, int]
    waits_for: tuple[str, ...] = ()

    @property
    def is_judged(self) -> bool:
        """Whether the run had all data of both sides, and so says something about them."""
        return self.verdict not in UNJUDGED

    @property
    def cells(self) -> int:
        return sum(self.counts.values())

    @property
    def differing(self) -> int:
        """Cells that are not within tolerance."""
        return self.cells - self.counts.get(Status.MATCH, 0) - self.counts.get(Status.WITHIN_TOLERANCE, 0)


@dataclass(frozen=True)
class DayHistory:
    """All comparisons of one UTC date, oldest first (never empty), and of the last one the cells and what is behind them.

    causes and sessions, the weightiest first, are empty until somebody has the run explained.
    """

    date: date
    runs: tuple[RunSummary, ...]
    results: tuple[Result, ...]
    convergence: tuple[Convergence, ...] = ()
    wait: Wait | None = None
    causes: tuple[CauseTotal, ...] = ()
    sessions: tuple[WorstSession, ...] = ()
    refusal: Refusal | None = None

    @property
    def latest(self) -> RunSummary:
        return self.runs[-1]

    @property
    def compared_runs(self) -> int:
        """How many runs had all data of both sides."""
        return sum(run.is_judged for run in self.runs)

    @property
    def different(self) -> tuple[Result, ...]:
        """The cells that do not match, the bad ones first and the largest relative differences first."""
        found = (result for result in self.results if result.status is not Status.MATCH)
        return tuple(sorted(found, key=lambda one: (one.is_fine, -_relative(one))))

    @property
    def state(self) -> State | None:
        """That of the tier which needs attention most; None where no tier was ever compared with all data."""
        return min((one.state for one in self.convergence), key=list(State).index, default=None)

    def result(self, tier: str | None, metric: Metric) -> Result | None:
        return next((one for one in self.results if one.user_tier == tier and one.metric == metric), None)


@dataclass(frozen=True)
class Reconciliation:
    """Everything a report shows. metrics and days in order; source: where it was read from, in words."""

    generated_at: datetime
    source: str
    metrics: tuple[Metric, ...]
    days: tuple[DayHistory, ...]

    def days_with(self, verdict: Verdict) -> tuple[DayHistory, ...]:
        return tuple(day for day in self.days if day.latest.verdict is verdict)

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of a day; nothing_to_compare where there is no day."""
        return next((verdict for verdict in _WORST_FIRST if self.days_with(verdict)), Verdict.NOTHING_TO_COMPARE)

    @property
    def headline(self) -> str:
        """The outcome in one sentence, and what could not be judged in a second one."""
        if not self.days:
            return "No day has been reconciled yet."
        waiting, absent = len(self.days_with(Verdict.NOT_READY)), len(self.days_with(Verdict.NOTHING_TO_COMPARE))
        judged = len(self.days) - waiting - absent
        if not judged and not waiting:
            days = "the one day" if absent == 1 else f"any of {absent} days"
            return f"Nothing to compare with: there is no speed-layer snapshot for {days}."
        sentences = [self._outcome(judged)] if judged else ["No day can be judged yet."]
        if waiting:
            sentences.append(f"{waiting} {'day is' if waiting == 1 else 'days are'} not ready.")
        if absent:
            sentences.append(f"{absent} {'has' if absent == 1 else 'have'} nothing to compare with.")
        return " ".join(sentences)

    def _outcome(self, judged: int) -> str:
        disagree = len(self.days_with(Verdict.DISAGREE))
        within = len(self.days_with(Verdict.WITHIN_TOLERANCE))
        if judged == 1:
            outcome = "disagrees" if disagree else "differs within tolerance" if within else "agrees"
            return f"The one day compared {outcome}."
        if disagree:
            return f"{disagree} of {judged} days disagree{_s(disagree)}."
        if within:
            return f"No day disagrees; {within} of {judged} days differ{_s(within)} within tolerance."
        return f"All {judged} days agree."


def tier_order(tier: str | None) -> tuple[bool, str]:
    """Sorts tiers by name, no tier last."""
    return tier is None, tier or ""


_WORST_FIRST = (
    *(Verdict.DISAGREE, Verdict.NOT_READY, Verdict.NOTHING_TO_COMPARE),
    *(Verdict.WITHIN_TOLERANCE, Verdict.AGREE),
)


def _s(count: int) -> str:
    """The ending of a verb whose subject counts that many."""
    return "s" if count == 1 else ""


def _relative(result: Result) -> Decimal:
    """For sorting: a difference from a batch value that is zero or missing is larger than any other."""
    return Decimal("Infinity") if result.relative_difference is None else result.relative_difference
