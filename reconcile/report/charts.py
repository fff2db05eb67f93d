"""The report's charts: SVG drawn by pygal, without its scripts and colours. The page's CSS styles them, light or dark."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from reconcile.report.history import Convergence
from reconcile.report.wording import discrepancy_text, tier_text, time_text

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_DRAWN = ("g", "path", "circle", "rect", "text", "title")
MOST_LINES = 5  # as many as the page has dashes and colours for


def _library() -> Any:
    """Import pygal, where a chart is drawn and not before: texts and documents need none.

    It leaves a finder of modules behind, for maps alone, that lacks find_spec; every later import warns of that.
    """
    finders = list(sys.meta_path)
    import pygal

    sys.meta_path[:] = [each for each in sys.meta_path if each in finders or hasattr(each, "find_spec")]
    return pygal


def convergence_chart(day: date, tiers: Sequence[Convergence]) -> Markup:
    """A line a tier: its discrepancy at each comparison of the date, over time. At most MOST_LINES tiers."""
    pygal = _library()
    points = [point for tier in tiers for point in tier.points]
    top = max(float(point.discrepancy) for point in points) or 1.0
    moments = sorted({point.compared_at for point in points})
    chart = pygal.DateTimeLine(
        title=None,
        width=360,
        height=170,
        margin=6,
        show_legend=False,
        include_x_axis=True,
        dots_size=4,
        truncate_label=-1,
        x_labels=[moments[0], moments[-1]] if len(moments) > 1 else moments,
        x_value_formatter=_moment,
        y_labels=[0, top / 2, top],
        value_formatter=_size,
        js=(),
        css=(),
        no_prefix=True,
        disable_xml_declaration=True,
    )
    chart.add_xml_filter(_bare)
    for tier in tiers:
        chart.add(
            tier_text(tier.user_tier),
            [
                {
                    "value": (point.compared_at, float(point.discrepancy)),
                    "tooltip": f"{time_text(point.compared_at)}, {tier_text(tier.user_tier)}: "
                    f"discrepancy {discrepancy_text(point.discrepancy)}, {point.bad_cells} cells not within tolerance",
                }
                for point in tier.points
            ],
        )
    return Markup('<div class="chart" role="img" aria-label="{}">{}</div>').format(
        _summary(day, tiers),
        Markup(chart.render()),  # noqa: S704 (pygal escapes)
    )


def line_sample(number: int) -> Markup:
    """The line of a tier in the chart's legend."""
    return Markup(
        '<svg class="sample series serie-{}" viewBox="0 0 28 8" aria-hidden="true" focusable="false">'
        '<path class="line" d="M0 4 H28"/></svg>'
    ).format(number)


def _bare(root: Element) -> Element:
    """Keep what is drawn: no script, no style, no comment, nothing that only a script would show, no name of its own."""
    for name in ("id", "xmlns"):
        root.attrib.pop(name, None)
    for parent in list(root.iter()):
        for child in list(parent):
            is_label = child.tag == "title" and parent.get("class") != "dots"
            if is_label or child.tag not in _DRAWN or "tooltip-overlay" in child.get("class", ""):
                parent.remove(child)
    return root


def _summary(day: date, tiers: Sequence[Convergence]) -> str:
    lines = (
        f"{tier_text(tier.user_tier)}: " + ", ".join(discrepancy_text(point.discrepancy) for point in tier.points)
        for tier in tiers
    )
    return f"Discrepancies of {day}, comparison by comparison. {'; '.join(lines)}"


def _moment(value: datetime) -> str:
    return f"{value:%b} {value.day}, {value:%H:%M}"


def _size(value: Any) -> str:
    """Two places on the axis. pygal also asks for a point, whose text nobody sees."""
    return f"{value:,.2f}" if isinstance(value, int | float) else ""
