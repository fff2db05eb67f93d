"""Reads files of any of three formats as Spark views: CSV (every column text), JSON lines, Parquet; plain or gzip.

A mapping's folder may hold `inputs.toml`, which says how to read an input where its file does not tell:

    [NAME]                       # the input's name
    format = "csv"               # csv | json | parquet; default: by the file name
    delimiter = ";"              # CSV; default "," (a tab for .tsv)
    encoding = "ISO-8859-1"      # CSV; default UTF-8
    quote = '"'                  # CSV
    escape = "\\\\"                # CSV: what stands before a quote inside a quoted field; default: the quote, doubled
    columns = ["a", "b"]         # CSV without a header line: the columns' names
    null_value = "NA"            # CSV: text that stands for no value, besides the empty field
"""

from __future__ import annotations

import csv
import glob
import gzip
import io
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from spark_ingest.errors import InputError, MappingError
from spark_ingest.spark.failures import SPARK_ERRORS, sentence
from spark_ingest.spark.parquet_files import nanosecond_columns, read_parquet

CORRUPT = "__malformed"
_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
_FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".parquet": "parquet",
    ".pq": "parquet",
}


@dataclass(frozen=True)
class ReadOptions:
    """How to read one input; the fields are the keys of inputs.toml."""

    format: str | None = None
    delimiter: str | None = None
    encoding: str = "UTF-8"
    quote: str = '"'
    escape: str | None = None
    columns: tuple[str, ...] = ()
    null_value: str | None = None


@dataclass(frozen=True)
class Input:
    """One named input: its files and how to read them."""

    name: str
    files: tuple[Path, ...]
    options: ReadOptions


def parse_inputs(arguments: Sequence[str], mapping: Path) -> list[Input]:
    """Inputs from NAME=PATH arguments; PATH may be a glob, and a name may occur several times (files are united).

    Raises InputError for a bad name or a path without files, MappingError for a bad inputs.toml.
    """
    files: dict[str, list[Path]] = {}
    for argument in arguments:
        name, separator, pattern = argument.partition("=")
        if not separator or not _NAME.match(name) or not pattern:
            raise InputError(f"--input {argument}: expected NAME=PATH, the name of letters, digits and underscores")
        found = _matching(pattern)
        if not found:
            raise InputError(f"--input {name}: no file matches {pattern}")
        files.setdefault(name, []).extend(path for path in found if path not in files.get(name, []))
    options = _read_options(mapping, set(files))
    return [Input(name, tuple(paths), options.get(name, ReadOptions())) for name, paths in files.items()]


def read_input(spark: SparkSession, source: Input) -> DataFrame:
    """The rows of an input, with a text column CORRUPT that holds a malformed line or document (else NULL).

    Raises InputError when a file cannot be read at all, or its columns have no usable names.
    """
    groups: dict[tuple[Any, ...], list[Path]] = {}
    for path in source.files:
        kind = source.options.format or _format(path)
        layout = tuple(_header(path, source.options)) if kind == "csv" else ()
        groups.setdefault(
            (kind, _delimiter(path, source.options), _is_array(path) if kind == "json" else False, layout), []
        ).append(path)
    parts = []
    for (kind, delimiter, whole, header), paths in groups.items():
        try:
            if kind == "csv":
                parts.append(_read_csv(spark, paths, source.options, delimiter, header))
            elif kind == "json":
                parts.append(_read_json(spark, paths, whole))
            else:
                parts.append(read_parquet(spark, paths).withColumn(CORRUPT, F.lit(None).cast("string")))
        except SPARK_ERRORS as error:
            raise InputError(f"{paths[0]} cannot be read: {sentence(error)}") from error
    rows = parts[0]
    for part in parts[1:]:
        rows = rows.unionByName(part, allowMissingColumns=True)
    return rows


def shortened_columns(source: Input) -> list[str]:
    """The columns of an input that are times in nanoseconds, of which microseconds are kept."""
    return nanosecond_columns([path for path in source.files if (source.options.format or _format(path)) == "parquet"])


