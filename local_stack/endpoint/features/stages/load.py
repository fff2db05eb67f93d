"""COPY INTO <table>: files of a stage into a table, with Snowflake's load metadata.

One COPY is one statement: all files or none (ON_ERROR = ABORT_STATEMENT). It runs in the open transaction if there is one.
Load metadata (which file, by content, was loaded into which table) is written in the same transaction and the same
database, so a rollback or a kill forgets it; TRUNCATE and re-creating the table clear it, DELETE does not.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

from local_stack.endpoint.engine.transactions import Effect
from local_stack.endpoint.features.stages.columns import (
    Selection,
    TargetColumn,
    matched_select,
    positional_select,
    target_columns,
)
from local_stack.endpoint.features.stages.copy_statement import CopyInto, parse_copy
from local_stack.endpoint.features.stages.files import etag
from local_stack.endpoint.features.stages.footers import Footer, neighbours, read_footers
from local_stack.endpoint.features.stages.formats import FileFormat, file_format, parquet_reader, reader_sql
from local_stack.endpoint.features.stages.history import FileLoad, LoadHistory
from local_stack.endpoint.features.stages.location import StagedFile, locate
from local_stack.endpoint.features.stages.staged_query import query_over_file, reference_of_query
from local_stack.endpoint.features.stages.unload import unload
from local_stack.endpoint.language.names import SchemaName
from local_stack.endpoint.language.quoting import identifier, literal
from local_stack.endpoint.statements import Column, Result, SqlError, Statement

if TYPE_CHECKING:
    from local_stack.endpoint.session import Session

COLUMNS = (
    Column("file"), Column("status"), Column("rows_parsed", "FIXED"), Column("rows_loaded", "FIXED"),
    Column("error_limit", "FIXED"), Column("errors_seen", "FIXED"), Column("first_error"),
    Column("first_error_line", "FIXED"), Column("first_error_character", "FIXED"), Column("first_error_column_name"),
)  # fmt: skip


class CopyIntoStatements:
    """The extension for COPY INTO."""

    def handle(self, statement: Statement, session: Session) -> Result | None:
        if statement.text[:4].upper() != "COPY":
            return None
        copy = parse_copy(statement.text, session)
        if not copy.is_load:
            return unload(copy, session, statement.describe_only)
        if statement.describe_only:
            return Result(COLUMNS)
        with session.lock:
            return session.transaction.run(Effect.APPEND, (), lambda: Load(copy, session).run())


@dataclass(frozen=True)
class _Loaded:
    parsed: int
    loaded: int
    error: str | None = None
    error_column: str | None = None


class Load:
    """One COPY INTO <table> under way."""

    def __init__(self, copy: CopyInto, session: Session) -> None:
        if copy.table is None:
            raise SqlError("COPY INTO needs a table.")
        self._copy, self._session, self._duck = copy, session, session.duck
        self._table: SchemaName = session.physical_table(copy.table)
        self._columns = target_columns(session, copy.table)
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
        self._on_error = str(copy.options.get("ON_ERROR", "ABORT_STATEMENT")).upper()
        self._lenient = self._on_error != "ABORT_STATEMENT"
        self._footers: dict[str, Footer] = {}
        self._time_zone = str(self._duck.execute("SELECT current_setting('TimeZone')").fetchall()[0][0])
        self._scan_time = dt.datetime.now(dt.UTC)

    def run(self) -> Result:
        files = self._files()
        if not files:
            return Result((Column("status"),), [["Copy executed with 0 files processed."]])
        history = LoadHistory(self._duck, self._table)
        known = set() if self._copy.options.get("FORCE", False) else history.loaded()
        loads: list[FileLoad] = []
        rows: list[list[Any]] = []
        for group in self._groups(files):
            tags = {file: etag(file) for file in group}
            outcomes = self._load([file for file in group if (file.key, tags[file]) not in known])
            for file in group:
                outcome = outcomes.get(file)
                if outcome is None:
                    rows.append(_row(file, "LOAD_SKIPPED", _Loaded(0, 0, "File was loaded before.")))
                    continue
                if outcome.loaded or not outcome.error:
                    loads.append(FileLoad(file, tags[file], outcome.loaded))
                    if not self._copy.options.get("FORCE", False):
                        known.add((file.key, tags[file]))
                status = "LOADED" if not outcome.error else "PARTIALLY_LOADED" if outcome.loaded else "LOAD_FAILED"
                rows.append(_row(file, status, outcome))
        history.add(loads, self._scan_time)
        if self._copy.options.get("PURGE"):
            for file in files:
                file.path.unlink(missing_ok=True)
        return Result(COLUMNS, rows)

    def _groups(self, files: list[StagedFile]) -> Iterator[list[StagedFile]]:
        """Files in their order, those together that one statement can load as if it were one each."""
        # What went wrong in a group is looked for in another connection, which does not see this one's temporary tables.
        separate = self._lenient or self._copy.query is not None or self._table.database == "temp"
        if self._format.type == "PARQUET" and not separate and len(files) > 1:
            try:
                self._footers = read_footers(self._reader(), files)
            except duckdb.Error:
                pass  # some file is not Parquet: one by one, the first bad file is found in its turn
            else:
                yield from neighbours(files, self._footers)
                return
        yield from ([file] for file in files)

    def _files(self) -> list[StagedFile]:
        names = self._copy.options.get("FILES")
        if names is None:
            return self._location.files(self._copy.options.get("PATTERN"))
        files = []
        for name in names:
            file = self._location.file(self._location.below(str(name)).prefix)
            if not file.path.is_file():
                raise SqlError(
                    f"Remote file '{file.display}' was not found. There are several potential causes. The file might not "
                    "exist. The required credentials may be missing or invalid. If you are running a copy command, please "
                    "make sure files are not deleted when they are being loaded or files are not being loaded into two "
                    "different tables concurrently with auto purge option.",
                    91016,
                    "22000",
                )
            files.append(file)
        return files

    def _load(self, files: list[StagedFile]) -> dict[StagedFile, _Loaded]:
        if len(files) == 1:
            return {files[0]: self._load_file(files[0])}
        return self._load_group(files) if files else {}

    def _load_group(self, files: list[StagedFile]) -> dict[StagedFile, _Loaded]:
        """Load neighbours in one statement. Raises the error of the first file that cannot be loaded, naming it."""
        try:
            columns, select, _ = self._select(files, self._duck)
            inserted = self._insert(self._duck, columns, select)
        except (duckdb.InterruptException, duckdb.TransactionException):
            raise
        except (duckdb.Error, SqlError):
            self._raise_first_error(files)
            raise
        counts = {file: self._footers[str(file.path)].rows for file in files}
        if inserted != sum(counts.values()):
            raise SqlError(f"{inserted} rows were loaded of files that hold {sum(counts.values())}.")
        return {file: _Loaded(count, count) for file, count in counts.items()}

    def _raise_first_error(self, files: list[StagedFile]) -> None:
        """Load a group that failed one by one, in a transaction that is given up, to learn which file it was."""
        reader = self._reader()
        reader.execute("BEGIN")
        try:
            for file in files:
                try:
                    columns, select, _ = self._select([file], reader)
                    self._insert(reader, columns, select)
                except (duckdb.Error, SqlError) as error:
                    raise _in_file(error, file) from error
        finally:
            reader.execute("ROLLBACK")

    def _reader(self) -> duckdb.DuckDBPyConnection:
        """A connection beside the session's, whose transaction a failing query would end; in the session's time zone."""
        reader = self._session.engine.duck_conn.cursor()
        reader.execute(f"SET TimeZone = {literal(self._time_zone)}")
        return reader

    def _load_file(self, file: StagedFile) -> _Loaded:
        try:
            columns, select, checks = self._select([file], self._duck)
            if not self._lenient:
                count = self._insert(self._duck, columns, select)
                return _Loaded(count, count)
            bad, total, first = self._count_bad(select, checks)
            if bad and self._on_error == "SKIP_FILE":
                return _Loaded(total, 0, f"{bad} rows cannot be converted", first)
            names = ", ".join(identifier(column) for column in columns)
            good = f"SELECT {names} FROM ({select})" + (f" WHERE NOT ({' OR '.join(checks.values())})" if bad else "")
            loaded = self._insert(self._duck, columns, good)
            return _Loaded(total, loaded, f"{bad} rows cannot be converted", first) if bad else _Loaded(loaded, loaded)
        except (duckdb.Error, SqlError) as error:
            raise _in_file(error, file) from error

    def _insert(self, connection: duckdb.DuckDBPyConnection, columns: list[str], select: str) -> int:
        names = ", ".join(identifier(column) for column in columns)
        rows = connection.execute(f"INSERT INTO {self._session.quoted(self._table)} ({names}) {select}").fetchall()
        return int(rows[0][0]) if rows else 0

    def _select(self, files: list[StagedFile], duck: duckdb.DuckDBPyConnection) -> Selection:
        """(table columns, DuckDB query giving their values, per column the condition of a value that does not convert)."""
        names = [c.name for c in self._columns]
        wanted = list(self._copy.columns) or names
        chosen: list[TargetColumn] = []
        for name in wanted:
            if name not in names:
                raise SqlError(f"SQL compilation error:\ninvalid identifier '{name}'", 904, "42000")
            chosen.append(self._columns[names.index(name)])
        if self._copy.query is not None:
            select = query_over_file(self._session, self._copy.query, files[0], self._location, self._format)
            return wanted, select, {}
        source = (
            parquet_reader(file.path for file in files) if len(files) > 1 else reader_sql(files[0].path, self._format)
        )
        match_by = str(self._copy.options.get("MATCH_BY_COLUMN_NAME", "NONE")).upper()
        if match_by != "NONE":
            return matched_select(
                duck, chosen, source, self._format, files, match_by == "CASE_SENSITIVE",
                self._copy.options.get("INCLUDE_METADATA", {}), self._scan_time, self._lenient,
            )  # fmt: skip
        return positional_select(duck, chosen, source, self._format, self._lenient)

    def _count_bad(self, select: str, checks: dict[str, str]) -> tuple[int, int, str | None]:
        """How many rows do not convert, of how many, and the first column that does not (read outside the transaction)."""
        counts = ", ".join(f"COUNT_IF({condition})" for condition in checks.values()) or "0"
        anywhere = " OR ".join(checks.values()) or "FALSE"
        reader = self._session.engine.duck_conn.cursor()
        row = reader.execute(f"SELECT COUNT(*), COUNT_IF({anywhere}), {counts} FROM ({select})").fetchone()
        if row is None:
            return 0, 0, None
        first = next((name for name, n in zip(checks, row[2:], strict=False) if n), None)
        return int(row[1]), int(row[0]), first


def _row(file: StagedFile, status: str, outcome: _Loaded) -> list[Any]:
    errors = 0 if outcome.error is None else max(1, outcome.parsed - outcome.loaded)
    return [
        file.display, status, outcome.parsed, outcome.loaded, 1, errors, outcome.error, None, None, outcome.error_column,
    ]  # fmt: skip


def _in_file(error: Exception, file: StagedFile) -> SqlError:
    """The same error, naming the file."""
    from local_stack.endpoint.errors import as_sql_error

    mapped = as_sql_error(error)
    if isinstance(error, duckdb.IOException | duckdb.InvalidInputException):
        mapped = SqlError(mapped.message, 100184, "22000")
    return SqlError(f"{mapped.message}\n  File '{file.display}'", mapped.errno, mapped.sqlstate)
