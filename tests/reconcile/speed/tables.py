"""Speed layers for tests: the embedded engine in a folder, and the same engine behind ClickHouse's HTTP interface."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError

from reconcile.config import ReconcileConfig

TABLE = "user_sessions_realtime"
# As the speed layer declares it.
COLUMNS = {
    "session_id": "UUID",
    "user_id": "Nullable(UUID)",
    "user_tier": "Nullable(String)",
    "session_start": "DateTime64(6, 'UTC')",
    "session_end": "DateTime64(6, 'UTC')",
    "page_views": "UInt32",
    "product_views": "UInt32",
    "searches": "UInt32",
    "add_to_cart_events": "UInt32",
    "purchases": "UInt32",
    "total_spent": "Decimal(18, 2)",
}


def ddl(columns: dict[str, str], table: str = TABLE) -> str:
    declared = ", ".join(f"{name} {type_name}" for name, type_name in columns.items())
    return f"CREATE OR REPLACE TABLE {table} ({declared}) ENGINE = MergeTree ORDER BY tuple()"


def run(folder: Path, *statements: str) -> None:
    """Run statements in the embedded engine and let go of it."""
    client = clickhouse_connect.get_client(interface="chdb", path=str(folder))
    try:
        for statement in statements:
            client.command(statement)
    finally:
        client.close()


def config(folder: Path, landing: Path | str, **changes: Any) -> ReconcileConfig:
    return ReconcileConfig(**{"clickhouse_url": f"chdb://{folder}", "landing": str(landing), "attempts": 1, **changes})


class _Handler(BaseHTTPRequestHandler):
    """Answers as much of ClickHouse's HTTP interface as its client uses to read."""

    server: _Server

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def _answer(self, body: bytes) -> None:
        given = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        if self.headers.get("Authorization") != self.server.authorization:
            denied = {"X-ClickHouse-Exception-Code": "516"} if self.server.names_its_errors else {}
            self._send(401, b"Code: 516. DB::Exception: Authentication failed. (AUTHENTICATION_FAILED)", denied)
            return
        sql = body.decode() or given.get("query", "")
        self.server.statements.append(sql)
        trouble = self.server.troubles.pop(0) if self.server.troubles else None
        if trouble == "busy":
            self._send(503, b"no healthy upstream", {})
            return
        if trouble == "stall":
            self.server.released.wait()
            self.close_connection = True
            return
        binds = {name.removeprefix("param_"): value for name, value in given.items() if name.startswith("param_")}
        stated = re.search(r"\bFORMAT\s+(\w+)\s*$", sql, re.IGNORECASE)
        default = given.get("default_format", "TabSeparated")
        try:
            with self.server.lock:
                answer = self.server.engine.raw_query(sql, parameters=binds, fmt=None if stated else default)
        except ClickHouseError as error:
            self._send(500, str(error).encode(), {"X-ClickHouse-Exception-Code": str(getattr(error, "code", 0))})
            return
        self._send(200, answer, {"X-ClickHouse-Format": stated.group(1) if stated else default}, trouble)

    def _send(self, code: int, answer: bytes, headers: dict[str, str], trouble: str | None = None) -> None:
        self.send_response(code)
        for name, value in {**headers, "Content-Length": str(len(answer)), "X-ClickHouse-Timezone": "UTC"}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer if trouble != "cut" else answer[: len(answer) // 2])
        self.close_connection = trouble == "cut"

    def log_message(self, format: str, *args: Any) -> None:
        """Be quiet."""


class _Server(ThreadingHTTPServer):
    """authorization: what a request must carry. statements: what was asked.

    troubles: what happens to the next requests, one each: None, `busy` (503), `cut` (half an answer) or `stall` (none ever).
    """

    engine: Any
    authorization: str | None = None
    names_its_errors: bool = True

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.statements: list[str] = []
        self.troubles: list[str | None] = []
        self.released, self.lock = threading.Event(), threading.Lock()


@contextmanager
def served(folder: Path) -> Iterator[_Server]:
    """The engine in the folder behind a ClickHouse URL on a free port."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.engine = clickhouse_connect.get_client(interface="chdb", path=str(folder))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.released.set()
            server.shutdown()
            thread.join()
            server.engine.close()
