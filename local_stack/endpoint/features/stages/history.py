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

from local_stack.endpoint.engine.load_history import COLUMNS, KEPT_DAYS, LOADS, loads_table, table_number
from local_stack.endpoint.features.stages.file_loader import Loaded
from local_stack.endpoint.features.stages.location import StagedFile, StageLocation

if TYPE_CHECKING:
    from local_stack.endpoint.language.names import SchemaName


@dataclass(frozen=True)
class FileLoad:
    """Hold how a file was loaded. `tag` identifies its content where it counts as loaded. `limit` is COPY's error_limit."""

    file: StagedFile
    tag: str | None
    outcome: Loaded
    limit: int


class LoadHistory:
    """Read and write the load metadata of one table."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, table: SchemaName) -> None:
        self._duck, self._table = connection, table
        self._name, self._key = loads_table(table.database), table.name
        if table.database == "temp":
            connection.execute(f"CREATE TEMPORARY TABLE IF NOT EXISTS {LOADS} {COLUMNS}")
            self._key = table_number(connection, table.name)

    def loaded(self) -> set[tuple[str, str]]:
        """Return what was loaded within the last 64 days, as pairs of a file's key and the tag of its content."""
        since = dt.datetime.now(dt.UTC) - dt.timedelta(days=KEPT_DAYS)
        found = self._duck.execute(
            f"SELECT DISTINCT file_name, etag FROM {self._name} WHERE etag IS NOT NULL"
            " AND schema_name = ? AND table_name = ? AND loaded_at > ?",
            [self._table.schema, self._key, since],
        ).fetchall()
        return set(found)

    def add(self, loads: Sequence[FileLoad], location: StageLocation, at: dt.datetime) -> None:
        """Remember loads from a stage. Thousands of files take one statement."""
        if not loads:
            return
        outcomes = [load.outcome for load in loads]
        texts, numbers = "unnest(?::VARCHAR[])", "unnest(?::BIGINT[])"
        self._duck.execute(
            f"INSERT INTO {self._name} SELECT ?, ?, {texts}, {texts}, {numbers}, {numbers}, ?, ?, {texts}, {texts},"
            f" {texts}, {numbers}, {texts}, {numbers}, {numbers}, {texts}, {numbers}, {numbers}",
            [
                self._table.schema, self._key,
                [load.file.key for load in loads], [load.tag for load in loads],
                [outcome.loaded for outcome in outcomes], [load.file.path.stat().st_size for load in loads],
                at, location.display_prefix if location.external else location.name,
                [load.file.relative for load in loads], [load.file.display for load in loads],
                [outcome.status for outcome in outcomes], [outcome.parsed for outcome in outcomes],
                *map(list, zip(*(outcome.first for outcome in outcomes), strict=True)),
                [outcome.errors for outcome in outcomes], [load.limit for load in loads],
            ],
        )  # fmt: skip
