"""What a command tells a collector of traces: its stages, in the trace of the batch."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from spark_ingest.errors import LakeError
from spark_ingest.progress import Progress
from spark_ingest.tracing import traced
from tests.otlp import Collector, Span, collector

BATCH = "83a9bdf1-d0a2-5d4b-9fa1-649f58d4dbbc"
TRACE = "83a9bdf1d0a25d4b9fa1649f58d4dbbc"


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Variables as a machine without a collector has them."""
    for name in ("ENDPOINT", "TRACES_ENDPOINT", "PROTOCOL", "TRACES_PROTOCOL"):
        monkeypatch.delenv(f"OTEL_EXPORTER_OTLP_{name}", raising=False)
    for name in ("SDK_DISABLED", "TRACES_EXPORTER", "SERVICE_NAME", "RESOURCE_ATTRIBUTES"):
        monkeypatch.delenv(f"OTEL_{name}", raising=False)
    return monkeypatch


def run(log: Path, broken: bool = False) -> None:
    """Two stages: the first finds out which batch it is, the second may fail."""
    progress = Progress("run", log, Console(file=io.StringIO()))
    with traced(progress):
        with progress.stage("plan") as stage:
            progress.concerns(BATCH)
            stage.counts["dates"] = 3
        with progress.stage("publish"):
            if broken:
                raise LakeError("a file is gone")


def test_a_run_and_the_one_that_makes_it_good_are_one_trace(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with collector() as running:
        environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", running.url)
        with pytest.raises(LakeError):
            run(tmp_path / "log", broken=True)
        run(tmp_path / "log")
    assert {span.trace_id for span in running.spans} == {TRACE}
    whole = [span for span in running.spans if not span.parent_id]
    assert [(span.name, span.failed, span.service) for span in whole] == [
        ("run", True, "spark_ingest"),
        ("run", False, "spark_ingest"),
    ]
    stages = [span for span in running.spans if span.parent_id == whole[0].span_id]
    assert [(span.name, span.failed) for span in stages] == [("plan", False), ("publish", True)]
    assert stages[0].attributes == {"batch.id": BATCH, "stage.dates": 3}
    assert all(span.seconds <= whole[0].seconds for span in stages)
    logged = [json.loads(line) for line in (tmp_path / "log").read_text(encoding="utf-8").splitlines()]
    assert [(line["batch_id"], line["trace_id"], line["status"]) for line in logged] == [
        (BATCH, TRACE, status) for status in ("succeeded", "failed", "succeeded", "succeeded")
    ]


def test_the_standard_variables_count(
    environment: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with collector() as running:
        assert _told(running, tmp_path) == []  # off by default
        environment.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"{running.url}/v1/traces")
        environment.setenv("OTEL_SERVICE_NAME", "night")
        assert {span.service for span in _told(running, tmp_path)} == {"night"}
        for name, value in (("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "none")):
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv(name, value)
                assert _told(running, tmp_path) == []
        assert capsys.readouterr().err == ""
        environment.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
        assert _told(running, tmp_path) == []
        assert "traces go by the exporter otlp with http/protobuf, not by otlp with grpc" in capsys.readouterr().err


def _told(running: Collector, folder: Path) -> list[Span]:
    running.spans.clear()
    run(folder / "log")
    return list(running.spans)


def test_a_collector_that_is_not_there_fails_no_run(
    environment: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    environment.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    run(tmp_path / "log")
    assert "spark_ingest: the run's trace cannot be sent" in capsys.readouterr().err
