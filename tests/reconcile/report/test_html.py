"""The HTML page and the terminal table as renderings of typed results."""

from __future__ import annotations

import io
import re
import sys
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from rich.console import Console

import reconcile
from reconcile.comparison.outcomes import Metric, Status, Tolerance, Verdict
from reconcile.report.charts import convergence_chart
from reconcile.report.files import ReportError
from reconcile.report.heat_map import Square, heat_map
from reconcile.report.history import DayHistory, Reconciliation, Refusal, State
from reconcile.report.html import render_html, write_html
from reconcile.report.wording import difference_text, limits_text, percent_text, value_text, waiting_text
from tests.reconcile.comparison.rules import METRICS
from tests.reconcile.report.histories import NOON, group, history, week
from tests.reconcile.report.page import Page


def test_the_page_is_well_formed_and_every_link_leads_somewhere() -> None:
    page = Page(render_html(week()))
    assert len(page.ids) == len(set(page.ids))
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)
    assert {f"day-2024-01-{day}" for day in range(15, 23)} <= set(page.ids)


def test_the_page_asks_the_network_for_nothing_and_runs_nothing() -> None:
    text = render_html(week())
    page = Page(text)
    assert page.sources == []
    assert {"script", "link", "iframe", "img", "object"}.isdisjoint(page.tags)
    assert "url(" not in text
    assert "@import" not in text
    assert "//" not in re.sub(r"<!--.*?-->", "", text)


def test_what_comes_from_data_is_escaped() -> None:
    tier = "<script>alert('x')</script>"
    day = date(2024, 1, 15)
    pair = ([group(day, tier, (1, 1, 1, "1"))], [group(day, tier, (2, 2, 2, "2"))])
    text = render_html(Reconciliation(NOON, "<b>&", (Metric("<i>", "", ""), *METRICS), (history(day, pair),)))
    assert "<script" not in text
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;" in text
    assert "Read from &lt;b&gt;&amp;" in text
    assert "&lt;i&gt;" in text


def test_the_page_says_what_differs_in_words() -> None:
    text = Page(render_html(week())).text
    assert "3 of 6 days disagree. 1 day is not ready. 1 has nothing to compare with." in text
    assert (
        "2024-01-22 ! overdue the day and the allowed lateness are not over batch b-1 is published and not loaded"
        in text
    )
    assert "out of tolerance −1,134.565 91.90 % 99.995 1,234.56 5 %" in text
    assert "missing in speed −1,234.56 100 % — 1,234.56 5 %" in text
    assert "no tier" in text
    assert "1 of 8 days have no numbers of the speed layer beside those of the warehouse: 2024-01-21" in text
    assert "python -m reconcile extract --date 2024-01-21" in text
    assert "bronze ■ stuck discrepancy 2.90 → 1.67 in 3 comparisons, for 72.0 h, 150 % of the SLO" in text
    assert "overdue: it alerts" in text


@pytest.mark.parametrize("days", [0, 1, 100])
def test_any_number_of_days(days: int) -> None:
    eight = week().days
    first = date(2023, 12, 1)
    made = tuple(replace(eight[n % 8], date=first + timedelta(days=n)) for n in range(days))
    page = Page(render_html(replace(week(), days=made)))
    assert ("more dates are not shown" in page.text) == (days == 100)
    assert ("The last 31 of 100 days" in page.text) == (days == 100)
    assert ("No day has been reconciled yet" in page.text) == (days == 0)


def test_headlines() -> None:
    report = week()
    agree, within, absent, waits = report.days[0], report.days[1], report.days[6], report.days[7]

    def headline(*days: DayHistory) -> str:
        return replace(report, days=days).headline

    assert headline() == "No day has been reconciled yet."
    assert headline(absent, absent) == "Nothing to compare with: there is no speed-layer snapshot for any of 2 days."
    assert headline(agree) == "The one day compared agrees."
    assert headline(within, absent) == "The one day compared differs within tolerance. 1 has nothing to compare with."
    assert headline(agree, agree, absent, absent) == "All 2 days agree. 2 have nothing to compare with."
    assert headline(waits) == "No day can be judged yet. 1 day is not ready."
    assert (
        headline(waits, waits, absent)
        == "No day can be judged yet. 2 days are not ready. 1 has nothing to compare with."
    )
    assert headline(agree, waits) == "The one day compared agrees. 1 day is not ready."
    assert headline(agree, within) == "No day disagrees; 1 of 2 days differs within tolerance."
    assert headline(report.days[2], agree) == "1 of 2 days disagrees."


