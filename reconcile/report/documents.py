"""Renders typed results for programs: one JSON document, or JUnit's XML, which every CI shows."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from reconcile.comparison.outcomes import Metric, Result, Status
from reconcile.report.history import (
    CauseTotal,
    Convergence,
    DayHistory,
    Reconciliation,
    Refusal,
    RunSummary,
    Wait,
    WorstSession,
)
from reconcile.report.wording import (
    STATE_WORDS,
    STATUS_WORDS,
    VERDICT_WORDS,
    cause_text,
    difference_text,
    limits_text,
    slo_text,
    tier_text,
    value_text,
    waits_text,
)

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # https://www.w3.org/TR/xml/#charsets


def render_json(reconciliation: Reconciliation) -> str:
    """The results as one JSON document. Amounts and counts are texts, exact; times are UTC, ISO 8601; no tier is null."""
    document = {
        "generated_at": _time(reconciliation.generated_at),
        "source": reconciliation.source,
        "headline": reconciliation.headline,
        "metrics": [asdict(metric) for metric in reconciliation.metrics],
        "days": [_day(day) for day in reconciliation.days],
    }
    return json.dumps(document, indent=2)


def render_junit(reconciliation: Reconciliation) -> str:
    """The results as JUnit's XML: a suite a day, a case a cell; a cell out of tolerance or missing on a side is a failure.

    A day that is not ready, or has nothing to compare, is one skipped case. See https://github.com/testmoapp/junitxml.
    """
    root = Element("testsuites", name="reconciliation", timestamp=_time(reconciliation.generated_at))
    for day in reconciliation.days:
        suite = SubElement(root, "testsuite", name=day.date.isoformat(), timestamp=_time(day.latest.compared_at))
        for result in day.results if day.latest.is_judged else ():
            case = SubElement(
                suite,
                "testcase",
                classname=f"reconciliation.{day.date.isoformat()}",
                name=f"{result.metric.name} of {_xml(tier_text(result.user_tier))}",
            )
            if not result.is_fine:
                failure = SubElement(case, "failure", type=result.status.value, message=_sentence(result))
                failure.text = _xml("\n".join([*_because(day, result), f"run {day.latest.run_id}"]))
        if not day.latest.is_judged:
            case = SubElement(suite, "testcase", classname=f"reconciliation.{day.date.isoformat()}", name="the day")
            SubElement(case, "skipped", message=_xml(_reason(day.latest)))
        _count(suite)
    _count(root)
    indent(root)
    return tostring(root, encoding="unicode", xml_declaration=True)


def _count(element: Element) -> None:
    for name, tag in (("tests", "testcase"), ("failures", "failure"), ("skipped", "skipped")):
        element.set(name, str(sum(1 for _ in element.iter(tag))))


def _sentence(result: Result) -> str:
    speed, batch = (value_text(result.metric, value) for value in (result.speed_value, result.batch_value))
    difference = difference_text(result.metric, result.difference)
    limits = limits_text(result.metric, result.tolerance)
    return f"{STATUS_WORDS[result.status]}: speed {speed}, batch {batch}, difference {difference}, limits {limits}"


def _because(day: DayHistory, result: Result) -> list[str]:
    """A line a cause of the cell, with its part of the difference, and one on its tier's state."""
    causes = [
        f"{cause_text(cause.cause)}: {difference_text(result.metric, cause.differences[result.metric])}"
        for cause in day.causes
        if cause.user_tier == result.user_tier and result.metric in cause.differences
    ]
    states = [
        f"{STATE_WORDS[tier.state]} {slo_text(tier)}" for tier in day.convergence if tier.user_tier == result.user_tier
    ]
    return [*causes, *states]


def _reason(run: RunSummary) -> str:
    waits = waits_text(run.waits_for)
    return VERDICT_WORDS[run.verdict] + (f": {waits}" if waits else "")


def _xml(text: str) -> str:
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def _day(day: DayHistory) -> dict[str, Any]:
    return {
        "date": day.date.isoformat(),
        "verdict": day.latest.verdict.value,
        "waits_for": list(day.latest.waits_for),
        "refused_snapshot": _refusal(day.refusal) if day.refusal else None,
        "waiting": _wait(day.wait) if day.wait else None,
        "convergence": [_convergence(tier) for tier in day.convergence],
        "causes": [_cause(cause) for cause in day.causes],
        "worst_sessions": [_session(session) for session in day.sessions],
        "cells": [_cell(result) for result in day.results],
        "runs": [_run(run) for run in day.runs],
    }


def _run(run: RunSummary) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "compared_at": _time(run.compared_at),
        "verdict": run.verdict.value,
        "waits_for": list(run.waits_for),
        "change_id": run.change_id,
        "extraction_id": run.extraction.extraction_id if run.extraction else None,
        "extracted_at": _time(run.extraction.extracted_at) if run.extraction and run.extraction.extracted_at else None,
        "set_aside_rows": run.extraction.set_aside_rows if run.extraction else None,
        "cells": {status.value: run.counts.get(status, 0) for status in Status},
    }


def _cell(result: Result) -> dict[str, Any]:
    return {
        "user_tier": result.user_tier,
        "metric": result.metric.name,
        "speed_value": _number(result.speed_value),
        "batch_value": _number(result.batch_value),
        "difference": _number(result.difference),
        "relative_difference": _number(result.relative_difference),
        "status": result.status.value,
        "absolute_tolerance": _number(result.tolerance.absolute) if result.tolerance else None,
        "relative_tolerance": _number(result.tolerance.relative) if result.tolerance else None,
        "invalid_value": _number(result.invalid_value),
    }


def _wait(wait: Wait) -> dict[str, Any]:
    return {"since_at": _time(wait.since_at), "due_at": _time(wait.due_at), "is_overdue": wait.is_overdue}


def _refusal(refusal: Refusal) -> dict[str, Any]:
    return {
        "extraction_id": refusal.extraction_id,
        "reason": refusal.reason,
        "refused_at": _time(refusal.refused_at),
    }


def _convergence(tier: Convergence) -> dict[str, Any]:
    return {
        "user_tier": tier.user_tier,
        "state": tier.state.value,
        "bad_since_at": _time(tier.bad_since_at) if tier.bad_since_at else None,
        "hours": _number(tier.hours),
        "slo_hours": _number(tier.slo_hours),
        "slo_burn": _number(tier.slo_burn),
        "comparisons": [
            {
                "compared_at": _time(point.compared_at),
                "bad_cells": point.bad_cells,
                "discrepancy": _number(point.discrepancy),
            }
            for point in tier.points
        ],
    }


def _cause(cause: CauseTotal) -> dict[str, Any]:
    return {
        "user_tier": cause.user_tier,
        "cause": cause.cause,
        "sessions": cause.sessions,
        "differences": _differences(cause.differences),
    }


def _session(session: WorstSession) -> dict[str, Any]:
    return {
        "session_id": session.session_id,
        "causes": list(session.causes),
        "details": list(session.details),
        "differences": [{"user_tier": tier, **_differences(parts)} for tier, parts in session.differences.items()],
    }


def _differences(differences: Mapping[Metric, Decimal]) -> dict[str, str | None]:
    return {metric.name: _number(value) for metric, value in differences.items()}


def _number(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


def _time(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
