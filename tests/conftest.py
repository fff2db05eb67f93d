"""Fixtures for all tests: the local Snowflake endpoint as a process of its own."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import socket
import tempfile
import time
import urllib.request
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from tests import order
from tests.endpoint_server import Serve, serve, start_server
from tests.spark_session import base_config as base_config
from tests.spark_session import spark as spark

with warnings.catch_warnings():
    # the connector's vendored requests warns about a newer chardet when first imported
    warnings.simplefilter("ignore")
    import snowflake.connector

REPOSITORY = Path(__file__).parents[1]

# What a test asks for tells what it starts; tests that start it in another way carry the marker themselves.
_MARKERS = {"spark": "spark", "endpoint": "integration", "deployed": "integration", "scratch": "integration"}
_AT_WORK: set[str] = set()  # the markers of the test at work


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let tests/live run on an account (tests/live/conftest.py)."""
    parser.addoption("--snowflake", choices=("stand-in", "live"), default="stand-in", help="what tests/live run on")
    parser.addoption("--connection", help="the connection of connections.toml of --snowflake live")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests by their fixtures, and put the longest files first, so that the workers end together."""
    for item in items:
        for fixture, marker in _MARKERS.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(marker)
    items.sort(key=lambda item: order.place(item.path.relative_to(REPOSITORY).as_posix()))


def pytest_collection_finish() -> None:
    """Leave what was imported out of the search for cycles, and search less often: clients and dbt make many objects."""
    gc.freeze()
    gc.set_threshold(70_000, 20, 20)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    _AT_WORK.clear()
    _AT_WORK.update(marker.name for marker in item.iter_markers())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class RunningEndpoint:
    """An endpoint process over data_dir and s3_root (folders of a test). database: there from the start, SYSADMIN's."""

    data_dir: Path
    s3_root: Path
    host: str = "127.0.0.1"
    port: int = field(default_factory=free_port)
    process: BaseProcess | None = None
    rights: bool = True
    database: str = "TEST"

    def start(self) -> None:
        assert "integration" in _AT_WORK, "a test that starts an endpoint is marked `integration`"
        self.launch()

    def launch(self, serve: Serve = serve) -> None:
        """Start the process, and wait until it answers."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        log = self.data_dir.parent / "endpoint.log"
        log.touch()
        setup = f"USE ROLE sysadmin; CREATE DATABASE IF NOT EXISTS {self.database}"
        self.process = start_server(self.data_dir, self.s3_root, self.host, self.port, log, self.rights, serve, setup)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self.process.is_alive():
            try:
                with urllib.request.urlopen(f"http://{self.host}:{self.port}/health", timeout=1) as response:
                    if response.status == 200:
                        return
            except OSError:
                self.process.join(0.05)
        raise RuntimeError(f"the endpoint did not start: {log.read_text()[-2000:]}")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process is None or self.process.pid is None:
            return
        os.kill(self.process.pid, how)
        self.process.join(20)
        assert self.process.exitcode is not None, "the endpoint does not end"
        self.process = None

    @property
    def connection_parameters(self) -> dict[str, Any]:
        return {
            "account": "local",
            "user": "local",
            "password": "local",
            "host": self.host,
            "port": self.port,
            "protocol": "http",
            "session_parameters": {"CLIENT_TELEMETRY_ENABLED": False},
            "network_timeout": 120,
        }

    def connect(self, **overrides: Any) -> Any:
        """A plain connector connection, by default to the database's schema PUBLIC."""
        arguments = {**self.connection_parameters, "database": self.database, "schema": "PUBLIC", **overrides}
        return snowflake.connector.connect(**arguments)

    @property
    def environment(self) -> dict[str, str]:
        """SNOWFLAKE_* for command line clients (schemachange, dbt profiles)."""
        return {
            **os.environ,
            "SNOWFLAKE_ACCOUNT": "local",
            "SNOWFLAKE_USER": "local",
            "SNOWFLAKE_PASSWORD": "local",
            "SNOWFLAKE_HOST": self.host,
            "SNOWFLAKE_PORT": str(self.port),
            "SNOWFLAKE_PROTOCOL": "http",
            "DBT_TARGET": "password",
        }


_MEMORY = Path("/dev/shm")
_ROOM = 1 << 30


@contextmanager
def endpoint_folder() -> Iterator[Path]:
    """Yield a folder for an endpoint's files that goes at the end; in memory where the system has room there (Linux).

    DuckDB waits for the disk at every commit, some twenty times a test. What a killed endpoint wrote is there all the same.
    """
    in_memory = os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ROOM
    with tempfile.TemporaryDirectory(prefix="endpoint-", dir=_MEMORY if in_memory else None) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[RunningEndpoint]:
    """A fresh endpoint for the module."""
    with endpoint_folder() as folder:
        running = RunningEndpoint(folder / "warehouse", folder / "s3")
        running.start()
        yield running
        running.stop(signal.SIGKILL)  # nothing of it is kept
