"""Run COPY INTO <table>, which loads files of a stage into a table and keeps Snowflake's load metadata.

One COPY is one statement. With ON_ERROR = ABORT_STATEMENT it loads all files or none. It runs in the open transaction
if there is one.
Load metadata says which file, by content, was loaded into which table. It is written in the same transaction and the
same database, so a rollback or a kill forgets it. TRUNCATE and re-creating the table clear it. DELETE does not.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import duckdb

from local_stack.endpoint.engine.load_history import loads_table
from local_stack.endpoint.engine.transactions import Effect
from local_stack.endpoint.errors import compilation_error
from local_stack.endpoint.features.stages.columns import (
    Selection,
    TargetColumn,
    document_selection,
    match_columns,
    metadata_expression,
    target_columns,
    typed_selection,
)
from local_stack.endpoint.features.stages.copy_statement import CopyInto, parse_copy
from local_stack.endpoint.features.stages.csv_dialect import csv_dialect
from local_stack.endpoint.features.stages.csv_records import Layout
from local_stack.endpoint.features.stages.csv_source import CsvFile
from local_stack.endpoint.features.stages.file_errors import file_error
from local_stack.endpoint.features.stages.files import etag
from local_stack.endpoint.features.stages.footers import Footer, neighbours, read_footers
from local_stack.endpoint.features.stages.formats import FileFormat, file_format, parquet_reader, reader_sql
from local_stack.endpoint.features.stages.history import FileLoad, LoadHistory
from local_stack.endpoint.features.stages.load_csv import Assignment, CsvLoad
from local_stack.endpoint.features.stages.location import StagedFile, locate
from local_stack.endpoint.features.stages.on_error import OnError, on_error
from local_stack.endpoint.features.stages.row_errors import TRANSIENT, ColumnNames
from local_stack.endpoint.features.stages.staged_query import query_over_file, reference_of_query
from local_stack.endpoint.features.stages.text_values import input_formats, not_recognized
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


@dataclass(frozen=True)
class _Loaded:
    """Hold the outcome of loading a file. `first` is the message, line, character and column of the first error."""

    parsed: int
    loaded: int
    errors: int = 0
    first: tuple[str | None, int | None, int | None, str | None] = (None, None, None, None)
    skipped: bool = False

    @property
    def status(self) -> str:
        if self.skipped or (self.errors and not self.loaded):
            return "LOAD_FAILED"
        return "PARTIALLY_LOADED" if self.errors else "LOADED"


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
        self._formats = input_formats(session, self._format)
        self._names = ColumnNames(copy.table.name, [target.name for target in self._targets])
        self._on_error: OnError = on_error(str(copy.options.get("ON_ERROR", "ABORT_STATEMENT")))
        self._match_by = str(copy.options.get("MATCH_BY_COLUMN_NAME", "NONE")).upper()
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
                    rows.append([file.display, "LOAD_SKIPPED", 0, 0, 1, 1, "File was loaded before.", None, None, None])
                    continue
                if outcome.status != "LOAD_FAILED":
                    loads.append(FileLoad(file, tags[file], outcome.loaded))
                    if not self._copy.options.get("FORCE", False):
                        known.add((file.key, tags[file]))
                rows.append(self._row(file, outcome))
        history.add(loads, self._scan_time)
        if self._copy.options.get("PURGE"):
            for load in loads:
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

    def _groups(self, files: list[StagedFile]) -> Iterator[list[StagedFile]]:
        """Yield the files in their order, in groups.

        One statement can load a group as if it loaded its files one by one.
        """
        # The error of a group is found on another connection, which does not see this one's temporary tables.
        separate = self._on_error.lenient or self._copy.query is not None or self._table.database == "temp"
        if self._format.type == "PARQUET" and not separate and len(files) > 1:
            try:
                self._footers = read_footers(self._reader(), files)
            except duckdb.Error:
                pass  # some file is not Parquet, and loading one by one finds the first bad file
            else:
                yield from neighbours(files, self._footers)
                return
        yield from ([file] for file in files)

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
        """Load neighbours in one statement.

        Raises the error of the first file that cannot be loaded, and the error names the file.
        """
        try:
            inserted = self._insert(self._duck, self._selection(files, self._duck))
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
        """Find which file of a failed group is at fault, and raise its error.

        The files are loaded one by one in a transaction that is rolled back.
        """
        reader = self._reader()
        reader.execute("BEGIN")
        try:
            for file in files:
                try:
                    self._insert(reader, self._selection([file], reader))
                except (duckdb.Error, SqlError) as error:
                    raise file_error(error, self._format.type, file.display) from error
        finally:
            reader.execute("ROLLBACK")

    def _reader(self) -> duckdb.DuckDBPyConnection:
        """Return another connection in the session's time zone.

        A query that fails on the session's connection would end the session's transaction.
        """
        reader = self._session.engine.duck_conn.cursor()
        reader.execute(f"SET TimeZone = {literal(self._time_zone)}")
        return reader

    def _load_file(self, file: StagedFile) -> _Loaded:
        try:
            if self._copy.query is not None:
                return self._load_query(file, self._copy.query)
            if self._format.type == "CSV":
                return self._load_csv(file)
            return self._load_typed(file)
        except (duckdb.InterruptException, duckdb.TransactionException):
            raise
        except (duckdb.Error, SqlError, OSError) as error:
            named = file_error(error, self._format.type, file.display)
            if named is error:
                raise
            raise named from error

    def _load_query(self, file: StagedFile, query: str) -> _Loaded:
        select = query_over_file(self._session, query, file, self._format)
        names = ", ".join(identifier(target.name) for target in self._targets)
        rows = self._duck.execute(f"INSERT INTO {self._session.quoted(self._table)} ({names}) {select}").fetchall()
        return _Loaded(int(rows[0][0]), int(rows[0][0]))

    def _load_csv(self, file: StagedFile) -> _Loaded:
        load = self._csv_load(file)
        if not self._on_error.lenient:
            count = load.load_all()
            return _Loaded(count, count)
        clean = load.clean_count()
        if clean is not None and not self._on_error.skips(0, clean):
            return _Loaded(clean, load.load_all())
        found = load.examine()
        first = found.first
        place = (first.message, first.line, first.character, first.column) if first else (None, None, None, None)
        if self._on_error.skips(found.wrong, found.parsed):
            return _Loaded(found.parsed, 0, found.wrong, place, skipped=True)
        return _Loaded(found.parsed, load.load_good(), found.wrong, place)

    def _csv_load(self, file: StagedFile) -> CsvLoad:
        dialect = csv_dialect(self._format)
        strict = bool(self._format.get("ERROR_ON_COLUMN_COUNT_MISMATCH", True))
        cut = bool(
            self._copy.options.get("TRUNCATECOLUMNS", False) or not self._copy.options.get("ENFORCE_LENGTH", True)
        )
        csv = CsvFile(file.path, file.display, dialect, Layout())
        if self._match_by != "NONE":
            if not dialect.parse_header:
                raise compilation_error("MATCH_BY_COLUMN_NAME with CSV needs PARSE_HEADER = TRUE.", 2019, "0A000")
            names = csv.header()
            matches = self._match([file], [(name, "VARCHAR") for name in names])
            assignments = [
                Assignment(m.target, names.index(m.column) + 1 if m.column else None, m.expression, cut)
                for m in matches
            ]
            layout = Layout(len(names), "header" if strict else None, TRANSIENT)
        else:
            if dialect.parse_header:
                raise compilation_error(
                    'Invalid file format "PARSE_HEADER" is only allowed for CSV INFER_SCHEMA and MATCH_BY_COLUMN_NAME',
                    2019, "0A000",
                )  # fmt: skip
            assignments = [Assignment(target, n, None, cut) for n, target in enumerate(self._targets, start=1)]
            check = "table" if strict and not self._copy.columns else None
            layout = Layout(len(assignments), check, self._names)  # type: ignore[arg-type]
        return CsvLoad(
            csv.with_layout(layout), assignments, self._formats, self._names, self._session.quoted(self._table),
            self._duck, self._reader(),
        )  # fmt: skip

    def _load_typed(self, file: StagedFile) -> _Loaded:
        """Load a JSON or Parquet file."""
        selection = self._selection([file], self._duck)
        if not self._on_error.lenient:
            count = self._insert(self._duck, selection)
            return _Loaded(count, count)
        total, bad, first = self._count_wrong(selection)
        if self._on_error.skips(bad, total):
            return _Loaded(total, 0, bad, first, skipped=True)
        return _Loaded(total, self._insert(self._duck, selection, good_only=bad > 0), bad, first)

    def _insert(self, connection: duckdb.DuckDBPyConnection, selection: Selection, good_only: bool = False) -> int:
        names = ", ".join(identifier(column) for column in selection.columns)
        rows = connection.execute(
            f"INSERT INTO {self._session.quoted(self._table)} ({names}) {selection.sql(good_only)}"
        ).fetchall()
        return int(rows[0][0]) if rows else 0

    def _selection(self, files: list[StagedFile], duck: duckdb.DuckDBPyConnection) -> Selection:
        """Return what JSON or Parquet files put into the table."""
        source = (
            parquet_reader(file.path for file in files) if len(files) > 1 else reader_sql(files[0].path, self._format)
        )
        if self._match_by == "NONE":
            return document_selection(duck, self._targets, source, self._format)
        return typed_selection(
            duck, source, self._format, partial(self._match, files), self._formats, self._on_error.lenient
        )

    def _match(self, files: Sequence[StagedFile], columns: Sequence[tuple[str, str]]) -> Any:
        included = self._copy.options.get("INCLUDE_METADATA", {})
        metadata = {
            str(column).upper(): metadata_expression(str(name), files, self._scan_time)
            for column, name in included.items()
        }
        return match_columns(self._targets, columns, self._match_by == "CASE_SENSITIVE", metadata)

    def _count_wrong(
        self, selection: Selection
    ) -> tuple[int, int, tuple[str | None, int | None, int | None, str | None]]:
        """Count the rows and the wrong ones, and find the first error. The query runs outside the transaction."""
        reader = self._reader()
        total, bad = reader.execute(f"SELECT COUNT(*), COUNT_IF({selection.wrong}) FROM {selection.source}").fetchall()[
            0
        ]
        if not bad:
            return int(total), 0, (None, None, None, None)
        for name, check in selection.checks.items():
            found = reader.execute(
                f"SELECT CAST({check.raw} AS VARCHAR) FROM {selection.source} WHERE {check.condition} LIMIT 1"
            ).fetchall()
            if found:
                message = "NULL result in a non-nullable column"
                if found[0][0] is not None:
                    message = not_recognized(found[0][0], check.kind, self._formats)[0]
                ordinal = self._names.columns.index(name) + 1
                return int(total), int(bad), (message, None, None, self._names(ordinal))
        return int(total), int(bad), (None, None, None, None)

    def _row(self, file: StagedFile, outcome: _Loaded) -> list[Any]:
        limit = self._on_error.limit(outcome.parsed)
        return [
            file.display, outcome.status, outcome.parsed, outcome.loaded, limit, outcome.errors, *outcome.first,
        ]  # fmt: skip
