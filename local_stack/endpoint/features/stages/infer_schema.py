"""Answer INFER_SCHEMA with the columns of staged files.

The call is `TABLE(INFER_SCHEMA(LOCATION => '@stage/path', FILE_FORMAT => 'format', …))`. The answer becomes a temporary
view that replaces the table function. Source: Snowflake's INFER_SCHEMA.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import duckdb
from sqlglot import Expr, exp

from local_stack.endpoint.errors import compilation_error
from local_stack.endpoint.features.stages.copy_statement import MAX_FILES
from local_stack.endpoint.features.stages.csv_dialect import csv_dialect
from local_stack.endpoint.features.stages.csv_records import Layout
from local_stack.endpoint.features.stages.csv_source import CsvFile
from local_stack.endpoint.features.stages.file_errors import file_error, not_found
from local_stack.endpoint.features.stages.footers import Footer, read_footers
from local_stack.endpoint.features.stages.formats import FileFormat, file_format, reader_sql
from local_stack.endpoint.features.stages.infer_csv import csv_columns
from local_stack.endpoint.features.stages.location import StagedFile, StageLocation, locate
from local_stack.endpoint.features.stages.text_values import input_formats
from local_stack.endpoint.language.quoting import identifier, literal
from local_stack.endpoint.statements import SqlError, unsupported

if TYPE_CHECKING:
    from local_stack.endpoint.session import Session
    from local_stack.endpoint.translation.context import Context

_ARGUMENTS = {"LOCATION", "FILE_FORMAT", "FILES", "IGNORE_CASE", "MAX_FILE_COUNT", "MAX_RECORDS_PER_FILE", "KIND"}
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")
_TYPES = {
    "BOOLEAN": "BOOLEAN",
    "DATE": "DATE",
    "TIME": "TIME",
    "FLOAT": "REAL",
    "DOUBLE": "REAL",
    "TIMESTAMP": "TIMESTAMP_NTZ",
    "TIMESTAMP_NS": "TIMESTAMP_NTZ",
    "TIMESTAMP_MS": "TIMESTAMP_NTZ",
    "TIMESTAMP_S": "TIMESTAMP_NTZ",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP_LTZ",
    "TIMESTAMPTZ_NS": "TIMESTAMP_LTZ",
    "TIME_NS": "TIME",
    "JSON": "VARIANT",
}
_VIEWS_PER_SESSION = 16
_COLUMNS = ("COLUMN_NAME", "TYPE", "NULLABLE", "EXPRESSION", "FILENAMES", "ORDER_ID")


def infer_schema(expression: Expr, context: Context) -> Expr:
    """Replace every INFER_SCHEMA of a statement by a view of its answer."""
    for source in list(expression.find_all(exp.TableFromRows)):
        call = source.this
        if isinstance(call, exp.Anonymous) and call.name.upper() == "INFER_SCHEMA":
            view = _create_view(context.session, inferred(context.session, _arguments(call)))
            alias = source.args.get("alias")
            source.replace(
                exp.Table(
                    this=exp.to_identifier(view, quoted=True),
                    db=exp.to_identifier("main", quoted=True),
                    catalog=exp.to_identifier("temp", quoted=True),
                    alias=alias.copy() if alias else None,
                )
            )
    return expression


def inferred(session: Session, arguments: dict[str, Any]) -> list[tuple[str, str, bool, str, str, int]]:
    """Return one row per column, in the order of the files.

    A row has name, type, nullable, expression, files, and position from 0.
    """
    location = locate(session, str(arguments["LOCATION"]))
    form = file_format(session, {"FORMAT_NAME": str(arguments["FILE_FORMAT"])}, location.file_format)
    names = arguments.get("FILES")
    files = location.files() if names is None else _named(location, names)
    records = int(arguments["MAX_RECORDS_PER_FILE"]) if arguments.get("MAX_RECORDS_PER_FILE") else None
    found: dict[str, tuple[str, list[str]]] = {}
    for file, columns in _columns_of(
        session, files[: int(arguments.get("MAX_FILE_COUNT") or len(files))], form, records
    ):
        for name, kind in columns:
            if arguments.get("IGNORE_CASE"):
                name = name.upper()
            known, where = found.get(name, (kind, []))
            found[name] = (_common(known, kind), [*where, file.key])
    rows = []
    for position, (name, (kind, where)) in enumerate(found.items()):
        value = f"${position + 1}" if form.type == "CSV" else f"$1:{name}"
        rows.append((name, kind, True, f"{value}::{kind}", ", ".join(where), position))
    return rows


def _named(location: StageLocation, names: Sequence[str]) -> list[StagedFile]:
    """Return the files that FILES names: at most a thousand, each of which must be there."""
    if len(names) > MAX_FILES:
        raise compilation_error(
            f"The maximum number of files that FILES can name is {MAX_FILES}; {len(names)} given.", 1008, "22023"
        )
    files = [location.file(location.below(str(name)).prefix) for name in names]
    for file in files:
        if not file.path.is_file():
            raise not_found(file.display)
    return files


def _columns_of(
    session: Session, files: Sequence[StagedFile], form: FileFormat, records: int | None
) -> Iterator[tuple[StagedFile, list[tuple[str, str]]]]:
    """Yield the columns of each file. Parquet files of one schema are looked into once."""
    footers: dict[str, Footer] = {}
    if form.type == "PARQUET" and len(files) > 1:
        with suppress(duckdb.Error):  # looking into them one by one finds the bad one
            footers = read_footers(session.engine.duck_conn.cursor(), files)
    known: dict[str, list[tuple[str, str]]] = {}
    for file in files:
        footer = footers.get(str(file.path))
        schema = str(file.path) if footer is None else footer.schema
        if schema not in known:
            known[schema] = _columns(session, file, form, records)
        yield file, known[schema]


def _arguments(call: exp.Anonymous) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for argument in call.expressions:
        name = argument.this.name.upper() if isinstance(argument, exp.Kwarg) else ""
        if name not in _ARGUMENTS:
            raise SqlError(f"SQL compilation error:\ninvalid argument of INFER_SCHEMA: {argument.sql()}", 1008, "22023")
        value = argument.expression
        if isinstance(value, exp.Boolean):
            given[name] = bool(value.this)
        elif isinstance(value, exp.Array | exp.Tuple):
            given[name] = [item.name for item in value.expressions]
        elif isinstance(value, exp.Paren):
            given[name] = [value.this.name]
        else:
            given[name] = value.name
    for name in ("LOCATION", "FILE_FORMAT"):
        if name not in given:
            raise SqlError(f"SQL compilation error:\nINFER_SCHEMA needs the argument {name}.", 938, "22023")
    if str(given.get("KIND", "STANDARD")).upper() != "STANDARD":
        raise unsupported(f"INFER_SCHEMA KIND => {given['KIND']}")
    return given


def _columns(session: Session, file: StagedFile, form: FileFormat, records: int | None) -> list[tuple[str, str]]:
    if form.type == "CSV":
        csv = CsvFile(file.path, file.display, csv_dialect(form), Layout())
        return csv_columns(session.duck, csv, input_formats(session, form), records)
    source = reader_sql(file.path, form, typed=True)
    try:
        rows = session.duck.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    except duckdb.Error as error:
        raise file_error(error, form.type, file.display) from error
    return [(row[0], _snowflake_type(str(row[1]), form)) for row in rows]


def _snowflake_type(kind: str, form: FileFormat) -> str:
    if match := _DECIMAL.fullmatch(kind):
        return f"NUMBER({match[1]}, {match[2]})"
    if kind.endswith("INT") or kind in ("INTEGER", "UINTEGER"):
        return "NUMBER(38, 0)"
    if kind.endswith("]"):
        return "ARRAY"
    if kind.startswith(("STRUCT", "MAP")):
        return "OBJECT"
    if kind == "BLOB":
        return "TEXT" if form.get("BINARY_AS_TEXT", True) else "BINARY"
    return _TYPES.get(kind, "TEXT")


def _common(one: str, other: str) -> str:
    """Return the common type of a column that has different types in different files."""
    if one == other:
        return one
    numbers = [re.fullmatch(r"NUMBER\((\d+), (\d+)\)", kind) for kind in (one, other)]
    if numbers[0] and numbers[1]:
        whole = max(int(n[1]) - int(n[2]) for n in numbers if n)
        scale = max(int(n[2]) for n in numbers if n)
        return f"NUMBER({min(38, whole + scale)}, {scale})"
    return "REAL" if "REAL" in (one, other) and any(numbers) else "TEXT"


def _create_view(session: Session, rows: list[tuple[str, str, bool, str, str, int]]) -> str:
    count = session.attributes["inferred_views"] = session.attributes.get("inferred_views", 0) + 1
    view = f"_inferred_{count % _VIEWS_PER_SESSION}"
    written = ", ".join(
        f"({literal(name)}, {literal(kind)}, {nullable}, {literal(value)}, {literal(files)}, {position}::DECIMAL(38, 0))"
        for name, kind, nullable, value, files, position in rows
    )
    nothing = "('', '', TRUE, '', '', 0::DECIMAL(38, 0))"
    columns = ", ".join(identifier(column) for column in _COLUMNS)
    session.duck.execute(
        f"CREATE OR REPLACE TEMPORARY VIEW {identifier(view)} AS"
        f" SELECT * FROM (VALUES {written or nothing}) AS v ({columns}){'' if rows else ' WHERE FALSE'}"
    )
    return view
