"""Tells Prometheus how a run went, through a pushgateway or a file. The only module that touches Prometheus's client.

See: https://prometheus.io/docs/practices/pushing/ and https://github.com/prometheus/node_exporter#textfile-collector
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

_LAST_SUCCESS = "pipeline_step_last_success_timestamp_seconds"


def measured(target: str | None, step: str, work: Callable[[], int]) -> int:
    """Do the work, and tell how it ended where `target`, a gateway's URL or a folder, is given. Its exit code or error passes.

    That it cannot be told is told on stderr, and fails no run.
    """
    succeeded = False
    try:
        code = work()
        succeeded = code == 0
        return code
    finally:
        if target is not None:
            _tell(target, step, succeeded)


def _tell(target: str, step: str, succeeded: bool) -> None:
    from prometheus_client import CollectorRegistry, Gauge, pushadd_to_gateway, write_to_textfile

    registry = CollectorRegistry()
    told = {
        "pipeline_step_last_run_success": ("1 where the newest run of a step succeeded", float(succeeded)),
        "pipeline_step_last_run_timestamp_seconds": ("When a step last ended", time.time()),
    }
    # What is not pushed, as the last success of a run that failed, stays at a gateway as it was; a file is written anew.
    last = time.time() if succeeded else _last_success(target, step)
    if last is not None:
        told[_LAST_SUCCESS] = ("When a step last succeeded", last)
    for name, (described, value) in told.items():
        Gauge(name, described, ("step",), registry=registry).labels(step).set(value)
    try:
        if "://" in target:
            pushadd_to_gateway(target, job=step, registry=registry, timeout=10)
        else:
            path = _file(target, step)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_to_textfile(str(path), registry)
    except OSError as error:
        print(f"reconcile: the run's metrics cannot be sent to {target}: {error}", file=sys.stderr)


def _file(folder: str, step: str) -> Path:
    return Path(folder) / f"{step}.prom"


def _last_success(target: str, step: str) -> float | None:
    """When the step last succeeded, by the file of the run before."""
    from prometheus_client.parser import text_string_to_metric_families

    if "://" in target or not _file(target, step).exists():
        return None
    families = text_string_to_metric_families(_file(target, step).read_text(encoding="utf-8"))
    return next((one.value for family in families for one in family.samples if one.name == _LAST_SUCCESS), None)
