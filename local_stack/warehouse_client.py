"""SQL over a plain connector connection to the endpoint, as a user has it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import snowflake.connector
from snowflake.connector.errors import Error

from local_stack.client_environment import CONNECTION
from local_stack.errors import StageError
from local_stack.layout import Layout


class Warehouse:
    """One connection, by name, through the state folder's connections.toml."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    def rows(self, sql: str, binds: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self.connection.cursor() as cursor:
            return list(cursor.execute(sql, list(binds) or None).fetchall())

    def call(self, sql: str, binds: Sequence[Any] = ()) -> Any:
        """CALL a procedure that returns a VARIANT; return it decoded. Raises StageError with the procedure's error."""
        try:
            (value,) = self.rows(sql, binds)[0]
        except Error as error:
            raise StageError(sql, str(error.msg or error)) from error
        return json.loads(value) if isinstance(value, str) else value


@contextmanager
def connect(layout: Layout) -> Iterator[Warehouse]:
    connection = snowflake.connector.connect(
        connection_name=CONNECTION,
        connections_file_path=layout.connections_file,
        paramstyle="qmark",
        session_parameters={"TIMEZONE": "UTC", "QUERY_TAG": "local_stack"},
    )
    try:
        yield Warehouse(connection)
    finally:
        connection.close()
