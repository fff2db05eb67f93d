"""Tells Prometheus how a run went, through a pushgateway or a file. The only module that touches Prometheus's client.

See: https://prometheus.io/docs/practices/pushing/ and https://github.com/prometheus/node_exporter#textfile-collector
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path


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
    if succeeded:  # what is not pushed stays at the gateway; a file has no success of before
        told["pipeline_step_last_success_timestamp_seconds"] = ("When a step last succeeded", time.time())
    for name, (described, value) in told.items():
        Gauge(name, described, ("step",), registry=registry).labels(step).set(value)
    try:
        if "://" in target:
            pushadd_to_gateway(target, job=step, registry=registry, timeout=10)
        else:
            path = Path(target) / f"{step}.prom"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_to_textfile(str(path), registry)
    except OSError as error:
        print(f"reconcile: the run's metrics cannot be sent to {target}: {error}", file=sys.stderr)
