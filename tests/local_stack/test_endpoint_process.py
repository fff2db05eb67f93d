"""Start and find the endpoint where ports and process ids are used by others too."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from local_stack import endpoint_process, serving
from local_stack.layout import REPO, Layout
from local_stack.progress import Progress
from tests.conftest import free_port

pytestmark = pytest.mark.integration


class _Stranger(BaseHTTPRequestHandler):
    """Another checkout's endpoint, as far as /health can tell."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"status": "ok", "pid": 1}).encode())

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def taken_port() -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), _Stranger)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_a_port_taken_between_the_look_and_the_start(
    tmp_path: Path, taken_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Layout(tmp_path / "state")
    ports = iter([taken_port, endpoint_process._free_port()])
    monkeypatch.setattr(endpoint_process, "_free_port", lambda: next(ports))
    address = endpoint_process.start(layout)
    try:
        assert address.port != taken_port
        assert endpoint_process.running(layout) == address
    finally:
        endpoint_process.stop(address)


def test_two_that_start_at_once_and_want_one_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both found it free, both may bind it before either listens; each serves in the end, on a port of its own."""
    port = endpoint_process._free_port()
    free = [port, port, free_port(), free_port()]
    monkeypatch.setattr(endpoint_process, "_free_port", lambda: free.pop(0))
    layouts = [Layout(tmp_path / name) for name in ("one", "other")]
    with ThreadPoolExecutor() as threads:
        addresses = list(threads.map(endpoint_process.start, layouts))
    try:
        assert port in {address.port for address in addresses}
        assert addresses[0].port != addresses[1].port
        assert [endpoint_process.running(layout) for layout in layouts] == addresses
    finally:
        for address in addresses:
            endpoint_process.stop(address)


def test_another_process_at_a_remembered_address_is_not_ours(tmp_path: Path, taken_port: int) -> None:
    layout = Layout(tmp_path / "state")
    layout.make()
    remembered = {"host": "127.0.0.1", "port": taken_port, "pid": os.getpid()}
    layout.endpoint_file.write_text(json.dumps(remembered), encoding="utf-8")
    assert endpoint_process.running(layout) is None


def _gone(pid: int) -> bool:
    for _ in range(300):
        if not endpoint_process._alive(pid):
            return True
        time.sleep(0.1)
    return False


def _remembered(layout: Layout, starter: subprocess.Popen[str]) -> int:
    """The process id of the endpoint that a command has started, once it is known."""
    while not layout.endpoint_file.exists() or not layout.endpoint_file.read_text(encoding="utf-8"):
        assert starter.poll() is None, "it ended before its endpoint answered"
        time.sleep(0.05)
    return int(json.loads(layout.endpoint_file.read_text(encoding="utf-8"))["pid"])


def test_an_endpoint_of_a_command_ends_with_it_even_if_it_is_killed(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "state")
    program = (
        "import sys, time; from pathlib import Path; from local_stack import endpoint_process, layout;"
        " endpoint_process.start(layout.Layout(Path(sys.argv[1])), stays=False); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(layout.root)], cwd=REPO, text=True) as starter:
        pid = _remembered(layout, starter)
        assert endpoint_process.running(layout)
        starter.kill()
    assert _gone(pid)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("step", ["local_stack.endpoint_process._answers", "local_stack.serving.write_files"])
def test_an_interruption_while_the_endpoint_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    layout = Layout(tmp_path / "state")
    started: list[subprocess.Popen[bytes]] = []

    class Recorded(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Recorded)
    with monkeypatch.context() as interrupted:
        interrupted.setattr(step, _interrupt)
        starting = serving.endpoint(layout, Progress(Console(quiet=True)))
        with pytest.raises(KeyboardInterrupt):
            starting.__enter__()
    assert len(started) == 1
    assert not endpoint_process._alive(started[0].pid)
    assert not layout.endpoint_file.exists()


@pytest.mark.spark
@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_demo_says_so_and_leaves_nothing_running(tmp_path: Path, signal_number: signal.Signals) -> None:
    layout = Layout(tmp_path / "state")
    command = [sys.executable, "-m", "local_stack", "--state", str(layout.root), "demo", "--sessions-per-day", "30"]
    # A shell's background jobs ignore SIGINT, and so would the demo under such a test run.
    reset = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with subprocess.Popen(
            command, cwd=REPO, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        ) as demo:
            pid = _remembered(layout, demo)
            demo.send_signal(signal_number)
            printed, told = demo.communicate()
    finally:
        signal.signal(signal.SIGINT, reset)
    assert demo.returncode == 130
    assert told.splitlines()[-1] == "local_stack: interrupted; the next run completes what is missing"
    assert "\tat " not in printed + told, "a stack trace of Java's"
    assert _gone(pid)
    assert not layout.endpoint_file.exists()
