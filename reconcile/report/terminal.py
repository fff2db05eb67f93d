"""The verdict as tables on a terminal: a line per day, then every cell that does not match."""

from __future__ import annotations

import io

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from reconcile.comparison.outcomes import Status, Verdict
from reconcile.report.history import Reconciliation
from reconcile.report.wording import (
    STATUS_SIGNS,
    STATUS_WORDS,
    VERDICT_SIGNS,
    VERDICT_WORDS,
    difference_text,
    largest_text,
    limits_text,
    metric_text,
    percent_text,
    tier_text,
    value_text,
    waiting_text,
)

_VERDICT_STYLES = {
    Verdict.AGREE: "green",
    Verdict.WITHIN_TOLERANCE: "yellow",
    Verdict.DISAGREE: "red",
    Verdict.NOTHING_TO_COMPARE: "dim",
    Verdict.NOT_READY: "cyan",
}
_STATUS_STYLES = {Status.MATCH: "green", Status.WITHIN_TOLERANCE: "yellow", Status.OUT_OF_TOLERANCE: "red"}


def render_verdict(
    reconciliation: Reconciliation, console: Console | None = None, most_days: int = 31, most_cells: int = 60
) -> None:
    """Print the newest verdict of every day and the cells behind it; what is left out is said."""
    console = console or Console()
    if reconciliation.days:
        console.print(_days(reconciliation, most_days))
        for table in (_waiting(reconciliation, most_days), _cells(reconciliation, most_cells)):
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
            largest_text(run) if run.cells else "",
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
    for day in days[-most:]:
        table.add_row(str(day.date), escape("; ".join(map(waiting_text, day.latest.waits_for))))
    return table


def _cells(reconciliation: Reconciliation, most: int) -> Table | None:
    cells = [
        result
        for day in reconciliation.days
        if day.latest.is_judged
        for result in day.results
        if result.status is not Status.MATCH
    ]
    if not cells:
        return None
    more = f" (the first {most} of {len(cells)})" if len(cells) > most else ""
    table = _table(f"Cells that do not match{more}")
    for name in ("date", "user tier", "metric"):
        table.add_column(name, no_wrap=True)
    for name in ("speed", "batch", "difference", "relative", "limits"):
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
            limits_text(cell.metric, cell.tolerance),
            f"[{style}]{STATUS_SIGNS[cell.status]} {STATUS_WORDS[cell.status]}[/{style}]",
        )
    return table


def _table(title: str) -> Table:
    """Narrow enough for 80 columns: no rules between columns, the last column alone may wrap."""
    return Table(
        title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold underline"
    )
