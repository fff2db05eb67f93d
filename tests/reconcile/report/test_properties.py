"""Whatever was compared: every rendering is well-formed, complete and says the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile.comparison.outcomes import Verdict
from reconcile.report.documents import render_json, render_junit
from reconcile.report.history import DayHistory, Reconciliation
from reconcile.report.html import render_html
from reconcile.report.terminal import render_text
from tests.reconcile.comparison.rules import METRICS, NAMES, GroupValues
from tests.reconcile.report.histories import NOON, explained, history
from tests.reconcile.report.page import Page

DAYS = st.dates(date(2023, 12, 28), date(2024, 1, 3))
TIERS = st.one_of(st.none(), st.sampled_from(["gold", "<b>&'\"", "]]>", "[red]"]), st.text(max_size=8))
VALUES = st.one_of(
    st.sampled_from([Decimal(0), Decimal(100), Decimal(103), Decimal(200)]),
    st.decimals(min_value=-(10**31), max_value=10**31, places=6, allow_nan=False, allow_infinity=False),
)
# The other metrics are equal, so that examples stay small.
SIDE = st.dictionaries(TIERS, st.tuples(VALUES, VALUES), max_size=3)
RUN = st.one_of(st.none(), st.tuples(SIDE, SIDE))
WAITS = st.sampled_from(["", "", "day_not_over", "not_loaded <b-1>, not_built 7", "something_new"])
Side = Mapping[str | None, tuple[Decimal, Decimal]]


def groups(day: date, side: Side) -> list[GroupValues]:
    same = dict.fromkeys(NAMES, Decimal(1))
    return [GroupValues(day, tier, {**same, "sessions": a, "revenue": b}) for tier, (a, b) in side.items()]


@st.composite
def histories(draw: st.DrawFn, day: date) -> DayHistory:
    runs = draw(st.lists(RUN, min_size=1, max_size=3))
    pairs = (None if run is None else (groups(day, run[0]), groups(day, run[1])) for run in runs)
    made = history(day, *pairs, waits_for=draw(WAITS))
    is_explained = draw(st.booleans())
    return explained(made) if is_explained else made


@st.composite
def reconciliations(draw: st.DrawFn) -> Reconciliation:
    days = sorted(draw(st.sets(DAYS, max_size=3)))
    return Reconciliation(NOON, draw(st.text(max_size=8)), METRICS, tuple(draw(histories(day)) for day in days))


@settings(max_examples=25, deadline=None)
@given(reconciliations())
def test_every_rendering_says_the_same(report: Reconciliation) -> None:
    page = Page(render_html(report))
    assert len(page.ids) == len(set(page.ids))
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)
    assert {f"day-{day.date}" for day in report.days} <= set(page.ids)
    assert "script" not in page.tags
    assert report.headline in page.text
    assert report.headline in " ".join(render_text(report).split())

    document = json.loads(render_json(report))
    suites = ElementTree.fromstring(render_junit(report))  # noqa: S314 (our own)
    for day, shown, suite in zip(report.days, document["days"], suites, strict=True):
        assert [
            (cell["user_tier"], cell["metric"], Decimal(cell["difference"]), cell["status"]) for cell in shown["cells"]
        ] == [(cell.user_tier, cell.metric.name, cell.difference, cell.status) for cell in day.results]
        bad = [cell for cell in day.results if not cell.is_fine] if day.latest.is_judged else []
        assert len(suite.findall("testcase/failure")) == len(bad)
        assert (len(bad) > 0) == (day.latest.verdict is Verdict.DISAGREE)
        assert len(suite.findall("testcase/skipped")) == (not day.latest.is_judged)

    verdicts = {day.latest.verdict for day in report.days}
    worst = (Verdict.DISAGREE, Verdict.NOT_READY, Verdict.NOTHING_TO_COMPARE, Verdict.WITHIN_TOLERANCE, Verdict.AGREE)
    assert report.verdict is min(verdicts, key=worst.index, default=Verdict.NOTHING_TO_COMPARE)
