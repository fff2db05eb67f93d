"""From a file's columns to a table's: which goes where, and with what conversion.

Sources: COPY INTO <table>, MATCH_BY_COLUMN_NAME (unmatched table columns take NULL, not their default) and INCLUDE_METADATA.
A Parquet string into a VARIANT column is a VARIANT string, not parsed JSON. A UTC-adjusted timestamp into a TIMESTAMP_NTZ
column is converted by the session's TIMEZONE (DuckDB's session setting, kept equal to it).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

from local_stack.endpoint.features.stages.formats import FileFormat
from local_stack.endpoint.language.quoting import identifier, literal
from local_stack.endpoint.statements import SqlError, unsupported

if TYPE_CHECKING:
    from local_stack.endpoint.features.stages.location import StagedFile
    from local_stack.endpoint.language.names import SchemaName
    from local_stack.endpoint.session import Session


@dataclass(frozen=True)
class TargetColumn:
    """A table's column: its name, DuckDB type and whether it takes NULL."""

    name: str
    type: str
    nullable: bool


Selection = tuple[list[str], str, dict[str, str]]


def target_columns(session: Session, table: SchemaName) -> list[TargetColumn]:
    """The table's columns in order. Raises SqlError 002003 when there is no such table."""
    physical = session.physical_table(table)
    try:
        rows = session.duck.execute(f"DESCRIBE {session.quoted(physical)}").fetchall()
    except duckdb.CatalogException:
        raise SqlError(
            f"SQL compilation error:\nTable '{table}' does not exist or not authorized.", 2003, "42S02"
        ) from None
    return [TargetColumn(row[0], row[1], row[2] == "YES") for row in rows]


def metadata_expression(name: str, files: Sequence[StagedFile], scan_time: dt.datetime) -> str:
    """The DuckDB expression of a METADATA$ column over one file, or over Parquet files that one query reads."""
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
    """The value that belongs to a row's file. DuckDB numbers the files of a reader from 0."""
    return values[0] if len(values) == 1 else f"([{', '.join(values)}])[CAST(file_index AS BIGINT) + 1]"


def _modified(file: StagedFile) -> str:
    modified = dt.datetime.fromtimestamp(file.path.stat().st_mtime, dt.UTC)
    return modified.replace(tzinfo=None, microsecond=0).isoformat()


def convert(expression: str, source_type: str, target: TargetColumn, form: FileFormat, lenient: bool) -> str:
    """The expression as the target's type; lenient: NULL where it does not convert."""
    cast = "TRY_CAST" if lenient else "CAST"
    if target.type == "JSON":
        return expression if source_type == "JSON" else f"CAST(to_json({expression}) AS JSON)"
    if source_type == "JSON":
        expression, source_type = f"({expression} ->> '$')", "VARCHAR"
    if source_type == "BLOB" and target.type == "VARCHAR" and form.get("BINARY_AS_TEXT", True):
        return f"decode({expression})"
    if source_type.endswith("]") or source_type.startswith(("STRUCT", "MAP")):
        expression = f"to_json({expression})"
    if source_type == "VARCHAR" and target.type == "TIMESTAMP":
        return (
            f"{cast}(CAST({expression} AS TIMESTAMP) AS TIMESTAMP)"
            if not lenient
            else f"TRY_CAST({expression} AS TIMESTAMP)"
        )
    return f"{cast}({expression} AS {target.type})"


def matched_select(
    duck: duckdb.DuckDBPyConnection,
    targets: list[TargetColumn],
    source: str,
    form: FileFormat,
    files: Sequence[StagedFile],
    case_sensitive: bool,
    include_metadata: dict[str, Any],
    scan_time: dt.datetime,
    lenient: bool,
) -> Selection:
    """MATCH_BY_COLUMN_NAME. Raises SqlError where two file columns match one table column or no column matches at all."""
    if form.type == "JSON":
        columns, source = _json_columns(duck, source)
    elif form.type == "CSV" and not form.get("PARSE_HEADER", False):
        raise SqlError(
            "SQL compilation error:\nMATCH_BY_COLUMN_NAME with CSV needs PARSE_HEADER = TRUE.", 2019, "0A000"
        )
    else:
        columns = [(row[0], row[1]) for row in duck.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]
    by_name: dict[str, list[tuple[str, str]]] = {}
    for name, kind in columns:
        by_name.setdefault(name if case_sensitive else name.upper(), []).append((name, kind))
    metadata = {str(column).upper(): str(value) for column, value in include_metadata.items()}
    values: list[str] = []
    checks: dict[str, str] = {}
    for target in targets:
        quoted = identifier(target.name)
        matches = by_name.get(target.name if case_sensitive else target.name.upper(), [])
        if target.name in metadata:
            expression = metadata_expression(metadata.pop(target.name), files, scan_time)
            values.append(f"CAST({expression} AS {target.type}) AS {quoted}")
        elif len(matches) > 1:
            raise SqlError(
                f"Ambiguous column name '{target.name}' in the file: {', '.join(m[0] for m in matches)}",
                100089,
                "22000",
            )
        elif matches:
            raw = identifier(matches[0][0])
            converted = convert(raw, matches[0][1], target, form, lenient)
            values.append(f"{converted} AS {quoted}")
            if lenient and converted.startswith("TRY_CAST"):
                values.append(f"({raw} IS NOT NULL AND {converted} IS NULL) AS {identifier('bad ' + target.name)}")
                checks[target.name] = identifier("bad " + target.name)
        else:
            values.append(f"CAST(NULL AS {target.type}) AS {quoted}")
    if metadata:
        raise SqlError(f"SQL compilation error:\ninvalid identifier '{next(iter(metadata))}'", 904, "42000")
    names = [target.name for target in targets]
    select = f"SELECT {', '.join(values)} FROM {source}"
    if checks:
        return names, select, checks
    return names, select, {}


