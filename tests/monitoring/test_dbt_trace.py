"""`python -m monitoring dbt` over a dbt that leaves behind what it is told to; tests/dbt reads what dbt itself leaves behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY
from tests.otlp import collector

BATCH = "83a9bdf1-d0a2-5d4b-9fa1-649f58d4dbbc"
START = datetime(2100, 1, 1, tzinfo=UTC)  # later than the test: results of this run


def node(unique_id: str, status: str, *seconds: float, **others: Any) -> dict[str, Any]:
    """A result as dbt writes it: compiled and executed, one after the other; without seconds it did not run."""
    times = [f"{START + timedelta(seconds=each):%Y-%m-%dT%H:%M:%S.%fZ}" for each in seconds]
    timing = [{"started_at": one, "completed_at": other} for one, other in pairwise(times)]
    return {
        "unique_id": unique_id,
        "status": status,
        "timing": timing,
        "adapter_response": {},
        "message": None,
        **others,
    }


RESULTS = [
    node(
        "model.shop.mart_a", "success", 0, 1, 4.5, adapter_response={"rows_affected": 7, "query_id": "q-1", "code": "0"}
    ),
    node("test.shop.not_null_a.0c1d", "fail", 5, 5, 6, message="Got 2 results,\n  configured to fail"),
    node("unit_test.shop.mart_a.tiers", "pass", 5, 6),
    node("model.shop.mart_b", "skipped"),
    node("operation.shop.shop-on-run-end-0", "success", 7, 8, compiled_code=f"INSERT /* batch {BATCH} */ …"),
]


def dbt(folder: Path, results: list[dict[str, Any]] | None, code: int) -> subprocess.CompletedProcess[str]:
    """Run a dbt that writes these results, or none, and ends with this code; 143: because whoever runs it is told to go."""
    folder.mkdir(exist_ok=True)
    ending = (
        "trap 'exit 143' TERM; sleep 0.5; kill -TERM $PPID; while :; do sleep 0.1; done"
        if code == 143
        else f"exit {code}"
    )
    script = f'#!/bin/sh\necho "dbt $@"\n[ -e new.json ] && mv new.json run_results.json\n{ending}\n'
    (folder / "dbt").write_text(script, encoding="utf-8")
    (folder / "dbt").chmod(0o755)
    if results is not None:
        named = {"generated_at": f"{START:%Y-%m-%dT%H:%M:%S.%fZ}", "invocation_id": "i-1"}
        (folder / "new.json").write_text(json.dumps({"metadata": named, "results": results}), encoding="utf-8")
    paths = {"PATH": f"{folder}:{os.environ['PATH']}", "DBT_TARGET_PATH": str(folder), "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-m", "monitoring", "dbt", "build", "--selector", "hourly"]
    return subprocess.run(command, cwd=folder, env=os.environ | paths, capture_output=True, text=True, check=False)


def test_a_run_is_in_the_trace_of_the_newest_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with collector(monkeypatch) as running:
        done = dbt(tmp_path, RESULTS, 1)
    assert (done.returncode, done.stdout) == (1, "dbt build --selector hourly\n")
    whole = running.of(BATCH)["dbt build"]
    assert (whole.failed, whole.service, whole.parent_id) == (True, "dbt", "")
    counts = {"stage.success": 2, "stage.fail": 1, "stage.pass": 1, "stage.skipped": 1}
    assert whole.attributes == {"batch.id": BATCH, "stage.invocation_id": "i-1", **counts}
    inside = [(span.name, span.failed, span.seconds) for span in running.spans if span.parent_id == whole.span_id]
    assert inside == [
        ("mart_a", False, 4.5),
        ("not_null_a", True, 1.0),
        ("tiers", False, 1.0),
        ("shop-on-run-end-0", False, 1.0),
    ]
    kind = {"stage.kind": "model", "stage.status": "success"}
    assert running.spans[0].attributes == {"batch.id": BATCH, **kind, "stage.rows": 7, "stage.query_id": "q-1"}
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert {line["trace_id"] for line in lines} == {BATCH.replace("-", "")}
    assert [line["error"] for line in lines if "error" in line] == ["Got 2 results, configured to fail"]
    assert lines[-1].items() >= {"command": "dbt build", "status": "failed", "skipped": 1}.items()


def test_what_ended_before_it_ran_anything_tells_nothing_of_the_run_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = {"metadata": {"generated_at": "2024-01-15T00:00:00Z"}, "results": RESULTS}
    (tmp_path / "run_results.json").write_text(json.dumps(old), encoding="utf-8")
    with collector(monkeypatch) as running:
        assert dbt(tmp_path, None, 2).returncode == 2
        assert [(span.name, span.failed) for span in running.spans] == [("dbt build", True)]
        assert "batch.id" not in running.spans[0].attributes
        assert dbt(tmp_path, None, 143).returncode == 143
        assert [span.failed for span in running.spans] == [True, True]
        monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT")
        done = dbt(tmp_path, RESULTS, 1)
        assert (done.returncode, done.stdout, done.stderr) == (1, "dbt build --selector hourly\n", "")
        assert len(running.spans) == 2  # off by default
