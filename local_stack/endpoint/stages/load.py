"""COPY INTO <table>: files of a stage into a table, with Snowflake's load metadata.

One COPY is one statement: all files or none (ON_ERROR = ABORT_STATEMENT). It runs in the open transaction if there is one.
Load metadata (which file, by content, was loaded into which table) is written in the same transaction and the same
database, so a rollback or a kill forgets it; TRUNCATE and re-creating the table clear it, DELETE does not.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

from local_stack.endpoint.grammar import SchemaName
from local_stack.endpoint.stages.columns import TargetColumn, matched_select, positional_select, target_columns
from local_stack.endpoint.stages.copy_statement import CopyInto, parse_copy
from local_stack.endpoint.stages.files import etag
from local_stack.endpoint.stages.formats import FileFormat, file_format, identifier, reader_sql
from local_stack.endpoint.stages.history import LoadHistory
from local_stack.endpoint.stages.location import StagedFile, locate
from local_stack.endpoint.stages.staged_query import query_over_file, reference_of_query
from local_stack.endpoint.stages.unload import unload
from local_stack.endpoint.statements import Column, Result, SqlError, Statement
from local_stack.endpoint.transactions import Effect

if TYPE_CHECKING:
    from local_stack.endpoint.sessions import Session

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
        text = session.with_binds(statement)
        copy = parse_copy(text, session)
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
        self._scan_time = dt.datetime.now(dt.UTC)

    def run(self) -> Result:
        files = self._files()
        if not files:
            return Result((Column("status"),), [["Copy executed with 0 files processed."]])
        history = LoadHistory(self._duck, self._table)
        force = bool(self._copy.options.get("FORCE", False))
        rows: list[list[Any]] = []
        for file in files:
            tag = etag(file)
            if not force and history.has(file.key, tag):
                rows.append(_row(file, "LOAD_SKIPPED", _Loaded(0, 0, "File was loaded before.")))
                continue
            outcome = self._load_file(file)
            if outcome.loaded or not outcome.error:
                history.add(file, tag, outcome.loaded, self._scan_time)
            status = "LOADED" if not outcome.error else "PARTIALLY_LOADED" if outcome.loaded else "LOAD_FAILED"
            rows.append(_row(file, status, outcome))
        if self._copy.options.get("PURGE"):
            for file in files:
                file.path.unlink(missing_ok=True)
        return Result(COLUMNS, rows)

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

    def _load_file(self, file: StagedFile) -> _Loaded:
        try:
            columns, select, checks = self._select(file)
            names = ", ".join(identifier(column) for column in columns)
            target = f"{self._session.quoted(self._table)} ({names})"
            if self._on_error == "ABORT_STATEMENT":
                return self._insert(target, select)
            bad, total, first = self._count_bad(select, checks)
            if bad and self._on_error == "SKIP_FILE":
                return _Loaded(total, 0, f"{bad} rows cannot be converted", first)
            if not bad:
                return self._insert(target, f"SELECT {names} FROM ({select})")
            good = self._insert(target, f"SELECT {names} FROM ({select}) WHERE NOT ({' OR '.join(checks.values())})")
            return _Loaded(total, good.loaded, f"{bad} rows cannot be converted", first)
        except (duckdb.Error, SqlError) as error:
            raise _in_file(error, file) from error

    def _insert(self, target: str, select: str) -> _Loaded:
        rows = self._duck.execute(f"INSERT INTO {target} {select}").fetchall()
        count = int(rows[0][0]) if rows else 0
        return _Loaded(count, count)

    def _select(self, file: StagedFile) -> tuple[list[str], str, dict[str, str]]:
        """(table columns, DuckDB query giving their values, per column the condition of a value that does not convert)."""
        names = [c.name for c in self._columns]
        wanted = list(self._copy.columns) or names
        chosen: list[TargetColumn] = []
        for name in wanted:
            if name not in names:
                raise SqlError(f"SQL compilation error:\ninvalid identifier '{name}'", 904, "42000")
            chosen.append(self._columns[names.index(name)])
        lenient = self._on_error != "ABORT_STATEMENT"
        if self._copy.query is not None:
            select = query_over_file(self._session, self._copy.query, file, self._location, self._format)
            return wanted, select, {}
        source = reader_sql(file.path, self._format)
        match_by = str(self._copy.options.get("MATCH_BY_COLUMN_NAME", "NONE")).upper()
        if match_by != "NONE":
            return matched_select(
                self._duck, chosen, source, self._format, file, match_by == "CASE_SENSITIVE",
                self._copy.options.get("INCLUDE_METADATA", {}), self._scan_time, lenient,
            )  # fmt: skip
        return positional_select(self._duck, chosen, source, self._format, file, lenient)

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
