"""Fixtures for all tests: the local Snowflake endpoint as a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

with warnings.catch_warnings():
    # the connector's vendored requests warns about a newer chardet when first imported
    warnings.simplefilter("ignore")
    import snowflake.connector

REPOSITORY = Path(__file__).parents[1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class RunningEndpoint:
    """An endpoint process over data_dir and s3_root (folders of a test)."""

    data_dir: Path
    s3_root: Path
    host: str = "127.0.0.1"
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "local_stack.endpoint", "--data-dir", str(self.data_dir)]
        command += ["--s3-root", str(self.s3_root), "--port", str(self.port)]
        self.data_dir.mkdir(parents=True, exist_ok=True)
        with (self.data_dir.parent / "endpoint.log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=REPOSITORY, stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"http://{self.host}:{self.port}/health", timeout=1) as response:
                    if response.status == 200:
                        return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError(f"the endpoint did not start: {(self.data_dir.parent / 'endpoint.log').read_text()[-2000:]}")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process is None:
            return
        self.process.send_signal(how)
        self.process.wait(timeout=20)
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
        """A plain connector connection. Default database and schema: TEST.PUBLIC."""
        arguments = {**self.connection_parameters, "database": "TEST", "schema": "PUBLIC", **overrides}
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
        }


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEndpoint]:
    """A fresh endpoint for the module."""
    folder = tmp_path_factory.mktemp("endpoint")
    running = RunningEndpoint(folder / "warehouse", folder / "s3")
    running.start()
    yield running
    running.stop()
