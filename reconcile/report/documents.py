"""Renders typed results for programs: one JSON document, or JUnit's XML, which every CI shows."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from reconcile.comparison.outcomes import Result, Status
from reconcile.report.history import DayHistory, Reconciliation, RunSummary
from reconcile.report.wording import (
    STATUS_WORDS,
    VERDICT_WORDS,
    difference_text,
    limits_text,
    tier_text,
    value_text,
    waiting_text,
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
                failure.text = f"run {day.latest.run_id}"
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


def _reason(run: RunSummary) -> str:
    waits = "; ".join(map(waiting_text, run.waits_for))
    return VERDICT_WORDS[run.verdict] + (f": {waits}" if waits else "")


def _xml(text: str) -> str:
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def _day(day: DayHistory) -> dict[str, Any]:
    return {
        "date": day.date.isoformat(),
        "verdict": day.latest.verdict.value,
        "convergence": day.convergence.value if day.convergence else None,
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


def _number(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


def _time(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