def test_the_day_stands_where_its_worst_tier_stands() -> None:
    days = {day.date.day: day.state for day in week().days}
    assert days == {
        15: State.CONVERGED,
        16: State.CONVERGED,
        17: State.OPEN,
        18: State.CONVERGED,
        19: State.STUCK,
        20: State.OPEN,
        21: None,
        22: None,
    }


def test_the_heat_map_has_a_square_for_each_cell_of_the_last_days() -> None:
    made = heat_map(week(), most_days=4, most_tiers=2)
    assert (made.days_left_out, made.tiers_left_out) == (4, 3)
    assert [table.user_tier for table in made.tables] == ["bronze", None], "those with most bad cells"
    assert [str(day) for day, _ in made.tables[0].rows] == ["2024-01-22", "2024-01-21", "2024-01-20", "2024-01-19"]
    waits, absent, fine, bad = (squares for _, squares in made.tables[0].rows)
    assert {square.sign for square in waits} == {"…"}
    assert {square.sign for square in absent} == {"–"}
    assert {square.css for square in fine} == {"match"}
    assert bad[6] == Square(
        "out_of_tolerance", "✕", 2, "2024-01-19, bronze, revenue: out of tolerance, −1,134.565 (91.90 %)"
    )
    assert [square.strength for square in heat_map(week()).tables[1].rows[6][1][:3]] == [0, 0, 0]


def test_a_chart_has_a_line_a_tier_and_no_script_or_colour() -> None:
    day = week().days[4]
    differed = [tier for tier in day.convergence if tier.ever_differed]
    assert [tier.user_tier for tier in differed] == ["bronze", "silver"]
    chart = convergence_chart(day.date, differed)
    page = Page(chart)
    assert {"svg", "path", "circle"} <= set(page.tags) <= {"div", "svg", "g", "path", "circle", "rect", "text", "title"}
    assert page.tags.count("circle") == 6
    assert "bronze: discrepancy 2.90, 4 cells not within tolerance" in page.text
    assert "#" not in chart
    assert "style=" not in chart
    assert (
        "Discrepancies of 2024-01-19, comparison by comparison. bronze: 2.90, 1.67, 1.67; silver: 0.00, 9.00, 0.00"
        in chart
    )


def test_a_tier_with_any_name_is_text_in_the_chart() -> None:
    name = "<script>\"&'"
    day = history(date(2024, 1, 15), *[([group(date(2024, 1, 15), name, (1, 1, 1, "1"))], [])] * 2)
    assert name in Page(convergence_chart(day.date, day.convergence)).text
    assert "<script" not in render_html(replace(week(), days=(day,)))


def test_causes_and_sessions_are_shown_where_there_are_any() -> None:
    text = Page(render_html(week())).text
    assert "lost in speed silver 7 sessions −100, page views −420," in text
    parts = "bronze: page views −3; no tier: page views +3, revenue +99.995"
    assert f"<session> tier differs, value differs {parts} bronze in batch" in text
    assert "WHERE run_id = 'run-0'" in text
    assert "CALL recon.explain('2024-01-19')" in text
    assert "CALL recon.explain('2024-01-17')" not in text
    without = Page(render_html(replace(week(), days=week().days[:2]))).text
    for absent in ("Why", "Worst sessions", "Not ready", "Convergence", "explain"):
        assert absent not in without.replace("convergence", ""), absent


def test_a_snapshot_that_was_refused_or_cut_is_no_secret() -> None:
    day = week().days[0]
    assert day.latest.extraction is not None
    cut = replace(day.latest.extraction, set_aside_rows=3, set_aside_path="speed_set_aside/x", read_as="merged (View)")
    runs = (replace(day.latest, extraction=cut),)
    shown = replace(day, runs=runs, refusal=Refusal("e9", "<torn>", NOON))
    text = Page(render_html(replace(week(), days=(shown,)))).text
    assert "A newer snapshot could not be loaded, 2024-01-16 12:00:00 UTC: <torn>" in text
    assert "rows set aside 3 in speed_set_aside/x" in text
    assert "read merged (View)" in text


def test_what_is_left_out_as_invalid_is_shown_where_there_is_any() -> None:
    day = week().days[4]
    assert "invalid in batch" not in Page(render_html(replace(week(), days=(day,)))).text
    results = tuple(replace(cell, invalid_value=Decimal("7.50")) for cell in day.results)
    assert "7.50" in Page(render_html(replace(week(), days=(replace(day, results=results),)))).text


