"""Hold a statement's outcome: an Arrow table in canonical types, with Snowflake's column types.

Canonical: int64 or decimal128 (FIXED), float64 (REAL), string (TEXT, VARIANT, ARRAY, OBJECT as JSON text), bool, date32,
timestamp[us] (NTZ), timestamp[us, UTC] (LTZ, TZ), time64[us], binary.
"""

from __future__ import annotations

import json
import math
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from local_stack.endpoint.messages import out_of_range
from local_stack.endpoint.statements import Column, Result

MAX_TEXT = 16_777_216
_NESTED = ("VARIANT", "ARRAY", "OBJECT")
_COUNTS = ("rows_loaded", "rows_unloaded")


_EXACT = Context(prec=80)  # Python's own context rounds to 28 digits


def rounded(number: Any, scale: int) -> Decimal:
    """Return a number as NUMBER(38, scale) holds it: half away from zero."""
    return Decimal(number).quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP, _EXACT)


@dataclass(frozen=True)
class ColumnInfo:
    """Describe a column for the wire. type: Snowflake's wire type in upper case."""

    name: str
    type: str
    precision: int | None = None
    scale: int | None = None
    length: int | None = None
    nullable: bool = True

    def as_wire(self) -> dict[str, Any]:
        return {
            "name": self.name, "database": "", "schema": "", "table": "", "nullable": self.nullable,
            "type": self.type.lower(), "byteLength": self.length, "length": self.length, "scale": self.scale,
            "precision": self.precision, "collation": None,
        }  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """Hold what a statement returned. statement_type_id: Snowflake's number, by which clients tell DML from queries.
    transfer: the answer to PUT and GET, which the client itself carries out. inserted: rows that CREATE TABLE AS has written.
    is_text: the client gets JSON, as it does for all that is no query; its pandas functions then say so.
    """

    columns: tuple[ColumnInfo, ...]
    table: pa.Table
    statement_type_id: int = 0
    transfer: dict[str, Any] | None = None
    inserted: int | None = None
    is_text: bool = False
    query_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def rows(self) -> list[tuple[Any, ...]]:
        """Return the rows as Python values (VARIANT as JSON text)."""
        return (
            list(zip(*(column.to_pylist() for column in self.table.columns), strict=True))
            if self.table.num_columns
            else []
        )

    def with_texts(self, change: Callable[[str], str]) -> Outcome:
        """Return the outcome with the texts of its VARIANT, ARRAY and OBJECT columns changed."""
        table = self.table
        for position, column in enumerate(self.columns):
            if column.type in _NESTED and position < table.num_columns:
                texts = [v if v is None else change(str(v)) for v in table.column(position).to_pylist()]
                table = table.set_column(position, table.column_names[position], [pa.array(texts, pa.string())])
        return self if table is self.table else replace(self, table=table)

    def scalar(self) -> Any:
        """Return the first row's first value, None where there is no row."""
        return self.table.column(0)[0].as_py() if self.table.num_rows else None

    @property
    def row_count(self) -> int:
        """Return how many rows the statement gave, loaded, unloaded or changed."""
        counts = [
            column
            for name, column in zip(self.table.column_names, self.table.columns, strict=True)
            if name in _COUNTS or name.startswith("number of rows ")
        ]
        return sum(pc.sum(column).as_py() or 0 for column in counts) if counts else int(self.table.num_rows)


def column_from_duckdb(name: str, duckdb_type: str) -> ColumnInfo:
    """Return the Snowflake column of a DuckDB result column."""
    if duckdb_type.endswith("]"):
        return ColumnInfo(name, "ARRAY")
    if duckdb_type.startswith(("STRUCT", "MAP", "UNION")):
        return ColumnInfo(name, "OBJECT")
    if match := re.fullmatch(r"DECIMAL\((\d+),\s*(\d+)\)", duckdb_type):
        return ColumnInfo(name, "FIXED", int(match[1]), int(match[2]))
    match duckdb_type:
        case (
            "BIGINT"
            | "INTEGER"
            | "SMALLINT"
            | "TINYINT"
            | "HUGEINT"
            | "UBIGINT"
            | "UINTEGER"
            | "USMALLINT"
            | "UTINYINT"
            | "UHUGEINT"
        ):
            return ColumnInfo(name, "FIXED", 38, 0)
        case "DOUBLE" | "FLOAT":
            return ColumnInfo(name, "REAL")
        case "BOOLEAN" | "DATE":
            return ColumnInfo(name, duckdb_type)
        case "JSON" | "VARIANT":
            return ColumnInfo(name, "VARIANT")
        case "TIMESTAMP" | "TIMESTAMP_NS" | "TIMESTAMP_MS" | "TIMESTAMP_S":
            return ColumnInfo(name, "TIMESTAMP_NTZ", 0, 9)
        case "TIMESTAMP WITH TIME ZONE":
            return ColumnInfo(name, "TIMESTAMP_LTZ", 0, 9)
        case "TIME" | "TIME WITH TIME ZONE" | "TIME_NS":
            return ColumnInfo(name, "TIME", 0, 9)
        case "BLOB":
            return ColumnInfo(name, "BINARY", length=8_388_608)
        case _:
            return ColumnInfo(name, "TEXT", length=MAX_TEXT)


