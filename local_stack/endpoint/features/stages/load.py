"""Run COPY INTO <table>, which loads files of a stage into a table and keeps Snowflake's load metadata.

One COPY is one statement. With ON_ERROR = ABORT_STATEMENT it loads all files or none. It runs in the open transaction
if there is one.
Load metadata says which file, by content, was loaded into which table. It is written in the same transaction and the
same database, so a rollback or a kill forgets it. TRUNCATE and re-creating the table clear it. DELETE does not.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from local_stack.endpoint.engine.load_history import loads_table
from local_stack.endpoint.engine.transactions import Effect
from local_stack.endpoint.features.stages.columns import (
    TargetColumn,
    target_columns,
)
from local_stack.endpoint.features.stages.copy_statement import CopyInto, parse_copy
from local_stack.endpoint.features.stages.file_errors import not_found
from local_stack.endpoint.features.stages.file_loader import FileLoader
from local_stack.endpoint.features.stages.files import etag
from local_stack.endpoint.features.stages.formats import FileFormat, file_format
from local_stack.endpoint.features.stages.history import FileLoad, LoadHistory
from local_stack.endpoint.features.stages.location import StagedFile, locate
from local_stack.endpoint.features.stages.on_error import OnError, on_error
from local_stack.endpoint.features.stages.staged_query import reference_of_query
from local_stack.endpoint.features.stages.unload import unload
from local_stack.endpoint.language.names import SchemaName
from local_stack.endpoint.statements import Column, Result, SqlError, Statement

if TYPE_CHECKING:
    from local_stack.endpoint.session import Session

COLUMNS = (
    Column("file"), Column("status"), Column("rows_parsed", "FIXED"), Column("rows_loaded", "FIXED"),
    Column("error_limit", "FIXED"), Column("errors_seen", "FIXED"), Column("first_error"),
    Column("first_error_line", "FIXED"), Column("first_error_character", "FIXED"), Column("first_error_column_name"),
)  # fmt: skip


class CopyIntoStatements:
    """Answer COPY INTO."""

    def handle(self, statement: Statement, session: Session) -> Result:
        copy = parse_copy(statement.text, session)
        if not copy.is_load:
            return unload(copy, session, statement.describe_only)
        if statement.describe_only:
            return Result(COLUMNS)
        with session.lock:
            return session.transaction.run(Effect.APPEND, (), lambda: Load(copy, session).run(), _writes(copy, session))


def _writes(copy: CopyInto, session: Session) -> dict[str, bool]:
    if copy.table is None:
        return {}
    place = session.physical_table(copy.table)
    return {session.quoted(place): False, loads_table(place.database): False}


class Load:
    """Run one COPY INTO <table>."""

    def __init__(self, copy: CopyInto, session: Session) -> None:
        if copy.table is None:
            raise SqlError("COPY INTO needs a table.")
        self._copy, self._session, self._duck = copy, session, session.duck
        self._table: SchemaName = session.physical_table(copy.table)
        self._targets = self._chosen(target_columns(session, copy.table))
        reference = copy.source or reference_of_query(copy.query or "")
        self._location = locate(session, reference)
        if self._location.table and self._location.table != copy.table.name:
            raise SqlError(
                f"SQL compilation error:\nAccess to the stage area of a table ({self._location.table}) "
                f"with the schema of another table ({copy.table.name}) is not allowed.",
                1023,
            )
        options = copy.options.get("FILE_FORMAT", {})
        options = {"FORMAT_NAME": options} if isinstance(options, str) else options
        self._format: FileFormat = file_format(session, options, self._location.file_format)
        self._on_error: OnError = on_error(str(copy.options.get("ON_ERROR", "ABORT_STATEMENT")))
        self._scan_time = dt.datetime.now(dt.UTC)
        self._loader = FileLoader(
            copy, session, self._table, self._targets, self._format, self._on_error, self._scan_time
        )

    def run(self) -> Result:
        files = self._files()
        if not files:
            return Result((Column("status"),), [["Copy executed with 0 files processed."]])
        history = LoadHistory(self._duck, self._table)
        known = set() if self._copy.options.get("FORCE", False) else history.loaded()
        loads: list[FileLoad] = []
        rows: list[list[Any]] = []
        for group in self._loader.groups(files):
            tags = {file: etag(file) for file in group}
            outcomes = self._loader.load([file for file in group if (file.key, tags[file]) not in known])
            for file in group:
                outcome = outcomes.get(file)
                if outcome is None:
                    rows.append([file.display, "LOAD_SKIPPED", 0, 0, 1, 1, "File was loaded before.", None, None, None])
                    continue
                failed = outcome.status == "LOAD_FAILED"
                limit = self._on_error.limit(outcome.parsed)
                loads.append(FileLoad(file, None if failed else tags[file], outcome, limit))
                if not failed and not self._copy.options.get("FORCE", False):
                    known.add((file.key, tags[file]))
                rows.append([
                    file.display, outcome.status, outcome.parsed, outcome.loaded, limit, outcome.errors, *outcome.first,
                ])  # fmt: skip
        history.add(loads, self._location, self._scan_time)
        if self._copy.options.get("PURGE"):
            for load in loads:
                if load.tag is not None:
                    load.file.path.unlink(missing_ok=True)
        if self._copy.options.get("RETURN_FAILED_ONLY"):
            rows = [row for row in rows if row[1] in ("LOAD_FAILED", "PARTIALLY_LOADED")]
        return Result(COLUMNS, rows)

    def _chosen(self, columns: Sequence[TargetColumn]) -> list[TargetColumn]:
        """Return the columns that the statement lists, or all of the table's where it lists none."""
        by_name = {column.name: column for column in columns}
        for name in self._copy.columns:
            if name not in by_name:
                raise SqlError(f"SQL compilation error:\ninvalid identifier '{name}'", 904, "42000")
        return [by_name[name] for name in self._copy.columns or by_name]

    def _files(self) -> list[StagedFile]:
        """Return the files to load, up to SIZE_LIMIT.

        The file that exceeds the limit is still loaded, so the first file always is.
        """
        found = self._named_files()
        limit = self._copy.options.get("SIZE_LIMIT")
        if limit is None:
            return found
        taken: list[StagedFile] = []
        size = 0
        for file in found:
            if taken and size > int(limit):
                break
            taken.append(file)
            size += file.path.stat().st_size
        return taken

    def _named_files(self) -> list[StagedFile]:
        names = self._copy.options.get("FILES")
        if names is None:
            return self._location.files(self._copy.options.get("PATTERN"))
        files = []
        for name in names:
            file = self._location.file(self._location.below(str(name)).prefix)
            if not file.path.is_file():
                raise not_found(file.display)
            files.append(file)
        return files
