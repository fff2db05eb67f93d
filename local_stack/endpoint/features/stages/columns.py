"""Decide which columns of a file go to which columns of a table, and convert them.

Sources: COPY INTO <table>, MATCH_BY_COLUMN_NAME and INCLUDE_METADATA. Table columns without a match take NULL, not
their default. A Parquet string in a VARIANT column becomes a VARIANT string, not parsed JSON. A UTC-adjusted timestamp
in a TIMESTAMP_NTZ column is converted by the session's TIMEZONE. DuckDB's own time zone setting is kept equal to it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from local_stack.endpoint.engine.text_lengths import lengths_of
from local_stack.endpoint.features.stages.formats import FileFormat
from local_stack.endpoint.features.stages.text_values import InputFormats, refusal, value_of_text
from local_stack.endpoint.language.quoting import identifier, literal
from local_stack.endpoint.outcome import MAX_TEXT
from local_stack.endpoint.statements import SqlError

if TYPE_CHECKING:
    from local_stack.endpoint.features.stages.location import StagedFile
    from local_stack.endpoint.language.names import SchemaName
    from local_stack.endpoint.session import Session


@dataclass(frozen=True)
class TargetColumn:
    """Hold a table column's name, its DuckDB type, whether it takes NULL, and the n of a VARCHAR(n)."""

    name: str
    type: str
    nullable: bool
    length: int | None = None


def target_columns(session: Session, table: SchemaName) -> list[TargetColumn]:
    """Return the table's columns in order. Raises SqlError 002003 when there is no such table."""
    physical = session.physical_table(table)
    try:
        rows = session.duck.execute(f"DESCRIBE {session.quoted(physical)}").fetchall()
    except duckdb.CatalogException:
        raise SqlError(
            f"SQL compilation error:\nTable '{table}' does not exist or not authorized.", 2003, "42S02"
        ) from None
    lengths = lengths_of(session.duck, physical)
    return [
        TargetColumn(name, kind, null == "YES", lengths.get(name, MAX_TEXT) if kind == "VARCHAR" else None)
        for name, kind, null, *_ in rows
    ]


def metadata_expression(name: str, files: Sequence[StagedFile], scan_time: dt.datetime) -> str:
    """Return the DuckDB expression of a METADATA$ column.

    It covers one file, or several Parquet files that one query reads.
    """
    match name.upper():
        case "METADATA$FILENAME":
            return _by_file([literal(file.key) for file in files])
        case "METADATA$FILE_ROW_NUMBER":
            return "row_number() OVER ()" if len(files) == 1 else "file_row_number + 1"
        case "METADATA$START_SCAN_TIME":
            return f"TIMESTAMPTZ {literal(scan_time.isoformat())}"
        case "METADATA$FILE_LAST_MODIFIED":
            return _by_file([f"TIMESTAMP {literal(_modified(file))}" for file in files])
        case "METADATA$FILE_CONTENT_KEY":
            from local_stack.endpoint.features.stages.files import etag

            return _by_file([literal(etag(file)) for file in files])
    raise SqlError(f"SQL compilation error:\ninvalid identifier '{name}'", 904, "42000")


def _by_file(values: list[str]) -> str:
    """Return the value that belongs to a row's file. DuckDB numbers the files of a reader from 0."""
    return values[0] if len(values) == 1 else f"([{', '.join(values)}])[CAST(file_index AS BIGINT) + 1]"


def _modified(file: StagedFile) -> str:
    modified = dt.datetime.fromtimestamp(file.path.stat().st_mtime, dt.UTC)
    return modified.replace(tzinfo=None, microsecond=0).isoformat()


def convert(
    expression: str, source_type: str, target: TargetColumn, form: FileFormat, formats: InputFormats, lenient: bool
) -> str:
    """Return the expression as the target's type. With `lenient`, a value that does not convert is NULL."""
    if target.type == "JSON":
        return expression if source_type == "JSON" else f"CAST(to_json({expression}) AS JSON)"
    if source_type == "JSON":
        expression, source_type = f"({expression} ->> '$')", "VARCHAR"
    if source_type == "BLOB" and target.type == "VARCHAR" and form.get("BINARY_AS_TEXT", True):
        return f"decode({expression})"
    if source_type.endswith("]") or source_type.startswith(("STRUCT", "MAP")):
        expression, source_type = f"CAST(to_json({expression}) AS VARCHAR)", "VARCHAR"
    if source_type == "VARCHAR":
        expression = _cleaned(expression, form)
    if source_type == "VARCHAR" and target.type != "VARCHAR":
        value = value_of_text(expression, target.type, formats)
        if lenient:
            return value
        return (
            f"CASE WHEN {expression} IS NOT NULL AND {value} IS NULL THEN {refusal(expression, target.type, formats)}"
            f" ELSE {value} END"
        )
    return f"{'TRY_CAST' if lenient else 'CAST'}({expression} AS {target.type})"


def _cleaned(text: str, form: FileFormat) -> str:
    """Return a text of a JSON or Parquet file after TRIM_SPACE and NULL_IF are applied."""
    if form.get("TRIM_SPACE", False):
        text = f"trim({text}, ' \t')"
    if nulls := form.get("NULL_IF"):
        text = f"CASE WHEN {text} IN ({', '.join(map(literal, nulls))}) THEN NULL ELSE {text} END"
    return text


@dataclass(frozen=True)
class Check:
    """Hold the condition under which a column does not take a value. `raw` is the value as it is in the file."""

    condition: str
    raw: str
    kind: str


