"""The alert rules: promtool's cases, a page of the runbook for each, metrics that something tells."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitoring.measures import MEASURES
from tests.conftest import REPOSITORY
from tests.monitoring.programs import program

MONITORING = REPOSITORY / "monitoring"
RUNBOOK = REPOSITORY / "docs" / "runbook"
SECTIONS = ("What it means", "How to look", "How to mend", "How to know that it is over")


def rules() -> dict[str, dict[str, Any]]:
    document = yaml.safe_load((MONITORING / "alerts.yml").read_text(encoding="utf-8"))
    return {rule["alert"]: rule for group in document["groups"] for rule in group["rules"]}


def test_promtool_finds_each_case_as_it_stands() -> None:
    promtool = program("promtool")
    for arguments in (("check", "rules", "alerts.yml"), ("test", "rules", "alerts_test.yml")):
        done = subprocess.run([promtool, *arguments], cwd=MONITORING, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_has_a_case_that_is_quiet_fires_and_resolves() -> None:
    document = yaml.safe_load((MONITORING / "alerts_test.yml").read_text(encoding="utf-8"))
    cases = {case["name"]: case for case in document["tests"]}
    assert cases.keys() == rules().keys()
    for name, case in cases.items():
        asked = [(each["alertname"], bool(each.get("exp_alerts"))) for each in case["alert_rule_test"]]
        assert asked == [(name, False), (name, True), (name, False)]


def test_the_requirements_alerts_are_there() -> None:
    wanted = {"BatchJobFailure": "critical", "HighReconciliationDiscrepancy": "warning", "dbtModelFailure": "critical"}
    durations = {"BatchJobFailure": "1m", "HighReconciliationDiscrepancy": "5m", "dbtModelFailure": "1m"}
    known = rules()
    assert {name: known[name]["labels"]["severity"] for name in wanted} == wanted
    assert {name: known[name]["for"] for name in wanted} == durations


def test_each_alert_has_its_page_and_each_page_its_alert() -> None:
    for name, rule in rules().items():
        assert Path(rule["annotations"]["runbook_url"]).name == f"{name}.md"
        text = (RUNBOOK / f"{name}.md").read_text(encoding="utf-8")
        assert text.startswith(f"# {name}\n")
        assert tuple(re.findall(r"^## (.+)$", text, re.MULTILINE)) == SECTIONS
        for link in re.findall(r"\]\(([^)#:]+)", text):
            assert (RUNBOOK / link).exists(), f"{name}: {link}"
    assert {path.stem for path in RUNBOOK.glob("*.md")} == rules().keys()


@pytest.mark.parametrize("name", sorted(rules()))
def test_an_alert_asks_for_metrics_that_something_tells(name: str) -> None:
    """Of the exporter, of the Spark job, of Prometheus itself, or of kube-state-metrics."""
    job = (REPOSITORY / "spark_ingest" / "run_metrics.py").read_text(encoding="utf-8")
    exporter = (MONITORING / "exporter.py").read_text(encoding="utf-8")
    told = {measure.name for measure in MEASURES} | set(
        re.findall(r'"((?:pipeline|spark|monitoring)_\w+)"', job + exporter)
    )
    told |= {"up", "kube_job_status_failed", "kube_job_owner", "kube_cronjob_status_last_successful_time"}
    bare = re.sub(r"\{[^}]*\}|\b(?:on|by) \([^)]*\)", "", rules()[name]["expr"])
    asked = re.findall(r"\b(?:up|[a-zA-Z]+_\w+)\b", bare)
    assert asked
    assert set(asked) <= told
