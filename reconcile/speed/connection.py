"""Connects to ClickHouse through clickhouse-connect: a server by URL, or the embedded engine in a folder."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import clickhouse_connect
import pyarrow as pa
from clickhouse_connect.driver.exceptions import ClickHouseError
from urllib3.exceptions import HTTPError

from reconcile.config import ReconcileConfig, redact
from reconcile.errors import ConfigError, SpeedLayerUnreachable
from reconcile.speed.columns import SPEED_COLUMNS
from reconcile.speed.failures import failure
from reconcile.speed.source import SpeedLayer, SpeedTable


def open_speed_layer(config: ReconcileConfig) -> SpeedLayer:
    """Connect to the configured speed layer. Raises SpeedLayerUnreachable, ConfigError."""
    known = [column.name for column in SPEED_COLUMNS]
    if unknown := sorted(config.columns.keys() - known):
        raise ConfigError(f"[reconcile.columns] has no column {unknown[0]!r}; its columns: {', '.join(known)}")
    table = SpeedTable(config.speed_table, config.speed_select, config.columns)
    return SpeedLayer(lambda: ClickHouseConnection(config), table, config.attempts, config.retry_pause_seconds)


class ClickHouseConnection:
    """An open connection. Raises SpeedLayerError for whatever goes wrong with it."""

    def __init__(self, config: ReconcileConfig) -> None:
        # clickhouse-connect logs what it also raises; without a handler that would end up on the user's terminal
        logging.getLogger("clickhouse_connect").addHandler(logging.NullHandler())
        self.where = redact(config.clickhouse_url)
        self._secret = config.server[2] or ""
        with self._errors():
            self._client = self._connect(config)

    def query(self, sql: str, binds: Mapping[str, str], settings: Mapping[str, str]) -> list[tuple[Any, ...]]:
        """All rows of a small answer."""
        with self._errors():
            return list(self._client.query(sql, parameters=dict(binds), settings=dict(settings)).result_rows)

    def stream(self, sql: str, binds: Mapping[str, str], settings: Mapping[str, str]) -> Iterator[pa.RecordBatch]:
        """The rows in batches, as they come."""
        # Without wait_end_of_query a server that fails half-way has already answered 200, and the rows just stop.
        whole = {"wait_end_of_query": "1", **settings}
        with (
            self._errors(),
            self._client.query_arrow_stream(sql, parameters=dict(binds), settings=whole, use_strings=True) as stream,
        ):
            yield from stream

    def close(self) -> None:
        """Let go of it; the embedded engine serves one process at a time."""
        self._client.close()

    def _connect(self, config: ReconcileConfig) -> Any:
        folder = config.chdb_path
        if folder is not None:
            if (
                not folder.is_dir()
            ):  # the engine would create it, and a mistyped path would look like an empty speed layer
                raise SpeedLayerUnreachable(f"there is no embedded ClickHouse in the folder {folder}")
            return clickhouse_connect.get_client(interface="chdb", path=str(folder), show_clickhouse_errors="scrub")
        url, user, password = config.server
        try:
            return clickhouse_connect.get_client(
                dsn=url.replace("clickhouses://", "https://").replace("clickhouse://", "http://"),
                username=user,
                password=password or "",
                connect_timeout=config.connect_timeout_seconds,
                send_receive_timeout=config.read_timeout_seconds,
                query_retries=0,  # reconcile.speed.retries does it, with pauses, for all that can fail
                show_clickhouse_errors="scrub",
            )
        except TypeError as error:  # parameters of the URL become arguments of the client
            text = f"clickhouse_url {self.where!r} has a parameter that its client does not know: {error}"
            raise ConfigError(text) from error

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except ClickHouseError as error:
            status = re.search(r"HTTP status (\d{3})\b", str(error))
            code = getattr(error, "code", None)
            reason = _first_line(error) if code is not None or status else _root_cause(error)
            raise failure(self.where, code, int(status[1]) if status else None, self._hidden(reason)) from error
        except (HTTPError, pa.ArrowException) as error:
            reason = self._hidden(_first_line(error))
            text = f"the answer of the speed layer at {self.where} broke off: {reason}"
            raise SpeedLayerUnreachable(text, passes=True) from error

    def _hidden(self, text: str) -> str:
        return text.replace(self._secret, "***") if self._secret else text


def _root_cause(error: BaseException) -> str:
    """The innermost reason: the client's own message does not say whether the host, the port or the name was wrong."""
    cause: BaseException = error
    while True:
        inner = getattr(cause, "reason", None) or cause.__cause__ or cause.__context__
        if not isinstance(inner, BaseException):
            return _first_line(cause)
        cause = inner


def _first_line(error: BaseException) -> str:
    text = str(error).splitlines() or [type(error).__name__]
    return text[0][:300]
