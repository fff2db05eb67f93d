"""Renders typed results as one self-contained HTML page: no request leaves it, no script runs in it."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from reconcile.comparison.outcomes import Status, Verdict
from reconcile.report import charts, wording
from reconcile.report.files import write
from reconcile.report.history import Convergence, DayHistory, Reconciliation

# More cards than this help nobody; the days that still disagree come first, and the page says what it leaves out.
MOST_CONVERGENCE_CARDS = 48


def render_html(reconciliation: Reconciliation) -> str:
    """The page as text."""
    environment = Environment(
        loader=PackageLoader("reconcile.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    moved = _moved(reconciliation)
    return environment.get_template("report.html.j2").render(
        report=reconciliation,
        moved=moved[:MOST_CONVERGENCE_CARDS],
        moved_left_out=max(0, len(moved) - MOST_CONVERGENCE_CARDS),
        charts=charts,
        words=wording,
        Status=Status,
        Verdict=Verdict,
    )


def write_html(reconciliation: Reconciliation, target: Path) -> None:
    """Write the page, replacing an older one only when it is complete. Raises ReportError."""
    write(render_html(reconciliation), target)


_ORDER = (Convergence.WORSENING, Convergence.UNCHANGED, Convergence.IMPROVING, Convergence.CONVERGED)


def _moved(reconciliation: Reconciliation) -> list[DayHistory]:
    """The days compared more than once that ever disagreed, those that need attention first."""
    days = [day for day in reconciliation.days if day.convergence in _ORDER and len(day.compared_runs) > 1]
    return sorted(days, key=lambda day: (_ORDER.index(day.convergence) if day.convergence else 0, day.date))
