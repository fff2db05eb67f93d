"""How values, statuses and times read: the same words and signs on the terminal and in the HTML report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import ROUND_HALF_UP, Context, Decimal

from reconcile.comparison.outcomes import Metric, Status, Tolerance, Verdict
from reconcile.report.history import Convergence, DayHistory, State, Wait

NO_TIER = "no tier"
_EXACT = Context(prec=80)  # Python's own has 28 digits; a share of a cent and 10²⁴ has more
MONEY = "money"  # the unit of amounts, as recon.metrics has it

STATUS_WORDS = {
    Status.MATCH: "match",
    Status.WITHIN_TOLERANCE: "within tolerance",
    Status.OUT_OF_TOLERANCE: "out of tolerance",
    Status.MISSING_IN_BATCH: "missing in batch",
    Status.MISSING_IN_SPEED: "missing in speed",
}
# A sign beside every colour: the report must be readable without telling colours apart.
STATUS_SIGNS = {
    Status.MATCH: "✓",
    Status.WITHIN_TOLERANCE: "≈",
    Status.OUT_OF_TOLERANCE: "✕",
    Status.MISSING_IN_BATCH: "◐",
    Status.MISSING_IN_SPEED: "◑",
}
VERDICT_WORDS = {
    Verdict.AGREE: "agree",
    Verdict.WITHIN_TOLERANCE: "within tolerance",
    Verdict.DISAGREE: "disagree",
    Verdict.NOTHING_TO_COMPARE: "nothing to compare",
    Verdict.NOT_READY: "not ready",
}
VERDICT_SIGNS = {
    Verdict.AGREE: "✓",
    Verdict.WITHIN_TOLERANCE: "≈",
    Verdict.DISAGREE: "✕",
    Verdict.NOTHING_TO_COMPARE: "–",
    Verdict.NOT_READY: "…",
}
STATE_WORDS = {state: state.value for state in State}
STATE_SIGNS = {
    State.STUCK: "■",
    State.REGRESSED: "↯",
    State.OPEN: "○",
    State.CONVERGING: "↘",
    State.CONVERGED: "✓",
}
# Why a day is not ready: the codes of recon.runs.waits_for, and what each waits for.
WAITING_WORDS = {
    "day_not_over": "the day and the allowed lateness are not over",
    "extracted_before_the_end": "the speed layer's snapshot was taken before the day was over",
    "snapshot_refused": "the newer snapshot {} could not be loaded",
    "not_extracted": "no snapshot of the speed layer was taken",
    "not_published": "no batch was published after the day was over",
    "not_loaded": "batch {} is published and not loaded",
    "not_flagged": "batch {} is loaded and not flagged",
    "not_built": "the marts are not built from change {}",
}


def tier_text(tier: str | None) -> str:
    return NO_TIER if tier is None else tier


def metric_text(metric: Metric) -> str:
    return metric.name.replace("_", " ")


def waiting_text(reason: str) -> str:
    """What a day waits for, in words; a code that is not known here reads as it is."""
    code, _, subject = reason.partition(" ")
    return WAITING_WORDS[code].format(subject) if code in WAITING_WORDS else reason


def waits_text(reasons: Iterable[str]) -> str:
    return "; ".join(map(waiting_text, reasons))


def limits_text(metric: Metric, tolerance: Tolerance | None) -> str:
    """The limits that a cell was judged by, of which either suffices."""
    if tolerance is None:
        return "not recorded"
    if not tolerance.absolute and not tolerance.relative:
        return "none"
    limits = [
        f"{_number(metric, tolerance.absolute)} {metric.unit}" if tolerance.absolute else "",
        percent_text(tolerance.relative) if tolerance.relative else "",
    ]
    return " or ".join(limit for limit in limits if limit)


def value_text(metric: Metric, value: Decimal | None) -> str:
    """Money with two places, counts with none (more only where the value has them); a missing side is a dash."""
    return "—" if value is None else _number(metric, value)


def difference_text(metric: Metric, value: Decimal) -> str:
    """Signed, speed - batch, with a real minus sign."""
    text = _number(metric, abs(value))
    return f"+{text}" if value > 0 else f"−{text}" if value < 0 else "0"


def percent_text(value: Decimal | None) -> str:
    """0.0512 as 5.12 %; something that would round to nothing is shown as being there."""
    if value is None:
        return "undefined"
    percent = value.scaleb(2, _EXACT).quantize(Decimal("0.01"), ROUND_HALF_UP, _EXACT)
    if percent == 0 and value != 0:
        return "< 0.01 %"
    return f"{percent:,.{0 if percent == percent.to_integral_value() else 2}f} %"


def largest_text(day: DayHistory) -> str:
    """The largest relative difference of a day's cells; undefined where a batch value is zero or missing."""
    if not day.different:
        return percent_text(Decimal(0))
    return percent_text(max(day.different, key=lambda cell: _size(cell.relative_difference)).relative_difference)


def causes_text(causes: Iterable[str]) -> str:
    return ", ".join(map(cause_text, causes))


def cause_text(cause: str) -> str:
    return cause.replace("_", " ")


def differences_text(differences: Mapping[Metric, Decimal]) -> str:
    """Differences by metric, as `sessions −12, revenue −34.50`."""
    return ", ".join(f"{metric_text(metric)} {difference_text(metric, value)}" for metric, value in differences.items())


def parts_text(differences: Mapping[str | None, Mapping[Metric, Decimal]]) -> str:
    """Differences by tier and metric, as `gold: sessions −1; no tier: sessions +1`."""
    return "; ".join(f"{tier_text(tier)}: {differences_text(parts)}" for tier, parts in differences.items())


def discrepancy_text(value: Decimal) -> str:
    """Two places; something that would round to nothing is shown as being there."""
    return "< 0.01" if 0 < value < Decimal("0.005") else f"{value:,.2f}"


def course_text(convergence: Convergence) -> str:
    """The discrepancy of a date and tier then and now, and over how many comparisons."""
    first, last = convergence.points[0], convergence.points[-1]
    sizes = dict.fromkeys((discrepancy_text(first.discrepancy), discrepancy_text(last.discrepancy)))
    count = len(convergence.points)
    return f"discrepancy {' → '.join(sizes)} in {count} comparison{'' if count == 1 else 's'}"


def slo_text(convergence: Convergence) -> str:
    """How long a date and tier has been bad, or was, against the hours that the SLO allows."""
    if not convergence.ever_differed:
        return "never disagreed"
    burn = "" if convergence.slo_burn is None else f", {percent_text(convergence.slo_burn)} of the SLO"
    fine = convergence.state is State.CONVERGED
    return f"{'converged after' if fine else 'for'} {convergence.hours:,.1f} h{burn}"


def wait_text(wait: Wait) -> str:
    late = "overdue: it alerts" if wait.is_overdue else "not overdue"
    return f"since {time_text(wait.since_at)}, due {time_text(wait.due_at)}, {late}"


def _size(relative: Decimal | None) -> Decimal:
    return Decimal("Infinity") if relative is None else relative


def time_text(moment: datetime | None) -> str:
    return "not recorded" if moment is None else moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def count_text(count: int | None) -> str:
    return "not recorded" if count is None else f"{count:,}"


def _number(metric: Metric, value: Decimal) -> str:
    places = 2 if metric.unit == MONEY else 0
    exact = value.normalize()
    exponent = exact.as_tuple().exponent
    needed = -exponent if isinstance(exponent, int) and exponent < 0 else 0
    return f"{value:,.{max(places, needed)}f}"