def test_the_page_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "made" / "report.html"
    write_html(week(), target)
    assert target.read_text(encoding="utf-8") == render_html(week())
    assert [path.name for path in target.parent.iterdir()] == ["report.html"]
    with pytest.raises(ReportError, match="cannot write the report"):
        write_html(week(), target / "below")
    folder = tmp_path / "folder.html"
    folder.mkdir()
    with pytest.raises(ReportError, match="cannot write the report"):
        write_html(week(), folder)
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []


def test_the_terminal_shows_the_same() -> None:
    output = io.StringIO()
    reconcile.render_verdict(week(), Console(file=output, width=240, force_terminal=False))
    text = output.getvalue()
    assert "Verdict: 3 of 6 days disagree. 1 day is not ready." in text
    assert "batch b-1 is published and not loaded" in text
    assert "■ stuck" in text
    assert "lost in speed" in text
    assert "✕ disagree" in text
    assert "✕ out of tolerance (5 %)" in text
    assert "◑ missing in speed" in text
    assert "−1,134.565" in text
    assert text.count("2024-01-15") == 1


def test_the_terminal_says_what_it_leaves_out() -> None:
    output = io.StringIO()
    reconcile.render_verdict(week(), Console(file=output, width=160), most_days=3, most_cells=2)
    assert "(the last 3 of 8)" in output.getvalue()
    shown = [
        cell for day in week().days if day.latest.is_judged for cell in day.results if cell.status is not Status.MATCH
    ]
    assert f"(the first 2 of {len(shown)})" in output.getvalue()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "undefined"),
        ("0", "0 %"),
        ("1", "100 %"),
        ("0.0512", "5.12 %"),
        ("0.0000001", "< 0.01 %"),
        ("12.5", "1,250 %"),
        ("0.919", "91.90 %"),
        ("999999999999999999999999.999940000", "99,999,999,999,999,999,999,999,999.99 %"),
    ],
)
def test_percent(value: str | None, expected: str) -> None:
    assert percent_text(None if value is None else Decimal(value)) == expected


SESSIONS, REVENUE = (metric for metric in METRICS if metric.name in ("sessions", "revenue"))


def test_numbers() -> None:
    assert value_text(SESSIONS, Decimal("1234.000000")) == "1,234"
    assert value_text(REVENUE, Decimal("1234.500000")) == "1,234.50"
    assert value_text(REVENUE, Decimal("0.005000")) == "0.005"
    assert value_text(REVENUE, Decimal("12345678901234567890123456789012.01")) == (
        "12,345,678,901,234,567,890,123,456,789,012.01"
    )
    assert value_text(SESSIONS, None) == "—"
    assert difference_text(SESSIONS, Decimal(5)) == "+5"
    assert difference_text(REVENUE, Decimal("-5")) == "−5.00"
    assert difference_text(REVENUE, Decimal(0)) == "0"


@pytest.mark.parametrize(
    ("tolerance", "expected"),
    [
        (None, "not recorded"),
        (Tolerance(Decimal(0), Decimal(0)), "none"),
        (Tolerance(), "5 %"),
        (Tolerance(Decimal("1.5"), Decimal(0)), "1.50 money"),
        (Tolerance(Decimal("1.5"), Decimal("0.01")), "1.50 money or 1 %"),
    ],
)
def test_limits(tolerance: Tolerance | None, expected: str) -> None:
    assert limits_text(REVENUE, tolerance) == expected


def test_a_reason_that_is_new_reads_as_it_is() -> None:
    assert waiting_text("not_built 7") == "the marts are not built from change 7"
    assert waiting_text("moon_not_full yet") == "moon_not_full yet"


def test_every_verdict_has_its_days() -> None:
    counted = {verdict: len(week().days_with(verdict)) for verdict in Verdict}
    assert counted == {
        Verdict.AGREE: 2,
        Verdict.WITHIN_TOLERANCE: 1,
        Verdict.DISAGREE: 3,
        Verdict.NOTHING_TO_COMPARE: 1,
        Verdict.NOT_READY: 1,
    }


def test_the_charts_library_leaves_nothing_in_the_way_of_imports() -> None:
    render_html(week())
    assert all(hasattr(finder, "find_spec") for finder in sys.meta_path)
