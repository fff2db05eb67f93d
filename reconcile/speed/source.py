"""Reads the speed layer through clickhouse-connect: a server by URL, or the embedded engine in a folder."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from types import TracebackType
from typing import Any

import clickhouse_connect
import pyarrow as pa
from clickhouse_connect.driver.exceptions import ClickHouseError
from urllib3.exceptions import HTTPError

from reconcile.config import ReconcileConfig, redact
from reconcile.errors import ConfigError, SpeedLayerError, SpeedLayerUnreachable, SpeedTableError
from reconcile.speed.columns import SPEED_COLUMNS, is_uuid_column, select_list
from reconcile.speed.engine import SpeedEngine, speed_engine

UNKNOWN_TABLE = 60
UNKNOWN_DATABASE = 81
_DENIED = (192, 193, 194, 497, 516)  # unknown user, wrong or missing password, access denied, authentication failed
_DENIED_BY_STATUS = re.compile(r"HTTP status 40[13]\b")  # a proxy's refusal carries no ClickHouse code
_NO_TIME = "`session_start` = toDateTime64('1970-01-01 00:00:00', 6, 'UTC')"
_FIRST_MICROSECOND = "{day} 00:00:00.000000"


class SpeedLayer:
    """An open connection to the speed layer. Use as a context manager; the embedded engine must be let go of."""

    def __init__(self, config: ReconcileConfig) -> None:
        # clickhouse-connect logs what it also raises; without a handler that would end up on the user's terminal
        logging.getLogger("clickhouse_connect").addHandler(logging.NullHandler())
        self._where = redact(config.clickhouse_url)
        self._name = config.speed_table
        self._table = ".".join(f"`{part}`" for part in config.speed_table.split("."))
        self._client = _connect(config, self._where)
        self._types: dict[str, str] | None = None
        self._states: tuple[str, ...] = ()
        self._engine: SpeedEngine | None = None

    def __enter__(self) -> SpeedLayer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    @property
    def engine(self) -> SpeedEngine:
        """How the table keeps its rows."""
        if self._engine is None:
            *database, table = self._name.split(".")
            with self._errors():
                rows = self._client.query(
                    "SELECT engine, engine_full, sorting_key FROM system.tables WHERE name = {table:String} "
                    "AND database = if({database:String} = '', currentDatabase(), {database:String})",
                    parameters={"table": table, "database": database[0] if database else ""},
                ).result_rows
            self._engine = speed_engine(*rows[0]) if rows else SpeedEngine("unknown")
        return self._engine

    @property
    def column_types(self) -> dict[str, str]:
        """Column name → ClickHouse type; of a state of an aggregate that of its result.

        Raises SpeedTableError when there is no such table.
        """
        if self._types is None:
            types = self._described(f"TABLE {self._table}")
            self._states = tuple(f"`{name}`" for name, kind in types.items() if kind.startswith("AggregateFunction("))
            if self._states:
                results = ", ".join(f"finalizeAggregation({name}) AS {name}" for name in self._states)
                types |= self._described(f"(SELECT {results} FROM {self._table})")  # noqa: S608 (ClickHouse's own names)
            self._types = types
        return self._types

    def _described(self, what: str) -> dict[str, str]:
        with self._errors():
            return {row[0]: row[1] for row in self._client.query(f"DESCRIBE {what}").result_rows}

    def _rows(self, condition: str) -> str:
        """The rows that a condition on session_start holds for, as the engine means them."""
        names = [f"`{column.name}`" for column in SPEED_COLUMNS if column.name in self.column_types]
        return self.engine.rows(self._table, names, self._states, condition)

    @property
    def text_identifiers(self) -> tuple[str, ...]:
        """Identifier columns that are not of type UUID, whose values may come in any form."""
        types = self.column_types
        return tuple(name for name in ("session_id", "user_id") if name in types and not is_uuid_column(types[name]))

    def days(self) -> list[date]:
        """The UTC days on which sessions start, in order."""
        select_list(self._name, self.column_types)
        rows_with_time = self._rows(f"`session_start` IS NOT NULL AND NOT {_NO_TIME}")
        with self._errors():
            rows = self._client.query(
                "SELECT DISTINCT toString(toDate32(toDateTime64(session_start, 6, 'UTC'))) AS day "
                f"{rows_with_time} ORDER BY day",
                settings=self.engine.settings,
            ).result_rows
        return [date.fromisoformat(row[0]) for row in rows]

    def read_day(self, day: date) -> Iterator[pa.RecordBatch]:
        """The sessions that start on one UTC day, as record batches of text, int64 and decimal columns.

        One SELECT, which ClickHouse answers from the parts that exist when it begins: a consistent snapshot of the day.
        The comparison is of instants, so it holds for columns of any time zone. Rows come in no particular order.
        """
        # DateTime has whole seconds and no years before 1970: compared as DateTime64 no bound is cut off.
        sql = f"SELECT {select_list(self._name, self.column_types)} " + self._rows(
            "`session_start` >= toDateTime64({from_time:String}, 6, 'UTC') "
            f"AND `session_start` < toDateTime64({{to_time:String}}, 6, 'UTC') AND NOT {_NO_TIME}"
        )
        bounds = {
            "from_time": _FIRST_MICROSECOND.format(day=day.isoformat()),
            "to_time": _FIRST_MICROSECOND.format(day=(day + timedelta(days=1)).isoformat()),
        }
        # Without wait_end_of_query a server that fails half-way has already answered 200, and the rows just stop.
        whole = {"wait_end_of_query": "1", **self.engine.settings}
        with (
            self._errors(),
            self._client.query_arrow_stream(sql, parameters=bounds, settings=whole, use_strings=True) as stream,
        ):
            yield from stream

    def rows_without_start(self) -> int:
        """Rows that belong to no day because session_start is NULL, or is what ClickHouse has for no value: 1970-01-01."""
        rows_without_time = self._rows(f"`session_start` IS NULL OR {_NO_TIME}")
        with self._errors():
            rows = self._client.query(
                f"SELECT count() {rows_without_time}",
                settings=self.engine.settings,
            ).result_rows
        return int(rows[0][0])

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except ClickHouseError as error:
            code = getattr(error, "code", None)
            if code == UNKNOWN_TABLE:
                raise SpeedTableError(f"there is no table {self._name} in the speed layer at {self._where}") from error
            raise _translated(error, self._where) from error
        except (HTTPError, pa.ArrowException) as error:
            raise SpeedLayerUnreachable(
                f"the answer of the speed layer at {self._where} broke off: {_first_line(error)}"
            ) from error


def _connect(config: ReconcileConfig, where: str) -> Any:
    folder = config.chdb_path
    try:
        if folder is not None:
            if (
                not folder.is_dir()
            ):  # the engine would create it, and a mistyped path would look like an empty speed layer
                raise SpeedLayerUnreachable(f"there is no embedded ClickHouse in the folder {folder}")
            return clickhouse_connect.get_client(interface="chdb", path=str(folder), show_clickhouse_errors="scrub")
        url, user, password = config.server
        return clickhouse_connect.get_client(
            dsn=url.replace("clickhouses://", "https://").replace("clickhouse://", "http://"),
            username=user,
            password=password or "",
            connect_timeout=config.connect_timeout_seconds,
            send_receive_timeout=config.read_timeout_seconds,
            query_retries=2,
            show_clickhouse_errors="scrub",
        )
    except ClickHouseError as error:
        raise _translated(error, where) from error
    except TypeError as error:  # parameters of the URL become arguments of the client
        raise ConfigError(f"clickhouse_url {where!r} has a parameter that its client does not know: {error}") from error


def _translated(error: ClickHouseError, where: str) -> SpeedLayerError:
    code = getattr(error, "code", None)
    if code == UNKNOWN_DATABASE:
        return SpeedLayerUnreachable(f"the speed layer at {where} has no such database: {_first_line(error)}")
    if code in _DENIED or _DENIED_BY_STATUS.search(str(error)):
        return SpeedLayerUnreachable(f"the speed layer at {where} denies access: {_first_line(error)}")
    if code is None:
        return SpeedLayerUnreachable(f"cannot reach the speed layer at {where}: {_root_cause(error)}")
    return SpeedTableError(f"the speed layer at {where} refused the query: {_first_line(error)}")


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
