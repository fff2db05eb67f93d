"""Start the worker process, send it calls and read its answers."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from local_stack.endpoint.engine import cancellation
from local_stack.endpoint.statements import SqlError

_START_SECONDS = 60.0


@dataclass(frozen=True)
class SessionTarget:
    """Tell a handler how it reaches its caller's session."""

    host: str
    port: int
    token: str
    master_token: str
    user: str
    role: str
    warehouse: str | None
    database: str | None
    schema: str | None


@dataclass(frozen=True)
class CallRequest:
    """Hold one call. code: inline Python or None. imports: entries of sys.path. folder: working directory, where the
    imported files are. arguments: in JSON form (see worker.decode). returns: the declared type's family, or TABLE.
    allowed_hosts: host:port of the network rules. secrets: by the name used in the code. kind: procedure, function (its
    arguments are the parameters' type families, scales their scales; rows follow) or table_function (arguments: the rows
    of each partition, names: of the parameters, columns: the result's families). target: None for functions, which have
    no session. levels: LOG_LEVEL and TRACE_LEVEL of a procedure."""

    target: SessionTarget | None
    handler: str
    code: str | None
    imports: list[str]
    folder: str
    arguments: list[Any]
    returns: str
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)
    allowed_hosts: list[str] = field(default_factory=list)
    kind: str = "procedure"
    packages: list[str] = field(default_factory=list)
    strict: bool = False
    scales: list[int] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    levels: dict[str, str] = field(default_factory=dict)


def _hang_up(connection: socket.socket) -> None:
    """Let the handler's process end when nobody waits for its answer."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class WorkerProcess:
    """Hold one warmed process, which forks for every call. It is restarted when it has died."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: Path | None = None

    def start(self) -> Path:
        """Start warming up, without waiting; return the socket that answers once it is warm."""
        with self._lock:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="endpoint-"))
            path = self._folder / "worker"
            if self._process is None or self._process.poll() is not None:
                path.unlink(missing_ok=True)
                script = Path(__file__).with_name("worker.py")
                self._process = subprocess.Popen([sys.executable, "-I", str(script), str(path)], stdin=subprocess.PIPE)
            return path

    def stop(self) -> None:
        with self._lock:
            if self._process is not None:
                if self._process.stdin:
                    self._process.stdin.close()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(5)
                if self._process.poll() is None:
                    self._process.kill()
                    self._process.wait()
                self._process = None
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)
                self._folder = None

    def connect(self) -> socket.socket:
        """Return a connection to a freshly forked worker. Raises SqlError when the process does not come up."""
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            path = self.start()
            connection = socket.socket(socket.AF_UNIX)
            try:
                connection.connect(str(path))
            except OSError:
                connection.close()
                time.sleep(0.05)
            else:
                return connection
        raise SqlError("The local endpoint's Python runtime did not start.", 391528, "XX000")

    def call(self, request: CallRequest) -> dict[str, Any]:
        """Run one handler and wait for it. {"value"}, {"query_id", "columns"} or {"error"}."""
        with contextlib.closing(self.connect()) as connection:
            connection.sendall(json.dumps(asdict(request)).encode() + b"\n")
            with cancellation.waking(lambda: _hang_up(connection)):
                line = connection.makefile("rb").readline()
        cancellation.check()
        if not line:
            return {"error": "The handler's process ended without an answer (it was killed, or called os._exit)."}
        return dict(json.loads(line))
