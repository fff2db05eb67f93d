"""Connects to a ClickHouse server with the standard library alone: inside Snowflake there is no client of ClickHouse.

Source: https://clickhouse.com/docs/interfaces/http
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import pyarrow as pa

from reconcile.errors import ConfigError, SpeedLayerUnreachable
from reconcile.speed.failures import failure

_PORTS = {"http": 8123, "https": 8443}
_REASON_BYTES = 4000


@dataclass(frozen=True)
class Server:
    """A ClickHouse server. url: http(s)://host:port/database, without user and password."""

    url: str
    user: str
    password: str = field(repr=False)
    connect_timeout_seconds: int = 10
    read_timeout_seconds: int = 300

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc:
            raise ConfigError("the speed layer's URL must be http(s)://host:port/database, without user and password")


class HttpConnection:
    """One request a query; nothing is kept open between two. Raises SpeedLayerError for whatever goes wrong."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._parts = urlsplit(server.url)
        self.where = server.url.partition("?")[0]

    def query(self, sql: str, binds: Mapping[str, str], settings: Mapping[str, str]) -> list[tuple[Any, ...]]:
        """All rows of a small answer."""
        with self._answer(f"{sql} FORMAT JSONCompactEachRow", binds, settings) as answer:
            return [tuple(json.loads(line)) for line in _whole(answer).splitlines() if line]

    def stream(self, sql: str, binds: Mapping[str, str], settings: Mapping[str, str]) -> Iterator[pa.RecordBatch]:
        """The rows in batches, as they come."""
        # Without wait_end_of_query a server that fails half-way has already answered 200, and the rows just stop.
        whole = {"wait_end_of_query": "1", "output_format_arrow_string_as_string": "1", **settings}
        with self._answer(f"{sql} FORMAT ArrowStream", binds, whole) as answer:
            with pa.ipc.open_stream(answer) as batches:
                yield from batches
            _whole(answer)

    def close(self) -> None:
        """Nothing is open."""

    @contextmanager
    def _answer(
        self, sql: str, binds: Mapping[str, str], settings: Mapping[str, str]
    ) -> Iterator[http.client.HTTPResponse]:
        connection = self._connection()
        try:
            with self._errors("cannot reach the speed layer at {}"):
                connection.connect()
                connection.sock.settimeout(self._server.read_timeout_seconds)
                connection.request("POST", self._target(binds, settings), sql.encode(), self._headers())
                answer = connection.getresponse()
            with self._errors("the answer of the speed layer at {} broke off"):
                if answer.status != http.client.OK:
                    raise self._refusal(answer)
                yield answer
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port or _PORTS[self._parts.scheme]
        timeout = self._server.connect_timeout_seconds
        if self._parts.scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=timeout, context=ssl.create_default_context())
        return http.client.HTTPConnection(host, port, timeout=timeout)

    def _target(self, binds: Mapping[str, str], settings: Mapping[str, str]) -> str:
        given = dict(parse_qsl(self._parts.query))
        if database := unquote(self._parts.path.strip("/")):
            given["database"] = database
        return "/?" + urlencode({**given, **settings, **{f"param_{name}": value for name, value in binds.items()}})

    def _headers(self) -> dict[str, str]:
        secret = base64.b64encode(f"{self._server.user}:{self._server.password}".encode()).decode()
        return {"Authorization": f"Basic {secret}", "Content-Type": "text/plain; charset=utf-8"}

    def _refusal(self, answer: http.client.HTTPResponse) -> Exception:
        code = answer.headers.get("X-ClickHouse-Exception-Code", "")
        text = answer.read(_REASON_BYTES).decode("utf-8", "replace").splitlines() or [answer.reason]
        return failure(self.where, int(code) if code.isdigit() else None, answer.status, self._hidden(text[0][:300]))

    @contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except (OSError, http.client.HTTPException, pa.ArrowException, ValueError) as error:
            reason = self._hidden((str(error).splitlines() or [type(error).__name__])[0][:300])
            raise SpeedLayerUnreachable(f"{what.format(self.where)}: {reason}", passes=True) from error

    def _hidden(self, text: str) -> str:
        return text.replace(self._server.password, "***") if self._server.password else text


def _whole(answer: http.client.HTTPResponse) -> bytes:
    """The rest of the answer. Raises IncompleteRead where less came than was announced."""
    rest = answer.read()
    if answer.length:
        raise http.client.IncompleteRead(rest, answer.length)
    return rest
