"""Speed layers for tests: the embedded engine in a folder, and the same engine behind ClickHouse's HTTP interface."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
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
    return ReconcileConfig(**{"clickhouse_url": f"chdb://{folder}", "landing": str(landing), **changes})


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
        binds = {name.removeprefix("param_"): value for name, value in given.items() if name.startswith("param_")}
        stated = re.search(r"\bFORMAT\s+(\w+)\s*$", sql, re.IGNORECASE)
        default = given.get("default_format", "TabSeparated")
        try:
            answer = self.server.engine.raw_query(sql, parameters=binds, fmt=None if stated else default)
        except ClickHouseError as error:
            self._send(500, str(error).encode(), {"X-ClickHouse-Exception-Code": str(getattr(error, "code", 0))})
            return
        self._send(200, answer, {"X-ClickHouse-Format": stated.group(1) if stated else default})

    def _send(self, code: int, answer: bytes, headers: dict[str, str]) -> None:
        self.send_response(code)
        for name, value in {**headers, "Content-Length": str(len(answer)), "X-ClickHouse-Timezone": "UTC"}.items():
            self.send_header(name, value)
        self.end_headers()
        cut = self.server.cut_after
        self.wfile.write(answer if cut is None else answer[:cut])

    def log_message(self, format: str, *args: Any) -> None:
        """Be quiet."""


class _Server(HTTPServer):
    engine: Any
    authorization: str | None = None
    names_its_errors: bool = True
    cut_after: int | None = None


@contextmanager
def served(folder: Path) -> Iterator[_Server]:
    """The engine in the folder behind a ClickHouse URL on a free port. authorization: what a request must carry."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.engine = clickhouse_connect.get_client(interface="chdb", path=str(folder))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
            server.engine.close()
