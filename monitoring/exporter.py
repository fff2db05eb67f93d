"""Serves what the ledger says to Prometheus, from memory. Each hour, after the task graph, the ledger is read again."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily

from monitoring.errors import LedgerError
from monitoring.measures import MEASURES, Row

Read = Callable[[], Mapping[str, Sequence[Row]]]


class LedgerCollector:
    """What was read last, and how reading went. Where it fails, what was read before stays, and the metrics say since when."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._families: tuple[Any, ...] = ()
        self._read_at: float | None = None
        self._succeeded = False
        self._seconds = 0.0

    def refresh(self) -> bool:
        """Read the ledger; return whether that went well. What fails is told on stderr and by monitoring_refresh_success."""
        start = time.monotonic()
        try:
            rows = self._read()
            self._families = tuple(measure.family(rows[measure.name]) for measure in MEASURES)
            self._read_at, self._succeeded = time.time(), True
        except LedgerError as error:
            self._succeeded = False
            print(f"monitoring: {error}", file=sys.stderr, flush=True)
        self._seconds = time.monotonic() - start
        return self._succeeded

    def collect(self) -> Iterable[Any]:
        """Return the metric families."""
        yield from self._families
        yield GaugeMetricFamily(
            "monitoring_refresh_success", "1 where the ledger was read the last time", float(self._succeeded)
        )
        yield GaugeMetricFamily("monitoring_refresh_seconds", "How long that took", self._seconds)
        if self._read_at is not None:
            yield GaugeMetricFamily(
                "monitoring_refresh_timestamp_seconds", "When the ledger was last read", self._read_at
            )


def serve(collector: LedgerCollector, port: int, address: str = "0.0.0.0") -> tuple[Any, threading.Thread]:  # noqa: S104
    """Serve the collector over HTTP; return the server and its thread. Nothing of the process itself is exported."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    server, thread = start_http_server(port, address, registry)
    return server, thread


def next_refresh(now: datetime, minute: int) -> datetime:
    """Return the next time at that minute of an hour."""
    then = now.replace(minute=minute, second=0, microsecond=0)
    return then if then > now else then + timedelta(hours=1)


class Schedule:
    """When the ledger is read: at once, at a minute of each hour, and whenever somebody asks; until it is stopped.

    Signal handlers ask and stop it, so that these set plain flags and take no lock.
    """

    def __init__(self, minute: int) -> None:
        self._minute = minute
        self._asked = False
        self._stopped = False

    def ask(self) -> None:
        """Have the ledger read now."""
        self._asked = True

    def stop(self) -> None:
        """End the schedule."""
        self._stopped = True

    def run(self, collector: LedgerCollector) -> None:
        """Refresh the collector until the schedule is stopped."""
        while not self._stopped:
            self._asked = False
            collector.refresh()
            due = next_refresh(datetime.now(UTC), self._minute)
            while not (self._asked or self._stopped) and datetime.now(UTC) < due:
                time.sleep(0.5)
