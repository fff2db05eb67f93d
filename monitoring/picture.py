"""Draws what the dashboard shows now, as one SVG file: its panels' own queries, asked of a Prometheus. It needs no Grafana."""

from __future__ import annotations

import json
import re
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from monitoring.errors import PrometheusError

Ask = Callable[[str], Sequence[Any]]
DASHBOARD = Path(__file__).with_name("dashboard.json")
_COLUMN, _ROW, _GAP = 50, 30, 8  # pixels of a unit of Grafana's grid
_LINE, _TOP = 18, 44  # pixels of a bar with its name, and of a panel's title
_INK, _PALE, _BAR, _PANEL = "#24292f", "#6e7781", "#0969da", "#f6f8fa"


def ask_prometheus(url: str) -> Ask:
    """A function that asks for an expression's value now. It raises PrometheusError."""

    def ask(expression: str) -> Sequence[Any]:
        asked = f"{url.rstrip('/')}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
        try:
            with urllib.request.urlopen(asked, timeout=30) as answer:  # noqa: S310, the user's own address
                found: list[Any] = json.load(answer)["data"]["result"]
        except (OSError, ValueError, KeyError) as error:
            raise PrometheusError(f"{url} does not answer '{expression}': {error}") from error
        return found

    return ask


def draw(dashboard: Mapping[str, Any], ask: Ask) -> str:
    """The picture: each panel where Grafana has it, a bar for each series, or that there is none."""
    panels = dashboard["panels"]
    width = max(one["gridPos"]["x"] + one["gridPos"]["w"] for one in panels) * _COLUMN + _GAP
    height = max(one["gridPos"]["y"] + one["gridPos"]["h"] for one in panels) * _ROW + _GAP
    drawn = "\n".join(_panel(panel, ask) for panel in panels)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">\n'
        f'<title>{escape(dashboard["title"])}</title>\n<rect width="{width}" height="{height}" fill="white"/>\n{drawn}\n</svg>\n'
    )


def _panel(panel: Mapping[str, Any], ask: Ask) -> str:
    at, unit = panel["gridPos"], panel["fieldConfig"]["defaults"].get("unit", "short")
    x, y = at["x"] * _COLUMN + _GAP, at["y"] * _ROW + _GAP
    width, height = at["w"] * _COLUMN - _GAP, at["h"] * _ROW - _GAP
    parts = [
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="4" fill="{_PANEL}"/>',
        f'<text x="{x + 10}" y="{y + 20}" font-weight="bold" fill="{_INK}">{escape(panel["title"])}</text>',
    ]
    series = [
        (_legend(target.get("legendFormat", ""), one["metric"]), float(one["value"][1]))
        for target in panel["targets"]
        for one in ask(target["expr"])
    ]
    room = max(1, (height - _TOP) // _LINE)
    shown = sorted(series, key=lambda one: -one[1])[: room if len(series) <= room else room - 1]
    most = max((abs(value) for _, value in shown), default=0) or 1
    for place, (name, value) in enumerate(shown):
        line, length = y + _TOP + place * _LINE, (width - 20) * abs(value) / most
        parts += [
            f'<rect x="{x + 10}" y="{line - 11}" width="{length:.0f}" height="14" fill="{_BAR}" fill-opacity="0.25"/>',
            f'<text x="{x + 14}" y="{line}" fill="{_INK}">{escape(name)}</text>',
            f'<text x="{x + width - 12}" y="{line}" text-anchor="end" fill="{_INK}">{escape(_told(value, unit))}</text>',
        ]
    if len(shown) < len(series) or not series:
        rest = f"and {len(series) - len(shown)} more" if series else "no data"
        line = y + _TOP + len(shown) * _LINE
        parts.append(f'<text x="{x + 14}" y="{line}" fill="{_PALE}">{rest}</text>')
    return "\n".join(parts)


def _legend(form: str, labels: Mapping[str, str]) -> str:
    """A series' name: Grafana's form with the labels put in, else the labels."""
    if form:
        return re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda found: labels.get(found[1], ""), form)
    return ", ".join(value for name, value in sorted(labels.items()) if name != "__name__")


def _told(value: float, unit: str) -> str:
    if unit == "percentunit":
        return f"{value:.1%}"
    if unit == "s":
        for seconds, name in ((86400, "d"), (3600, "h"), (60, "min")):
            if abs(value) >= seconds:
                return f"{value / seconds:.1f} {name}"
        return f"{value:.1f} s"
    told = f"{value:,.0f}" if value.is_integer() else f"{value:,.2f}"
    return told if unit == "short" else f"{told} {unit}"
