"""The verdict as tables on a terminal: the days, what waits, what does not agree yet, and every cell that does not match."""

from __future__ import annotations

import io

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from reconcile.comparison.outcomes import Result, Status, Verdict
from reconcile.report.history import Reconciliation, State
from reconcile.report.wording import (
    STATE_SIGNS,
    STATE_WORDS,
    STATUS_SIGNS,
    STATUS_WORDS,
    VERDICT_SIGNS,
    VERDICT_WORDS,
    causes_text,
    course_text,
    difference_text,
    largest_text,
    limits_text,
    metric_text,
    percent_text,
    slo_text,
    tier_text,
    value_text,
    wait_text,
    waits_text,
)

_VERDICT_STYLES = {
    Verdict.AGREE: "green",
    Verdict.WITHIN_TOLERANCE: "yellow",
    Verdict.DISAGREE: "red",
    Verdict.NOTHING_TO_COMPARE: "dim",
    Verdict.NOT_READY: "cyan",
}
_STATE_STYLES = {State.OPEN: "cyan", State.CONVERGING: "yellow"}
_STATUS_STYLES = {Status.MATCH: "green", Status.WITHIN_TOLERANCE: "yellow", Status.OUT_OF_TOLERANCE: "red"}


def render_verdict(
    reconciliation: Reconciliation, console: Console | None = None, most_days: int = 31, most_cells: int = 30
) -> None:
    """Print the newest verdict of every day and the cells behind it; what is left out is said."""
    console = console or Console()
    if reconciliation.days:
        console.print(_days(reconciliation, most_days))
        tables = (
            _waiting(reconciliation, most_days),
            _tiers(reconciliation, most_cells),
            _cells(reconciliation, most_cells),
        )
        for table in tables:
            if table is not None:
                console.print(table)
    console.print(f"[bold]Verdict: {escape(reconciliation.headline)}[/bold]")


def render_text(reconciliation: Reconciliation) -> str:
    """The same as plain text, 120 columns wide."""
    target = io.StringIO()
    render_verdict(reconciliation, Console(file=target, width=120))
    return target.getvalue()


def _days(reconciliation: Reconciliation, most: int) -> Table:
    days = reconciliation.days
    title = "Speed layer against marts, by UTC day"
    if len(days) > most:
        title += f" (the last {most} of {len(days)})"
    table = _table(title)
    table.add_column("date", no_wrap=True)
    table.add_column("verdict")
    for name in ("cells", "match", "within tolerance", "differ", "largest", "runs"):
        table.add_column(name, justify="right")
    for day in days[-most:]:
        run = day.latest
        style = _VERDICT_STYLES[run.verdict]
        table.add_row(
            str(day.date),
            f"[{style}]{VERDICT_SIGNS[run.verdict]} {VERDICT_WORDS[run.verdict]}[/{style}]",
            str(run.cells),
            str(run.counts.get(Status.MATCH, 0)),
            str(run.counts.get(Status.WITHIN_TOLERANCE, 0)),
            str(run.differing),
            largest_text(day) if run.cells else "",
            str(len(day.runs)),
        )
    return table


def _waiting(reconciliation: Reconciliation, most: int) -> Table | None:
    days = reconciliation.days_with(Verdict.NOT_READY)
    if not days:
        return None
    more = f" (the last {most} of {len(days)})" if len(days) > most else ""
    table = _table(f"Not ready{more}")
    table.add_column("date", no_wrap=True)
    table.add_column("waits for")
    table.add_column("how long")
    for day in days[-most:]:
        style = "red" if day.wait and day.wait.is_overdue else ""
        waits = Text(wait_text(day.wait), style) if day.wait else ""
        table.add_row(str(day.date), escape(waits_text(day.latest.waits_for)), waits)
    return table


def _tiers(reconciliation: Reconciliation, most: int) -> Table | None:
    """The tiers that do not agree yet, in the order in which they need attention."""
    tiers = [
        (tier, day) for day in reconciliation.days for tier in day.convergence if tier.state is not State.CONVERGED
    ]
    if not tiers:
        return None
    tiers.sort(key=lambda one: (list(State).index(one[0].state), one[1].date))
    more = f" (the first {most} of {len(tiers)})" if len(tiers) > most else ""
    table = _table(f"Tiers that do not agree yet{more}")
    for name in ("date", "user tier", "state"):
        table.add_column(name, no_wrap=True)
    table.add_column("how it goes")
    table.add_column("why")
    for tier, day in tiers[:most]:
        style = _STATE_STYLES.get(tier.state, "red")
        causes = [cause.cause for cause in day.causes if cause.user_tier == tier.user_tier]
        table.add_row(
            str(day.date),
            escape(tier_text(tier.user_tier)),
            f"[{style}]{STATE_SIGNS[tier.state]} {STATE_WORDS[tier.state]}[/{style}]",
            f"{course_text(tier)}, {slo_text(tier)}",
            escape(causes_text(causes[:3])),
        )
    return table


def _cells(reconciliation: Reconciliation, most: int) -> Table | None:
    """Those that are not within tolerance first."""
    judged = (day for day in reconciliation.days if day.latest.is_judged)
    cells = [result for day in judged for result in day.results if result.status is not Status.MATCH]
    cells.sort(key=lambda cell: cell.is_fine)
    if not cells:
        return None
    more = f" (the first {most} of {len(cells)})" if len(cells) > most else ""
    table = _table(f"Cells that do not match{more}")
    for name in ("date", "user tier", "metric"):
        table.add_column(name, no_wrap=True)
    for name in ("speed", "batch", "difference", "relative"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("status")
    for cell in cells[:most]:
        style = _STATUS_STYLES.get(cell.status, "magenta")
        table.add_row(
            str(cell.date),
            escape(tier_text(cell.user_tier)),
            escape(metric_text(cell.metric)),
            value_text(cell.metric, cell.speed_value),
            value_text(cell.metric, cell.batch_value),
            difference_text(cell.metric, cell.difference),
            percent_text(cell.relative_difference),
            f"[{style}]{STATUS_SIGNS[cell.status]} {STATUS_WORDS[cell.status]}[/{style}]{_limits(cell)}",
        )
    return table


def _limits(cell: Result) -> str:
    """The limits used, where the status depends on them."""
    is_judged_by_them = cell.status in (Status.WITHIN_TOLERANCE, Status.OUT_OF_TOLERANCE)
    return f" ({limits_text(cell.metric, cell.tolerance)})" if is_judged_by_them else ""


def _table(title: str) -> Table:
    """Narrow enough for 80 columns: no rules between columns, the last column alone may wrap."""
    return Table(
        title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold underline"
    )