def _matching(pattern: str) -> list[Path]:
    found: list[Path] = []
    for path in [Path(pattern)] if Path(pattern).exists() else map(Path, glob.glob(pattern, recursive=True)):  # noqa: PTH207
        # A folder stands for all files below it; a writer's own marks (_SUCCESS, .crc) are no data.
        inside = (file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
        found += [file for file in inside if file == path or not file.name.startswith(("_", "."))]
    return sorted({file.resolve() for file in found})


def _read_options(mapping: Path, names: set[str]) -> dict[str, ReadOptions]:
    path = mapping / "inputs.toml"
    if not path.exists():
        return {}
    try:
        document: Mapping[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise MappingError(f"{path} cannot be read: {error}") from error
    known = {field.name for field in fields(ReadOptions)}
    made = {}
    for name, section in document.items():
        if name not in names:
            raise MappingError(f"{path}: there is no input '{name}' (inputs given: {', '.join(sorted(names))})")
        if not isinstance(section, dict) or (unknown := set(section) - known):
            wrong = name if not isinstance(section, dict) else sorted(unknown)[0]
            raise MappingError(f"{path}: unknown key '{wrong}'; known: {', '.join(sorted(known))}")
        values: dict[str, Any] = {key: tuple(value) if key == "columns" else value for key, value in section.items()}
        if values.get("format", "csv") not in ("csv", "json", "parquet"):
            raise MappingError(f"{path}: format of '{name}' must be csv, json or parquet, not {values['format']!r}")
        made[name] = ReadOptions(**values)
    return made


def _format(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    kind = _FORMATS.get(suffixes[-1]) if suffixes else None
    if kind is None:
        raise InputError(f"{path}: cannot tell its format from its name; give `format` in the mapping's inputs.toml")
    return kind


def _delimiter(path: Path, options: ReadOptions) -> str:
    return options.delimiter or ("\t" if ".tsv" in [suffix.lower() for suffix in path.suffixes] else ",")


def _open_text(path: Path, encoding: str) -> io.TextIOWrapper:
    stream: Any = gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb")  # noqa: SIM115
    return io.TextIOWrapper(
        stream, encoding="utf-8-sig" if encoding.upper() in ("UTF-8", "UTF8") else encoding, newline=""
    )


def _header(path: Path, options: ReadOptions) -> list[str]:
    """The column names of a CSV file. Raises InputError where they cannot serve as names."""
    if options.columns:
        return list(options.columns)
    try:
        with _open_text(path, options.encoding) as text:
            names = next(csv.reader(text, **_dialect(path, options)), [])
    except (OSError, EOFError, UnicodeDecodeError, LookupError, csv.Error) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    names = [name.strip() for name in names]
    if not names or not all(names):
        raise InputError(f"{path}: its first line must name every column (or give `columns` in inputs.toml)")
    lowered = [name.lower() for name in names]
    if twice := next((name for name in names if lowered.count(name.lower()) > 1), None):
        raise InputError(f"{path}: the column '{twice}' occurs twice in its header")
    return names


def _dialect(path: Path, options: ReadOptions) -> dict[str, Any]:
    doubled = options.escape in (None, options.quote)
    dialect: dict[str, Any] = {
        "delimiter": _delimiter(path, options),
        "quotechar": options.quote,
        "doublequote": doubled,
    }
    return dialect if doubled else dialect | {"escapechar": options.escape}


def _is_array(path: Path) -> bool:
    """Whether a JSON file is one array of documents rather than a document a line."""
    try:
        with _open_text(path, "UTF-8") as text:
            return text.read(1024).lstrip()[:1] == "["
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error


def _read_csv(
    spark: SparkSession, paths: list[Path], options: ReadOptions, delimiter: str, header: Sequence[str]
) -> DataFrame:
    schema = T.StructType([T.StructField(name, T.StringType()) for name in (*header, CORRUPT)])
    reader = (
        spark.read.schema(schema)
        .option("header", not options.columns)
        .option("sep", delimiter)
        .option("encoding", options.encoding)
        .option("quote", options.quote)
        .option("escape", options.escape or options.quote)  # a quote inside a quoted field is doubled (RFC 4180)
        .option("multiLine", True)
        .option("mode", "PERMISSIVE")
        .option("columnNameOfCorruptRecord", CORRUPT)
        .option("enforceSchema", True)
    )
    if options.null_value is not None:
        reader = reader.option("nullValue", options.null_value)
    rows = reader.csv([str(path) for path in paths])
    return rows if options.escape else _without_other_escapes(rows, header, options.quote)


def _without_other_escapes(rows: DataFrame, header: Sequence[str], quote: str) -> DataFrame:
    """Mark rows as malformed that have a quoted field with quotes after backslashes: it was read as if it were none.

    Such a field still has its own quotes, and others with a backslash before them.
    """
    suspect = reduce(
        or_, (F.col(f"`{name}`").startswith(quote) & F.col(f"`{name}`").contains(f"\\{quote}") for name in header)
    )
    text = F.concat_ws(",", *(F.col(f"`{name}`") for name in header))
    return rows.withColumn(CORRUPT, F.coalesce(F.col(CORRUPT), F.when(suspect, text)))


def _read_json(spark: SparkSession, paths: list[Path], whole: bool) -> DataFrame:
    reader = (
        spark.read.option("multiLine", whole)
        .option("prefersDecimal", True)  # money must not pass through a double
        .option("mode", "PERMISSIVE")
        .option("columnNameOfCorruptRecord", CORRUPT)
    )
    files = [str(path) for path in paths]
    inferred = reader.json(files).schema
    if not any(field.name != CORRUPT for field in inferred.fields):
        raise InputError(f"{paths[0]} holds no JSON document with fields")
    named = [field for field in inferred.fields if field.name != CORRUPT]
    return reader.schema(T.StructType([*named, T.StructField(CORRUPT, T.StringType())])).json(files)
