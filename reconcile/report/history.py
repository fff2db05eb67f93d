"""What was compared, when, and how it came out: the typed results that every report is a rendering of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from reconcile.comparison.outcomes import Metric, Result, Status, Verdict


class Convergence(StrEnum):
    """Where a date stands over its runs.

    settled: it agreed, or was within tolerance, from the first comparison on. converged: it disagreed once and no longer
    does. improving, worsening, unchanged: it disagrees still, with fewer, more or the same differences than at its first
    comparison. open: it disagrees and was compared only once.
    """

    SETTLED = "settled"
    CONVERGED = "converged"
    IMPROVING = "improving"
    WORSENING = "worsening"
    UNCHANGED = "unchanged"
    OPEN = "open"


UNJUDGED = (Verdict.NOT_READY, Verdict.NOTHING_TO_COMPARE)


@dataclass(frozen=True)
class Extraction:
    """The snapshot of one day of the speed layer that a run compared with. Times are UTC.

    non_uuid_ids: identifiers that are no UUIDs. None: not recorded.
    """

    extraction_id: str
    extracted_at: datetime | None
    row_count: int | None
    non_uuid_ids: int | None


@dataclass(frozen=True)
class RunSummary:
    """One comparison of one date, in numbers.

    counts: cells by status. max_relative: the largest relative difference of the cells that have one; None: none has.
    undefined: cells that differ from a batch value of zero or a missing one, and so have no relative difference.
    waits_for: why the day is not ready, as codes (`day_not_over`, `not_loaded <batch>`, …); empty where it is.
    """

    run_id: str
    compared_at: datetime
    verdict: Verdict
    change_id: int | None
    extraction: Extraction | None
    counts: Mapping[Status, int]
    max_relative: Decimal | None
    undefined: int
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
    """All comparisons of one UTC date, oldest first (never empty), and the cells of the last one."""

    date: date
    runs: tuple[RunSummary, ...]
    results: tuple[Result, ...]

    @property
    def latest(self) -> RunSummary:
        return self.runs[-1]

    @property
    def compared_runs(self) -> tuple[RunSummary, ...]:
        """The runs that had all data of both sides."""
        return tuple(run for run in self.runs if run.is_judged)

    @property
    def convergence(self) -> Convergence | None:
        """None while the newest comparison lacks data of a side."""
        compared = self.compared_runs
        if not compared or not self.latest.is_judged:
            return None
        if self.latest.verdict is not Verdict.DISAGREE:
            disagreed = any(run.verdict is Verdict.DISAGREE for run in compared)
            return Convergence.CONVERGED if disagreed else Convergence.SETTLED
        if len(compared) == 1:
            return Convergence.OPEN
        first, last = _distance(compared[0]), _distance(compared[-1])
        if last < first:
            return Convergence.IMPROVING
        return Convergence.UNCHANGED if last == first else Convergence.WORSENING

    @property
    def tiers(self) -> tuple[str | None, ...]:
        """The tiers compared, in order, NULL last."""
        found = {result.user_tier for result in self.results}
        return tuple(sorted(found, key=lambda tier: (tier is None, tier or "")))

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
            sentences.append(f"{waiting} {_days(waiting)} not ready.")
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


def _days(count: int) -> str:
    return "day is" if count == 1 else "days are"


def _s(count: int) -> str:
    """The ending of a verb whose subject counts that many."""
    return "s" if count == 1 else ""


def _distance(run: RunSummary) -> tuple[int, Decimal]:
    """How far a run is from agreement: cells out of tolerance first, then the largest relative difference."""
    return run.differing, run.max_relative or Decimal(0)
