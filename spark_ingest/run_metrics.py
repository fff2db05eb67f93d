"""Tells Prometheus how a run went, through a pushgateway or a file. The only module that touches Prometheus's client.

A run ends before anybody could scrape it. See: https://prometheus.io/docs/practices/pushing/ and, for the file,
https://github.com/prometheus/node_exporter#textfile-collector
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from spark_ingest.batch.lag import Lag, lake_lag
from spark_ingest.config import IngestConfig
from spark_ingest.errors import IngestError, RunConflict

_BUCKETS = (30, 60, 120, 300, 600, 1200, 1800, 3600)
_LAST_SUCCESS = "pipeline_step_last_success_timestamp_seconds"


@contextmanager
def measured(config: IngestConfig, job_name: str) -> Iterator[None]:
    """Run a job and tell how it went where `metrics` is configured. That it cannot be told is told on stderr, and fails no run.

    A run that finds another one at work (RunConflict) says nothing: that one will.
    """
    start = time.monotonic()
    try:
        yield
    except RunConflict:
        raise
    except BaseException:
        _tell(config, job_name, time.monotonic() - start, succeeded=False)
        raise
    _tell(config, job_name, time.monotonic() - start, succeeded=True)


def _tell(config: IngestConfig, job_name: str, seconds: float, succeeded: bool) -> None:
    if config.metrics is None:
        return
    from prometheus_client import pushadd_to_gateway, write_to_textfile

    registry = _registry(job_name, seconds, succeeded, _lag(config))
    try:
        if "://" in config.metrics:
            # What is not pushed now, as the last success of a run that failed, stays as it was.
            pushadd_to_gateway(config.metrics, job=job_name, registry=registry, timeout=10)
        else:
            path = Path(config.metrics) / f"{job_name}.prom"
            path.parent.mkdir(parents=True, exist_ok=True)
            if not succeeded:
                _keep_last_success(registry, path, job_name)
            write_to_textfile(str(path), registry)
    except OSError as error:
        print(f"spark_ingest: the run's metrics cannot be sent to {config.metrics}: {error}", file=sys.stderr)


def _lag(config: IngestConfig) -> Lag | None:
    try:
        return lake_lag(config)
    except IngestError:
        return None  # a lake or a landing that cannot be read has failed the run already


def _registry(job_name: str, seconds: float, succeeded: bool, lag: Lag | None) -> Any:
    """Return the metrics of one run. The histogram is this run's alone: it counts 1, and its sum is the run's duration."""
    from prometheus_client import CollectorRegistry, Gauge, Histogram

    registry = CollectorRegistry()
    duration = Histogram(
        "spark_batch_job_duration",
        "Seconds of the newest run of a Spark job",
        ("job_name", "date"),
        buckets=_BUCKETS,
        registry=registry,
    )
    duration.labels(job_name, datetime.now(UTC).date().isoformat()).observe(seconds)

    def gauge(name: str, described: str, value: float, **labels: str) -> None:
        made = Gauge(name, described, tuple(labels), registry=registry)
        (made.labels(**labels) if labels else made).set(value)

    gauge("pipeline_step_last_run_success", "1 where the newest run of a step succeeded", succeeded, step=job_name)
    gauge("pipeline_step_last_run_timestamp_seconds", "When a step last ended", time.time(), step=job_name)
    if succeeded:
        gauge(_LAST_SUCCESS, "When a step last succeeded", time.time(), step=job_name)
    if lag is not None:
        gauge("pipeline_lake_lag_snapshots", "Snapshots of the lake that no batch has", lag.snapshots)
        gauge("pipeline_lake_lag_seconds", "Age of the oldest snapshot that no batch has", lag.seconds)
        gauge(
            "pipeline_batches_waiting",
            "Batches that have waited for a step for an hour",
            lag.batches_waiting,
            step="load_batch",
        )
    return registry


def _keep_last_success(registry: Any, path: Path, job_name: str) -> None:
    """Take over when the job last succeeded from the file of the run before."""
    from prometheus_client import Gauge
    from prometheus_client.parser import text_string_to_metric_families

    if not path.exists():
        return
    for family in text_string_to_metric_families(path.read_text(encoding="utf-8")):
        for sample in family.samples:
            if sample.name == _LAST_SUCCESS:
                made = Gauge(_LAST_SUCCESS, "When a step last succeeded", ("step",), registry=registry)
                made.labels(job_name).set(sample.value)
