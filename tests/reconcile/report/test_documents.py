"""The report for programs: JSON and JUnit's XML, and the exit code of the verdict."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import pytest

from reconcile import cli
from reconcile.comparison.outcomes import Status, Verdict
from reconcile.report import warehouse_source
from reconcile.report.documents import render_json, render_junit
from reconcile.report.history import Reconciliation
from tests.reconcile.report.histories import group, history, week

DAY = date(2024, 1, 15)
AGREES = history(DAY, ([group(DAY, "gold", (1, 2, 0, "0.10"))], [group(DAY, "gold", (1, 2, 0, "0.10"))]))
DIFFERS = history(DAY, ([group(DAY, "a\x01<b>", (1, 2, 0, "0.10"))], [group(DAY, "a\x01<b>", (9, 2, 0, "0.30"))]))
NOTHING = history(DAY, None)
WAITS = history(
    DAY, ([group(DAY, None, (1, 2, 0, "0.10"))], [group(DAY, None, (9, 2, 0, "0.30"))]), waits_for="not_built 7"
)


def test_json_holds_every_cell_exactly() -> None:
    found = json.loads(render_json(week()))
    assert found["headline"] == week().headline
    for shown, day in zip(found["days"], week().days, strict=True):
        assert (shown["date"], shown["verdict"]) == (day.date.isoformat(), day.latest.verdict.value)
        assert len(shown["runs"]) == len(day.runs)
        for cell, result in zip(shown["cells"], day.results, strict=True):
            assert (cell["user_tier"], cell["metric"], cell["status"]) == (
                result.user_tier,
                result.metric.name,
                result.status,
            )
            assert (cell["absolute_tolerance"], cell["relative_tolerance"]) == ("0", "0.05")
            assert Decimal(cell["difference"]) == result.difference
            assert (cell["speed_value"] is None) == (result.speed_value is None)
        assert [(tier["user_tier"], tier["state"]) for tier in shown["convergence"]] == [
            (tier.user_tier, tier.state) for tier in day.convergence
        ]
        assert [len(tier["comparisons"]) for tier in shown["convergence"]] == [
            len(tier.points) for tier in day.convergence
        ]
        assert [cause["cause"] for cause in shown["causes"]] == [cause.cause for cause in day.causes]
        assert [one["session_id"] for one in shown["worst_sessions"]] == [one.session_id for one in day.sessions]
        assert (shown["waiting"] is None) == (day.wait is None)
        assert shown["waits_for"] == shown["runs"][-1]["waits_for"] == list(day.latest.waits_for)
    assert found["metrics"][6] == {"name": "revenue", "unit": "money", "description": ""}


def test_junit_fails_where_a_cell_is_not_within_tolerance() -> None:
    root = ElementTree.fromstring(render_junit(week()))  # noqa: S314 (our own)
    bad = {Status.OUT_OF_TOLERANCE, Status.MISSING_IN_BATCH, Status.MISSING_IN_SPEED}
    for suite, day in zip(root, week().days, strict=True):
        skipped = day.latest.verdict in (Verdict.NOTHING_TO_COMPARE, Verdict.NOT_READY)
        results = () if skipped else day.results
        failures = [result for result in results if result.status in bad]
        assert suite.get("failures") == str(len(failures)) == str(len(suite.findall("testcase/failure")))
        assert suite.get("tests") == str(len(results) + skipped)
        assert suite.get("skipped") == str(int(skipped))
    assert int(root.get("failures") or 0) == sum(int(suite.get("failures") or 0) for suite in root) > 0


def test_junit_says_why() -> None:
    root = ElementTree.fromstring(render_junit(week()))  # noqa: S314 (our own)
    failure = root.find("testsuite[@name='2024-01-17']/testcase[@name='sessions of silver']/failure")
    assert failure is not None
    assert failure.get("message") == "missing in speed: speed —, batch 100, difference −100, limits 5 %"
    assert (failure.text or "").splitlines() == ["lost in speed: −100", "open for 24.0 h, 50 % of the SLO", "run run-0"]


def test_junit_says_what_a_day_waits_for() -> None:
    root = ElementTree.fromstring(render_junit(replace(week(), days=(WAITS,))))  # noqa: S314 (our own)
    assert [case.get("message") for case in root.iter("skipped")] == [
        "not ready: the marts are not built from change 7"
    ]
    assert root.get("failures") == "0"


def test_any_tier_is_xml() -> None:
    root = ElementTree.fromstring(render_junit(replace(week(), days=(DIFFERS,))))  # noqa: S314 (our own)
    assert root.find("testsuite/testcase").get("name") == "sessions of a\N{REPLACEMENT CHARACTER}<b>"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("days", "code"),
    [((AGREES,), 0), ((AGREES, DIFFERS, NOTHING), 10), ((AGREES, NOTHING), 11), ((AGREES, WAITS), 11), ((), 11)],
)
def test_the_verdict_is_the_exit_code_when_asked_for(
    days: tuple[object, ...], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown: Reconciliation = replace(week(), days=days)  # type: ignore[arg-type]
    monkeypatch.setattr(warehouse_source, "read_reconciliation", lambda connection, days: shown)
    asked = ["report", "--connection", "any", "--format", "json"]
    assert cli.main(asked) == 0
    assert json.loads(capsys.readouterr().out)["headline"] == shown.headline
    assert cli.main([*asked, "--exit-code"]) == code


@pytest.mark.parametrize(
    ("form", "begins"),
    [("text", "speed layer against"), ("json", "{"), ("junit", "<?xml"), ("html", "<!doctype html>")],
)
def test_a_report_goes_to_a_file_in_any_format(
    form: str, begins: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(warehouse_source, "read_reconciliation", lambda connection, days: week())
    target = tmp_path / "report"
    assert cli.main(["report", "--connection", "any", "--format", form, "--out", str(target)]) == 0
    assert target.read_text(encoding="utf-8").lower().startswith(begins)
    assert capsys.readouterr().out == ""
