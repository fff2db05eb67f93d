"""A mapping: a folder with `user_events.sql` and/or `transactions.sql`, each one Spark SQL SELECT over the inputs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pyspark.errors import AnalysisException, ParseException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types as T

from spark_ingest.errors import MappingError
from spark_ingest.lake.tables import TABLES, Table

REASON = "reject_reason"  # an optional column: a text sets the row aside for that reason
ROW_PREFIX = "__row_"  # a hidden column of every input's view: the number of the source row
_INTEGERS = (T.ByteType, T.ShortType, T.IntegerType, T.LongType)


@dataclass(frozen=True)
class Select:
    """One mapping file: the table it fills and its SELECT."""

    table: Table
    path: Path
    text: str


def read_mapping(folder: Path) -> list[Select]:
    """The SELECTs of a mapping folder, in the order of TABLES. Raises MappingError when there are none."""
    if not folder.is_dir():
        raise MappingError(f"{folder} is no folder")
    found = []
    for table in TABLES:
        path = folder / f"{table.name}.sql"
        if path.exists():
            try:
                text = path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise MappingError(f"{path} cannot be read: {error}") from error
            found.append(Select(table, path, text.strip().rstrip(";").strip()))
    if not found:
        raise MappingError(f"{folder} holds neither user_events.sql nor transactions.sql")
    return found


def evaluate(spark: SparkSession, select: Select, input_names: list[str]) -> DataFrame:
    """The SELECT's rows, not yet computed, with the hidden row numbers of its sources where it is a plain SELECT.

    Raises MappingError, with the file and the column, for anything but one query that fits the table.
    """
    _must_be_query(spark, select)
    try:
        plain = spark.sql(select.text)
    except (AnalysisException, ParseException) as error:
        raise MappingError(f"{select.path}: {_sentence(error)}") from error
    _check_columns(select, plain)
    for names in (input_names, *([name] for name in input_names)):
        traced = _with_row_numbers(spark, select, names)
        if traced is not None:
            return traced
    return plain


def _must_be_query(spark: SparkSession, select: Select) -> None:
    # spark.sql() would execute a command at once; so the text is parsed first and looked at.
    jvm = spark.sparkContext._jvm
    session = spark._jsparkSession
    try:
        plan = session.sessionState().sqlParser().parsePlan(select.text)
    except ParseException as error:
        raise MappingError(f"{select.path} is not one Spark SQL SELECT: {_sentence(error)}") from error
    logical = "org.apache.spark.sql.catalyst.plans.logical"
    for kind in ("Command", "ParsedStatement"):
        if jvm.java.lang.Class.forName(f"{logical}.{kind}").isInstance(plan):  # type: ignore[union-attr]
            raise MappingError(f"{select.path} must be one SELECT, not a {plan.nodeName()}")


def _check_columns(select: Select, rows: DataFrame) -> None:
    names = [name for name in rows.columns if not name.startswith(ROW_PREFIX)]
    for name in names:
        if names.count(name) > 1:
            raise MappingError(f"{select.path}: column '{name}' occurs twice")
        if name != REASON and name not in select.table.column_names:
            raise MappingError(
                f"{select.path}: '{name}' is not a column of {select.table.name};"
                f" its columns: {', '.join(select.table.column_names)}"
            )
    for column in select.table.columns:
        if column.name not in names:
            if column.required:
                raise MappingError(f"{select.path}: required column '{column.name}' is missing")
            continue
        found = rows.schema[column.name].dataType
        if not _fits(found, column.type, column.not_null):
            raise MappingError(
                f"{select.path}: column '{column.name}' is {found.simpleString()}, but must be"
                f" {column.type.simpleString()}; use CAST({column.name} AS {column.type.simpleString().upper()})"
            )
    if REASON in names and not isinstance(rows.schema[REASON].dataType, T.StringType | T.NullType):
        raise MappingError(f"{select.path}: column '{REASON}' must be string")


def _fits(found: T.DataType, wanted: T.DataType, not_null: bool) -> bool:
    """Whether a type can be stored without changing a value's meaning; numbers too large are found row by row."""
    if isinstance(found, T.NullType):
        return not not_null
    if isinstance(wanted, T.DecimalType):
        return isinstance(found, T.DecimalType | _INTEGERS[0] | _INTEGERS[1] | _INTEGERS[2] | _INTEGERS[3])
    if isinstance(wanted, T.IntegerType):
        return isinstance(found, _INTEGERS)
    if isinstance(wanted, T.TimestampType):
        return isinstance(found, T.TimestampType | T.TimestampNTZType)
    if isinstance(wanted, T.StringType):
        return isinstance(found, T.StringType | T.VarcharType | T.CharType)
    return type(found) is type(wanted)


def _with_row_numbers(spark: SparkSession, select: Select, names: list[str]) -> DataFrame | None:
    """The same SELECT with the row numbers of inputs added; None where that is not possible (grouping, unions)."""
    position = _main_from(select.text)
    if position is None or not names:
        return None
    numbers = ", ".join(f"{ROW_PREFIX}{name}" for name in names)
    try:
        traced = spark.sql(f"{select.text[:position].rstrip()}, {numbers} {select.text[position:]}")
    except (AnalysisException, ParseException):
        return None
    return traced if len(set(traced.columns)) == len(traced.columns) else None


_TOKENS = re.compile(
    r"--[^\n]*|/\*.*?\*/|'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`|[()]|\b[A-Za-z_]\w*\b", re.DOTALL
)


def _main_from(text: str) -> int | None:
    """Where the FROM of the outermost SELECT stands; None when there is a set operation, DISTINCT or no FROM."""
    depth, found = 0, None
    previous = ""
    for token in _TOKENS.finditer(text):
        word = token.group(0).upper()
        if word == "(":
            depth += 1
        elif word == ")":
            depth -= 1
        elif depth == 0:
            if word in ("UNION", "INTERSECT", "EXCEPT", "MINUS", "DISTINCT") or (word == "GROUP"):
                return None
            if word == "FROM" and found is None and previous != "DISTINCT":
                found = token.start()
        previous = word
    return found


def _sentence(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
