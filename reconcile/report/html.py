"""Renders typed results as one self-contained HTML page: no request leaves it, no script runs in it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from reconcile.comparison.outcomes import Status, Verdict
from reconcile.report import charts, wording
from reconcile.report.files import write
from reconcile.report.heat_map import heat_map
from reconcile.report.history import DayHistory, Reconciliation, State

# More cards than this help nobody; the days that need attention come first, and the page says what it leaves out.
MOST_CONVERGENCE_CARDS = 48


def render_html(reconciliation: Reconciliation) -> str:
    """The page as text."""
    moved = _moved(reconciliation)
    return _template().render(
        report=reconciliation,
        heat=heat_map(reconciliation),
        moved=moved[:MOST_CONVERGENCE_CARDS],
        moved_left_out=max(0, len(moved) - MOST_CONVERGENCE_CARDS),
        charts=charts,
        words=wording,
        State=State,
        Status=Status,
        Verdict=Verdict,
    )


def write_html(reconciliation: Reconciliation, target: Path) -> None:
    """Write the page, replacing an older one only when it is complete. Raises ReportError."""
    write(render_html(reconciliation), target)


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("reconcile.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2")


def _moved(reconciliation: Reconciliation) -> list[DayHistory]:
    """The days with a tier that ever disagreed, those that need attention first."""
    days = [(day, day.state) for day in reconciliation.days if any(tier.ever_differed for tier in day.convergence)]
    return [
        day for day, state in sorted(days, key=lambda one: (list(State).index(one[1] or State.CONVERGED), one[0].date))
    ]
