"""Keep load metadata, which says what content was loaded into which table.

It is kept in the table's database, in the transaction of the COPY. The metadata of a temporary table is itself
temporary. It knows the table by DuckDB's number, so a table that is created again starts without any.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from local_stack.endpoint.engine.load_history import COLUMNS, KEPT_DAYS, TEMPORARY, table_number
from local_stack.endpoint.features.stages.location import StagedFile
from local_stack.endpoint.language.quoting import identifier

if TYPE_CHECKING:
    from local_stack.endpoint.language.names import SchemaName


@dataclass(frozen=True)
class FileLoad:
    """Hold one loaded file. `tag` identifies its content. `rows` is the number of rows loaded."""

    file: StagedFile
    tag: str
    rows: int


class LoadHistory:
    """Read and write the load metadata of one table."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, table: SchemaName) -> None:
        self._duck, self._table = connection, table
        self._temporary = table.database == "temp"
        if self._temporary:
            connection.execute(f"CREATE TEMPORARY TABLE IF NOT EXISTS {TEMPORARY.rpartition('.')[2]} {COLUMNS}")
            self._name, self._key = TEMPORARY, table_number(connection, table.name)
        else:
            self._name, self._key = f"{identifier(table.database)}._fs_information_schema._local_loads", table.name

    def loaded(self) -> set[tuple[str, str]]:
        """Return what was loaded within the last 64 days, as pairs of a file's key and the tag of its content."""
        since = dt.datetime.now(dt.UTC) - dt.timedelta(days=KEPT_DAYS)
        found = self._duck.execute(
            f"SELECT DISTINCT file_name, etag FROM {self._name}"
            " WHERE schema_name = ? AND table_name = ? AND loaded_at > ?",
            [self._table.schema, self._key, since],
        ).fetchall()
        return set(found)

    def add(self, loads: Sequence[FileLoad], at: dt.datetime) -> None:
        """Remember loads. Thousands of files take two statements, not two each."""
        if not loads:
            return
        counts = [load.rows for load in loads]
        self._duck.execute(
            f"INSERT INTO {self._name} SELECT ?, ?, unnest(?::VARCHAR[]), unnest(?::VARCHAR[]), unnest(?::BIGINT[]),"
            " unnest(?::BIGINT[]), ?",
            [
                self._table.schema,
                self._key,
                [load.file.key for load in loads],
                [load.tag for load in loads],
                counts,
                [load.file.path.stat().st_size for load in loads],
                at,
            ],
        )
        if self._temporary:
            return
        self._duck.execute(
            f"INSERT INTO {identifier(self._table.database)}._fs_information_schema._fs_load_history"
            " SELECT ?, unnest(?::VARCHAR[]), ?, ?, 'LOADED', unnest(?::BIGINT[]), unnest(?::BIGINT[]), NULL, NULL, NULL,"
            " NULL, 0, 1",
            [self._table.schema, [load.file.display for load in loads], self._table.name, at, counts, counts],
        )