@dataclass(frozen=True)
class Selection:
    """Describe what a COPY puts into a table.

    It holds the columns, an expression over a DuckDB relation for each column, and the checks by column.
    """

    columns: list[str]
    values: list[str]
    source: str
    checks: dict[str, Check]

    @property
    def wrong(self) -> str:
        """Return the condition of a row with a value that its column does not take."""
        return " OR ".join(check.condition for check in self.checks.values()) or "FALSE"

    def sql(self, good_only: bool = False) -> str:
        values = ", ".join(
            f"{value} AS {identifier(name)}" for name, value in zip(self.columns, self.values, strict=True)
        )
        where = f" WHERE ({self.wrong}) IS NOT TRUE" if good_only and self.checks else ""
        return f"SELECT {values} FROM {self.source}{where}"


@dataclass(frozen=True)
class Match:
    """Hold where a table's column comes from.

    This is a column of the file with its type, a METADATA$ expression, or nothing.
    """

    target: TargetColumn
    column: str | None = None
    type: str = ""
    expression: str | None = None


def match_columns(
    targets: Sequence[TargetColumn],
    columns: Sequence[tuple[str, str]],
    case_sensitive: bool,
    metadata: Mapping[str, str],
) -> list[Match]:
    """Match columns as MATCH_BY_COLUMN_NAME does.

    `metadata` holds the expressions of INCLUDE_METADATA by column.
    Raises SqlError where two columns of the file match one column of the table.
    """
    by_name: dict[str, list[tuple[str, str]]] = {}
    for name, kind in columns:
        by_name.setdefault(name if case_sensitive else name.upper(), []).append((name, kind))
    unused = dict(metadata)
    found = []
    for target in targets:
        matches = by_name.get(target.name if case_sensitive else target.name.upper(), [])
        if target.name in unused:
            found.append(Match(target, expression=unused.pop(target.name)))
        elif len(matches) > 1:
            raise SqlError(
                f"Ambiguous column name '{target.name}' in the file: {', '.join(m[0] for m in matches)}",
                100089,
                "22000",
            )
        else:
            found.append(Match(target, *matches[0]) if matches else Match(target))
    if unused:
        raise SqlError(f"SQL compilation error:\ninvalid identifier '{next(iter(unused))}'", 904, "42000")
    return found


def typed_selection(
    duck: duckdb.DuckDBPyConnection,
    source: str,
    form: FileFormat,
    match: Callable[[Sequence[tuple[str, str]]], list[Match]],
    formats: InputFormats,
    lenient: bool,
) -> Selection:
    """Return the selection that takes the columns of a JSON or Parquet file by name."""
    if form.type == "JSON":
        columns, source = _json_columns(duck, source)
    else:
        columns = [(row[0], row[1]) for row in duck.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]
    values: list[str] = []
    checks: dict[str, Check] = {}
    matches = match(columns)
    for found in matches:
        target = found.target
        if found.column is None:
            values.append(f"CAST({found.expression or 'NULL'} AS {target.type})")
            continue
        raw = identifier(found.column)
        value = convert(raw, found.type, target, form, formats, lenient)
        values.append(value)
        given = f"({raw} ->> '$')" if found.type == "JSON" else raw
        given = _cleaned(given, form) if found.type in ("JSON", "VARCHAR") else given
        conditions = [] if target.type == "JSON" else [f"({given} IS NOT NULL AND {value} IS NULL)"]
        if not target.nullable:
            conditions.append(f"{value} IS NULL")
        if lenient and conditions:
            checks[target.name] = Check(" OR ".join(conditions), raw, target.type)
    return Selection([found.target.name for found in matches], values, source, checks)


def document_selection(
    duck: duckdb.DuckDBPyConnection, targets: Sequence[TargetColumn], source: str, form: FileFormat
) -> Selection:
    """Return the selection that takes each row of a JSON or Parquet file as a whole.

    The target is a single VARIANT column.
    """
    if len(targets) != 1 or targets[0].type != "JSON":
        raise SqlError(
            f"SQL compilation error:\n{form.type} file format can produce one and only one column of type variant, object, or"
            " array. Load data into separate columns using the MATCH_BY_COLUMN_NAME copy option or copy with transformation.",
            2019,
            "0A000",
        )
    return Selection([targets[0].name], [document(duck, source, form)], f"{source} AS t", {})


def document(duck: duckdb.DuckDBPyConnection, source: str, form: FileFormat) -> str:
    """Return a row of a JSON or Parquet file as one JSON value, which is `$1`. The reader's alias must be t."""
    if form.type == "JSON":
        return "CAST(t.json AS JSON)"
    columns = [row[0] for row in duck.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]
    packed = ", ".join(f"{identifier(column)} := t.{identifier(column)}" for column in columns)
    return f"CAST(to_json(struct_pack({packed})) AS JSON)"


def _json_columns(duck: duckdb.DuckDBPyConnection, source: str) -> tuple[list[tuple[str, str]], str]:
    """Return the top-level keys of the documents, each as a JSON column."""
    rows = duck.execute(f"SELECT DISTINCT unnest(json_keys(json)) FROM {source}").fetchall()
    keys = sorted(row[0] for row in rows)
    # A JSON null becomes SQL NULL in a column of another type, as a VARIANT null does when it is cast.
    values = ", ".join(f"json_extract(json, {literal('$.' + _key(key))}) AS {identifier(key)}" for key in keys)
    return [(key, "JSON") for key in keys], f"(SELECT {values or 'json'} FROM {source})"


def _key(key: str) -> str:
    return '"' + key.replace('"', '\\"') + '"'
