"""A pipeline in the warehouse of a test, as far as the exporter sees it, and the exporter as a process of its own."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import TypeVar

from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import REPOSITORY, free_port
from tests.snowpark_procs.batches import BatchOptions, event, publish_snapshot, session
from tests.snowpark_procs.conftest import DATABASE, Warehouse

DAY = date(2024, 1, 15)
_SECONDS = itertools.count()
T = TypeVar("T")
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def healthy(warehouse: Warehouse, invalid: int = 1) -> None:
    """Load and flag a batch of ten events, some not valid, build the mart by hand, compare the day, note a run of dbt."""
    events = [event(f"e{n}" if n >= invalid else None, f"s{n}", f"{DAY} 10:00:0{n}") for n in range(10)]
    options = BatchOptions(affected_dates=[DAY.isoformat()])
    warehouse.publish(events=events, sessions=[session("a", f"{DAY} 10:00:00")], options=options)
    warehouse.call("ops.load_pending()")
    warehouse.call("ops.flag_quality()")
    warehouse.query(
        "INSERT INTO marts.daily_speed_comparable (date, user_tier, change_id, sessions, page_views, unique_users)"
        f" SELECT '{DAY}'::DATE, 'gold', 1, 1, 1, 1"
    )
    warehouse.query(
        "UPDATE ops.model_builds SET watermarks = OBJECT_CONSTRUCT('user_sessions', (SELECT MAX(change_id) "
        "FROM ops.date_changes)) WHERE model = 'mart_daily_speed_comparable'"
    )
    compare(warehouse, page_views=1)
    dbt_run(warehouse, "first", "success")


def compare(warehouse: Warehouse, page_views: int) -> None:
    """Have the speed layer tell so many page views (the mart has one), and compare the day."""
    at = f"2024-02-01T01:00:{next(_SECONDS):02}Z"  # the newest snapshot is the one that counts
    publish_snapshot(warehouse.s3_root, DAY.isoformat(), [session("a", f"{DAY} 10:00:00", page_views=page_views)], at)
    warehouse.call(f"recon.reconcile_day('{DAY}')")


def dbt_run(warehouse: Warehouse, invocation: str, status: str) -> None:
    """Note a run of dbt: a model that took two seconds and ended so, and a test that passed."""
    warehouse.query(
        "INSERT INTO ops.dbt_runs SELECT %s, n.node, n.kind, n.status, n.seconds,"
        " CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP())::TIMESTAMP_NTZ"
        " FROM (VALUES ('mart_daily_metrics', 'incremental', %s, 2), ('not_null', 'test', 'pass', 0.1))"
        " AS n (node, kind, status, seconds)",
        invocation,
        status,
    )


def scrape(url: str) -> Samples:
    """All samples that a URL serves."""
    with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310
        text = response.read().decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples[name, frozenset(labels.items())]


def eventually(ask: Callable[[], T | None], what: str, seconds: float = 60) -> T:
    """Ask until there is an answer. The limit only ends a test that would wait for ever."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            answer = ask()
        except OSError:
            answer = None
        if answer:
            return answer
        time.sleep(0.1)
    raise AssertionError(f"did not happen: {what}")


class Exporter:
    """`python -m monitoring exporter` with the role MONITOR."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process, self.port = process, port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/metrics"

    def refreshed(self) -> Samples:
        """The metrics after reading the ledger once more."""
        before = self._last()
        self.process.send_signal(signal.SIGHUP)
        return eventually(lambda: self._newer(before), "the exporter reads the ledger again")

    def failed(self) -> Samples:
        """The metrics after reading the ledger once more, which must fail."""
        self.process.send_signal(signal.SIGHUP)
        return eventually(self._failing, "the exporter says that it cannot read the ledger")

    def _failing(self) -> Samples | None:
        samples = scrape(self.url)
        return None if value(samples, "monitoring_refresh_success") else samples

    def _last(self) -> float:
        return scrape(self.url).get(("monitoring_refresh_timestamp_seconds", frozenset()), 0)

    def _newer(self, before: float) -> Samples | None:
        samples = scrape(self.url)
        return samples if samples.get(("monitoring_refresh_timestamp_seconds", frozenset()), 0) > before else None


def connections(warehouse: Warehouse) -> dict[str, str]:
    """The environment with a connection `pipeline` to the warehouse."""
    given = {**warehouse.endpoint.connection_parameters, "database": DATABASE, "warehouse": "COMPUTE_WH"}
    simple = {name: one for name, one in given.items() if isinstance(one, str | int)}
    text = "[pipeline]\n" + "".join(f"{name} = {json.dumps(one)}\n" for name, one in simple.items())
    return {**os.environ, "SNOWFLAKE_CONNECTIONS": text}


@contextmanager
def exporting(warehouse: Warehouse) -> Iterator[Exporter]:
    port = free_port()
    command = [sys.executable, "-m", "monitoring", "exporter", "--connection", "pipeline", "--port", str(port)]
    command += ["--role", f"{DATABASE}_MONITOR"]
    with subprocess.Popen(
        command, cwd=REPOSITORY, env=connections(warehouse), stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            exporter = Exporter(process, port)
            eventually(lambda: exporter._newer(0) or process.poll() is not None, "the exporter reads the ledger")
            assert process.poll() is None, process.stderr.read() if process.stderr else ""
            yield exporter
        finally:
            process.terminate()
            process.wait(20)
