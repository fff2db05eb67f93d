"""Start and find the endpoint where ports and process ids are used by others too."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from local_stack import endpoint_process
from local_stack.layout import Layout
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
