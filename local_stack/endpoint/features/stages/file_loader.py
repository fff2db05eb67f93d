"""Put staged files into a table: CSV, JSON and Parquet, or a query over a file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import duckdb

from local_stack.endpoint.errors import compilation_error
from local_stack.endpoint.features.stages.columns import (
    Match,
    Selection,
    TargetColumn,
    document_selection,
    match_columns,
    metadata_expression,
    typed_selection,
)
from local_stack.endpoint.features.stages.copy_statement import CopyInto
from local_stack.endpoint.features.stages.csv_dialect import csv_dialect
from local_stack.endpoint.features.stages.csv_records import Layout
from local_stack.endpoint.features.stages.csv_source import CsvFile
from local_stack.endpoint.features.stages.file_errors import file_error
from local_stack.endpoint.features.stages.footers import Footer, neighbours, read_footers
from local_stack.endpoint.features.stages.formats import FileFormat, parquet_reader, reader_sql
from local_stack.endpoint.features.stages.load_csv import Assignment, CsvLoad
from local_stack.endpoint.features.stages.location import StagedFile
from local_stack.endpoint.features.stages.on_error import OnError
from local_stack.endpoint.features.stages.plain_transforms import Taken, matches_of, plain_transformation
from local_stack.endpoint.features.stages.row_errors import TRANSIENT, ColumnNames
from local_stack.endpoint.features.stages.staged_query import query_over_file
from local_stack.endpoint.features.stages.text_values import input_formats, not_recognized
from local_stack.endpoint.language.names import SchemaName
from local_stack.endpoint.language.quoting import identifier, literal
from local_stack.endpoint.statements import SqlError

if TYPE_CHECKING:
    from local_stack.endpoint.session import Session


@dataclass(frozen=True)
class Loaded:
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


class FileLoader:
    """Load files of one format into columns of one table, for one COPY."""

    def __init__(
        self,
        copy: CopyInto,
        session: Session,
        table: SchemaName,
        targets: Sequence[TargetColumn],
        form: FileFormat,
        on_error: OnError,
        scan_time: dt.datetime,
    ) -> None:
        self._copy, self._session, self._duck, self._table = copy, session, session.duck, table
        self._targets, self._format, self._on_error, self._scan_time = targets, form, on_error, scan_time
        self._formats = input_formats(session, form)
        self._names = ColumnNames(copy.table.name if copy.table else "", [target.name for target in targets])
        self._match_by = str(copy.options.get("MATCH_BY_COLUMN_NAME", "NONE")).upper()
        self._plain = self._plain_transformation()
        self._footers: dict[str, Footer] = {}
        self._time_zone = str(self._duck.execute("SELECT current_setting('TimeZone')").fetchall()[0][0])

    def groups(self, files: list[StagedFile]) -> Iterator[list[StagedFile]]:
        """Yield the files in their order, in groups.

        One statement can load a group as if it loaded its files one by one.
        """
        # The error of a group is found on another connection, which does not see this one's temporary tables.
        is_query = self._copy.query is not None and self._plain is None
        separate = self._on_error.lenient or is_query or self._table.database == "temp"
        if self._format.type == "PARQUET" and not separate and len(files) > 1:
            try:
                self._footers = read_footers(self._reader(), files)
            except duckdb.Error:
                pass  # some file is not Parquet, and loading one by one finds the first bad file
            else:
                yield from neighbours(files, self._footers)
                return
        yield from ([file] for file in files)

    def _plain_transformation(self) -> list[Taken] | None:
        """Return what each column gets where the transformation takes columns of Parquet files as they are."""
        options = {name for name in ("TRIM_SPACE", "NULL_IF") if self._format.get(name)}
        if self._copy.query is None or self._format.type != "PARQUET" or self._on_error.lenient or options:
            return None
        return plain_transformation(self._copy.query, self._targets)

    def load(self, files: list[StagedFile]) -> dict[StagedFile, Loaded]:
        """Load a group of files. Raises the error of the first that cannot be loaded, unless ON_ERROR goes on."""
        by_query = self._copy.query is not None and not self._is_plain(files)
        if by_query or len(files) == 1:
            return {file: self._load_file(file, by_query) for file in files}
        return self._load_group(files) if files else {}

    def _is_plain(self, files: list[StagedFile]) -> bool:
        """Return whether the transformation takes the columns of these files, which have one schema, as they are."""
        if self._plain is None or not files:
            return self._plain is not None
        try:
            columns = (
                self._reader().execute(f"DESCRIBE SELECT * FROM {reader_sql(files[0].path, self._format)}").fetchall()
            )
        except duckdb.Error:
            return False  # the query names the file that cannot be read
        return self._plain_matches(files, [(row[0], row[1]) for row in columns]) is not None

    def _plain_matches(self, files: Sequence[StagedFile], columns: Sequence[tuple[str, str]]) -> list[Match] | None:
        names = ("METADATA$FILENAME", "METADATA$START_SCAN_TIME")
        metadata = {name: metadata_expression(name, files, self._scan_time) for name in names}
        return matches_of(self._plain or [], columns, metadata)

    def _load_group(self, files: list[StagedFile]) -> dict[StagedFile, Loaded]:
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
        return {file: Loaded(count, count) for file, count in counts.items()}

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

    def _load_file(self, file: StagedFile, by_query: bool) -> Loaded:
        try:
            if by_query and self._copy.query is not None:
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

    def _load_query(self, file: StagedFile, query: str) -> Loaded:
        select = query_over_file(self._session, query, file, self._format)
        names = ", ".join(identifier(target.name) for target in self._targets)
        rows = self._duck.execute(f"INSERT INTO {self._session.quoted(self._table)} ({names}) {select}").fetchall()
        return Loaded(int(rows[0][0]), int(rows[0][0]))

    def _load_csv(self, file: StagedFile) -> Loaded:
        load = self._csv_load(file)
        if not self._on_error.lenient:
            count = load.load_all()
            return Loaded(count, count)
        clean = load.clean_count()
        if clean is not None and not self._on_error.skips(0, clean):
            return Loaded(clean, load.load_all())
        found = load.examine()
        first = found.first
        place = (first.message, first.line, first.character, first.column) if first else (None, None, None, None)
        if self._on_error.skips(found.wrong, found.parsed):
            return Loaded(found.parsed, 0, found.wrong, place, skipped=True)
        return Loaded(found.parsed, load.load_good(), found.wrong, place)

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

    def _load_typed(self, file: StagedFile) -> Loaded:
        """Load a JSON or Parquet file."""
        selection = self._selection([file], self._duck)
        if not self._on_error.lenient:
            count = self._insert(self._duck, selection)
            return Loaded(count, count)
        total, bad, first = self._count_wrong(selection)
        if self._on_error.skips(bad, total):
            return Loaded(total, 0, bad, first, skipped=True)
        return Loaded(total, self._insert(self._duck, selection, good_only=bad > 0), bad, first)

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
        if self._match_by == "NONE" and self._plain is None:
            return document_selection(duck, self._targets, source, self._format)
        return typed_selection(
            duck, source, self._format, partial(self._match, files), self._formats, self._on_error.lenient
        )

    def _match(self, files: Sequence[StagedFile], columns: Sequence[tuple[str, str]]) -> Any:
        if self._plain is not None:
            return self._plain_matches(files, columns)
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
