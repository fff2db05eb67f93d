"""The verdict as tables on a terminal: a line per day, then every cell that does not match."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from local_stack.layout import Layout
from local_stack.warehouse_client import connect

_COLOURS = {
    "agree": "green",
    "match": "green",
    "within_tolerance": "yellow",
    "nothing_to_compare": "dim",
}
_MOST_DAYS = 31


def show(console: Console, layout: Layout) -> None:
    """Print the newest verdict of every day (the last 31 where there are more) and the cells behind it."""
    with connect(layout) as warehouse:
        days = warehouse.rows(
            "SELECT r.date, r.verdict, COUNT(c.metric), COUNT_IF(c.status = 'match'),"
            " COUNT_IF(c.status = 'within_tolerance'), COUNT_IF(c.status NOT IN ('match', 'within_tolerance'))"
            " FROM recon.latest_runs r LEFT JOIN recon.results c ON c.run_id = r.run_id"
            " GROUP BY r.date, r.verdict ORDER BY r.date"
        )
        cells = warehouse.rows(
            "SELECT date, user_tier, metric, speed_value, batch_value, difference, relative_difference, status"
            " FROM recon.latest_results WHERE status <> 'match' ORDER BY date, user_tier NULLS LAST, metric"
        )
    if not days:
        console.print("There is nothing to reconcile: neither the marts nor the speed layer has a day.")
        return
    if all(verdict == "nothing_to_compare" for _, verdict, *_ in days):
        console.print(
            f"[bold]Verdict: nothing to compare with.[/bold] {len(days)} days are in the marts; there is no snapshot"
            " of a speed layer for any of them."
        )
        return
    console.print(_days_table(days))
    if cells:
        console.print(_cells_table(cells))
    disagree = sum(verdict == "disagree" for _, verdict, *_ in days)
    console.print(
        f"[bold]Verdict: {len(days) - disagree} of {len(days)} days agree or are within tolerance; "
        f"{disagree} disagree.[/bold]"
    )


def _coloured(status: str) -> str:
    colour = _COLOURS.get(status, "red")
    return f"[{colour}]{status.replace('_', ' ')}[/{colour}]"


def _days_table(days: Sequence[Sequence[Any]]) -> Table:
    title = "Speed layer against marts, by UTC day"
    if len(days) > _MOST_DAYS:
        title += f" (the last {_MOST_DAYS} of {len(days)})"
    table = Table(title=title, title_justify="left")
    table.add_column("date")
    table.add_column("verdict")
    for name in ("cells", "match", "within tolerance", "differ"):
        table.add_column(name, justify="right")
    for date, verdict, *counts in days[-_MOST_DAYS:]:
        table.add_row(str(date), _coloured(verdict), *(str(count) for count in counts))
    return table


def _cells_table(cells: Sequence[Sequence[Any]]) -> Table:
    shown = cells[:60]
    more = f" (the first {len(shown)} of {len(cells)}; all are in recon.latest_results)" if len(cells) > 60 else ""
    table = Table(title=f"Cells that do not match{more}", title_justify="left")
    for name in ("date", "user tier", "metric"):
        table.add_column(name)
    for name in ("speed", "batch", "difference", "relative"):
        table.add_column(name, justify="right")
    table.add_column("status")
    for date, tier, metric, speed, batch, difference, relative, status in shown:
        table.add_row(
            str(date),
            "(no tier)" if tier is None else tier,
            metric,
            _number(speed),
            _number(batch),
            _number(difference, sign=True),
            "" if relative is None else f"{relative:.2%}",
            _coloured(status),
        )
    return table


def _number(value: Any, sign: bool = False) -> str:
    if value is None:
        return "—"
    plain = f"{value:{'+' if sign else ''}.2f}"
    return plain.removesuffix(".00")
