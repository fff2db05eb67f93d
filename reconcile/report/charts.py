"""The report's charts as inline SVG. Colours are CSS classes, so that they follow the page's light or dark scheme."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from markupsafe import Markup

from reconcile.comparison.outcomes import Status
from reconcile.report.history import DayHistory, RunSummary
from reconcile.report.wording import STATUS_WORDS, VERDICT_WORDS, largest_text, percent_text, time_text

_WIDTH = 1000
_HEIGHT = 190
_LEFT, _TOP, _BOTTOM = 34, 10, 34
_LINE_WIDTH, _LINE_HEIGHT, _LINE_PAD = 260, 84, 8


def days_chart(days: Sequence[DayHistory]) -> Markup:
    """A stacked bar per day: the day's cells by status, best at the bottom. Days without a comparison are hatched."""
    if not days:
        return Markup("")
    most = max((day.latest.cells for day in days), default=0) or 1
    inner_width, inner_height = _WIDTH - _LEFT, _HEIGHT - _TOP - _BOTTOM
    step = inner_width / len(days)
    bar = min(step * 0.72, 56)
    parts = [_grid(most, inner_height)]
    one_year = days[0].date.year == days[-1].date.year
    label_every = max(1, -(-len(days) // (16 if one_year else 9)))
    for number, day in enumerate(days):
        x = _LEFT + step * number + (step - bar) / 2
        parts.append(_bar(day, x, bar, inner_height / most))
        if number % label_every == 0:
            middle = _LEFT + step * (number + 0.5)
            parts.append(_text(middle, _HEIGHT - 14, _short(day.date, one_year), "tick"))
    summary = f"Cells by status for {len(days)} days, from {days[0].date} to {days[-1].date}; the table below has the numbers."
    return _svg(_WIDTH, _HEIGHT, "Cells by status, day by day", summary, parts)


def convergence_chart(day: DayHistory) -> Markup:
    """A line over a date's comparisons: each one's largest relative difference, on the scale of the largest of them.

    Differences above 100 %, and from a batch value that is zero or missing, are drawn as 100 %; the labels say which.
    """
    runs = day.compared_runs
    heights = [_drawn(run) for run in runs]
    top = max(heights, default=0.0) or 1.0
    width, height = _LINE_WIDTH - 2 * _LINE_PAD, _LINE_HEIGHT - 2 * _LINE_PAD - 14
    base = _LINE_PAD + height
    points = []
    for number, run in enumerate(runs):
        x = _LINE_PAD + (width * number / (len(runs) - 1) if len(runs) > 1 else width / 2)
        points.append((x, base - height * heights[number] / top, run))
    parts = [
        Markup('<line class="axis" x1="{}" y1="{}" x2="{}" y2="{}"/>').format(
            _LINE_PAD, f"{base:.1f}", _LINE_PAD + width, f"{base:.1f}"
        ),
        Markup('<polyline class="line" points="{}"/>').format(" ".join(f"{x:.1f},{y:.1f}" for x, y, _ in points)),
    ]
    for number, (x, y, run) in enumerate(points):
        label = (
            f"{time_text(run.compared_at)}: {VERDICT_WORDS[run.verdict]}, largest difference {largest_text(run)}, "
            f"{run.differing} of {run.cells} cells not within tolerance"
        )
        parts.append(
            Markup('<circle class="dot v-{}" cx="{}" cy="{}" r="5"><title>{}</title></circle>').format(
                run.verdict.value, f"{x:.1f}", f"{y:.1f}", label
            )
        )
        if number in (0, len(points) - 1):
            anchor = "start" if number == 0 else "end"
            parts.append(_text(x, _LINE_HEIGHT - 4, largest_text(run), "tick", anchor))
    summary = f"Largest differences of {len(runs)} comparisons: " + ", then ".join(largest_text(run) for run in runs)
    return _svg(_LINE_WIDTH, _LINE_HEIGHT, f"Convergence of {day.date}", summary, parts)


def _drawn(run: RunSummary) -> float:
    return 1.0 if run.undefined else float(min(run.max_relative or Decimal(0), Decimal(1)))


def size_bar(relative: Decimal | None) -> Markup:
    """A small bar of a relative difference, full at 100 % and above or where it is undefined. Decorative."""
    share = Decimal(1) if relative is None else min(relative, Decimal(1))
    return Markup(
        '<svg class="size" viewBox="0 0 60 6" aria-hidden="true" focusable="false"><title>{}</title>'
        '<rect class="size-all" width="60" height="6" rx="3"/><rect class="size-part" width="{}" height="6" rx="3"/></svg>'
    ).format(percent_text(relative), f"{float(share) * 60:.1f}")


def _bar(day: DayHistory, x: float, width: float, unit: float) -> Markup:
    base = float(_HEIGHT - _BOTTOM)
    run = day.latest
    if not run.is_judged or not run.cells:
        return Markup(
            '<a href="#day-{}"><rect class="s-none" x="{}" y="{}" width="{}" height="10"><title>{}: {}</title></rect></a>'
        ).format(day.date, f"{x:.1f}", f"{base - 10:.1f}", f"{width:.1f}", day.date, VERDICT_WORDS[run.verdict])
    pieces = []
    for status in Status:
        count = run.counts.get(status, 0)
        if count:
            base -= count * unit
            pieces.append(
                Markup('<rect class="s-{}" x="{}" y="{}" width="{}" height="{}"/>').format(
                    status.value, f"{x:.1f}", f"{base:.1f}", f"{width:.1f}", f"{count * unit:.1f}"
                )
            )
    words = ", ".join(f"{run.counts[status]} {STATUS_WORDS[status]}" for status in Status if run.counts.get(status))
    title = f"{day.date}: {VERDICT_WORDS[run.verdict]} ({words})"
    return Markup('<a href="#day-{}"><title>{}</title>{}</a>').format(day.date, title, Markup("").join(pieces))


def _grid(most: int, inner_height: float) -> Markup:
    lines = []
    for share in (0, 0.5, 1):
        y = _HEIGHT - _BOTTOM - inner_height * share
        lines.append(
            Markup('<line class="axis" x1="{}" y1="{}" x2="{}" y2="{}"/>').format(_LEFT, f"{y:.1f}", _WIDTH, f"{y:.1f}")
        )
        lines.append(_text(_LEFT - 6, y + 4, f"{most * share:g}", "tick", "end"))
    return Markup("").join(lines)


def _text(x: float, y: float, text: str, css: str, anchor: str = "middle") -> Markup:
    return Markup('<text class="{}" x="{}" y="{}" text-anchor="{}">{}</text>').format(
        css, f"{x:.1f}", f"{y:.1f}", anchor, text
    )


def _short(day: date, one_year: bool) -> str:
    """Month and day; the year only where the days shown lie in several."""
    return f"{day:%b} {day.day}" if one_year else f"{day:%Y-%m-%d}"


def _svg(width: int, height: int, title: str, description: str, parts: Sequence[Markup]) -> Markup:
    return Markup(
        '<svg viewBox="0 0 {} {}" role="img" aria-label="{}. {}" preserveAspectRatio="xMidYMid meet">{}</svg>'
    ).format(width, height, title, description, Markup("").join(parts))