def positional_select(
    duck: duckdb.DuckDBPyConnection,
    targets: list[TargetColumn],
    source: str,
    form: FileFormat,
    lenient: bool,
) -> Selection:
    """Without MATCH_BY_COLUMN_NAME: CSV fields by position; JSON and Parquet into one VARIANT column."""
    names = [target.name for target in targets]
    if form.type != "CSV":
        if len(targets) != 1 or targets[0].type != "JSON":
            raise SqlError(
                f"SQL compilation error:\n{form.type} file format can produce one and only one column of type variant, "
                "object, or array. Load data into separate columns using the MATCH_BY_COLUMN_NAME copy option or copy with "
                "transformation.",
                2019,
                "0A000",
            )
        return names, f"SELECT {document(duck, source, form)} AS {identifier(names[0])} FROM {source} AS t", {}
    fields = [row[0] for row in duck.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]
    if len(fields) != len(targets) and form.get("ERROR_ON_COLUMN_COUNT_MISMATCH", True):
        raise SqlError(
            f"Number of columns in file ({len(fields)}) does not match that of the corresponding table ({len(targets)}), use "
            "file format option error_on_column_count_mismatch=false to ignore this error",
            100080,
            "22000",
        )
    values, checks = [], {}
    for index, target in enumerate(targets):
        raw = identifier(fields[index]) if index < len(fields) else "NULL"
        raw = f"trim({raw})" if form.get("TRIM_SPACE", False) and raw != "NULL" else raw
        converted = _from_text(raw, target, form, lenient)
        values.append(f"{converted} AS {identifier(target.name)}")
        if lenient and "TRY_" in converted.upper():
            values.append(f"({raw} IS NOT NULL AND {converted} IS NULL) AS {identifier('bad ' + target.name)}")
            checks[target.name] = identifier("bad " + target.name)
    return names, f"SELECT {', '.join(values)} FROM {source}", checks


def document(duck: duckdb.DuckDBPyConnection, source: str, form: FileFormat) -> str:
    """A row of a JSON or Parquet file as one JSON value: what `$1` is. The reader's alias must be t."""
    if form.type == "JSON":
        return "CAST(t.json AS JSON)"
    columns = [row[0] for row in duck.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]
    packed = ", ".join(f"{identifier(column)} := t.{identifier(column)}" for column in columns)
    return f"CAST(to_json(struct_pack({packed})) AS JSON)"


def _from_text(raw: str, target: TargetColumn, form: FileFormat, lenient: bool) -> str:
    for option, kind in (("TIMESTAMP_FORMAT", "TIMESTAMP"), ("DATE_FORMAT", "DATE"), ("TIME_FORMAT", "TIME")):
        chosen = str(form.get(option, "AUTO"))
        if target.type.startswith(kind) and chosen.upper() != "AUTO":
            raise unsupported(f"{option} = '{chosen}' when loading")
    if target.type == "JSON":
        return (
            f"CASE WHEN {raw} IS NULL THEN NULL WHEN json_valid({raw}) THEN CAST({raw} AS JSON) ELSE to_json({raw}) END"
        )
    return convert(raw, "VARCHAR", target, form, lenient)


def _json_columns(duck: duckdb.DuckDBPyConnection, source: str) -> tuple[list[tuple[str, str]], str]:
    """The top-level keys of the documents, each as a JSON column."""
    rows = duck.execute(f"SELECT DISTINCT unnest(json_keys(json)) FROM {source}").fetchall()
    keys = sorted(row[0] for row in rows)
    # a JSON null is SQL NULL in a column of another type, as when a VARIANT null is cast
    values = ", ".join(f"json_extract(json, {literal('$.' + _key(key))}) AS {identifier(key)}" for key in keys)
    return [(key, "JSON") for key in keys], f"(SELECT {values or 'json'} FROM {source})"


def _key(key: str) -> str:
    return '"' + key.replace('"', '\\"') + '"'