def column_from_result(column: Column) -> ColumnInfo:
    match column.type:
        case "FIXED":
            return ColumnInfo(column.name, "FIXED", 38, column.scale, nullable=column.nullable)
        case "TIMESTAMP_NTZ" | "TIMESTAMP_LTZ" | "TIME":
            return ColumnInfo(column.name, column.type, 0, 9, nullable=column.nullable)
        case "BINARY":
            return ColumnInfo(column.name, "BINARY", length=8_388_608, nullable=column.nullable)
        case "TEXT":
            return ColumnInfo(column.name, "TEXT", length=MAX_TEXT, nullable=column.nullable)
        case _:
            return ColumnInfo(column.name, column.type, nullable=column.nullable)


def canonical_type(column: ColumnInfo, wide: bool = False) -> pa.DataType:
    match column.type:
        case "FIXED":
            return pa.decimal128(38, column.scale) if column.scale or wide else pa.int64()
        case "REAL":
            return pa.float64()
        case "BOOLEAN":
            return pa.bool_()
        case "DATE":
            return pa.date32()
        case "TIMESTAMP_NTZ":
            return pa.timestamp("us")
        case "TIMESTAMP_LTZ" | "TIMESTAMP_TZ":
            return pa.timestamp("us", "UTC")
        case "TIME":
            return pa.time64("us")
        case "BINARY":
            return pa.binary()
        case _:
            return pa.string()


def from_duckdb(description: list[tuple[Any, ...]], table: pa.Table, statement_type_id: int) -> Outcome:
    """Return the outcome of a DuckDB result. description: the connection's, (name, type, …) per column."""
    columns = tuple(column_from_duckdb(str(d[0]), str(d[1])) for d in description)
    arrays = [_canonical(table.column(i), column) for i, column in enumerate(columns)]
    return Outcome(columns, _table(columns, arrays), statement_type_id)


def from_result(result: Result, statement_type_id: int = 0) -> Outcome:
    """Return the outcome of a family's result."""
    columns = tuple(column_from_result(column) for column in result.columns)
    rows = list(result.rows)
    arrays = [_from_python([row[i] for row in rows], column) for i, column in enumerate(columns)]
    transfer = getattr(result, "transfer", None)
    return Outcome(columns, _table(columns, arrays), statement_type_id, transfer, result.inserted)


def _table(columns: tuple[ColumnInfo, ...], arrays: list[Any]) -> pa.Table:
    return pa.Table.from_arrays(arrays, names=[column.name for column in columns])


def _from_python(values: list[Any], column: ColumnInfo) -> pa.Array:
    if column.type in _NESTED:
        values = [v if v is None or isinstance(v, str) else _json(v) for v in values]
    elif column.type == "TEXT":
        values = [v if v is None or isinstance(v, str) else str(v) for v in values]
    elif column.type == "FIXED" and column.scale:
        values = [v if v is None else rounded(v, column.scale) for v in values]
    elif column.type == "FIXED":
        wide = any(isinstance(v, int) and abs(v) >= 2**63 for v in values)
        return pa.array(
            [v if v is None else (Decimal(int(v)) if wide else int(v)) for v in values], canonical_type(column, wide)
        )
    return pa.array(values, canonical_type(column))


def _canonical(array: pa.ChunkedArray, column: ColumnInfo) -> pa.ChunkedArray:
    if pa.types.is_null(array.type):
        return pa.chunked_array([pa.nulls(len(array), canonical_type(column))])
    if isinstance(array.type, pa.ExtensionType):
        array = pa.chunked_array([chunk.storage for chunk in array.chunks], array.type.storage_type)
    if column.type in _NESTED and not _is_text(array.type):
        return pa.chunked_array([_from_python(array.to_pylist(maps_as_pydicts="strict"), column)])
    if column.type == "FIXED":
        largest = _largest(array) if pa.types.is_decimal(array.type) and not column.scale else 0
        if largest >= 10**38:  # a HUGEINT of DuckDB's may be
            raise out_of_range(largest, 38, 0)
        return array.cast(canonical_type(column, wide=largest >= 2**63))
    if column.type == "TEXT" and not _is_text(array.type):
        return pa.chunked_array([_from_python(array.to_pylist(), column)])
    if pa.types.is_timestamp(array.type) and array.type.unit == "ns":
        return array.cast(canonical_type(column), safe=False)
    return array.cast(canonical_type(column))


def _largest(array: pa.ChunkedArray) -> int:
    """Return the largest number, whatever its sign."""
    return max((abs(int(bound)) for bound in pc.min_max(array).as_py().values() if bound is not None), default=0)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _json(value: Any) -> str:
    """Write JSON in which a FLOAT has an exponent: by it Snowflake's clients tell it from a NUMBER."""
    match value:
        case dict():
            return "{" + ", ".join(f"{json.dumps(str(key))}: {_json(item)}" for key, item in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(_json, value)) + "]"
        case float() if math.isfinite(value):
            return f"{value:.15e}"
        case Decimal():
            return f"{value.normalize(_EXACT):f}"
        case None | bool() | int() | str():
            return json.dumps(value)
    return json.dumps(str(value))
