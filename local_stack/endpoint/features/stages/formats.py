"""Validate the options of file formats, and tell how DuckDB reads a file of each format.

Source: Snowflake's CREATE FILE FORMAT. The types are CSV, JSON and PARQUET. Other types are refused by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local_stack.endpoint.errors import invalid_property, missing_object
from local_stack.endpoint.features.stages.format_values import checked
from local_stack.endpoint.features.stages.objects import FILE_FORMAT, find
from local_stack.endpoint.language.quoting import literal, quote_name
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.statements import unsupported

if TYPE_CHECKING:
    from local_stack.endpoint.session import Session

_ANY = {"TYPE", "COMPRESSION", "NULL_IF", "TRIM_SPACE", "REPLACE_INVALID_CHARACTERS", "FORMAT_NAME", "FILE_EXTENSION"}
_OPTIONS: dict[str, set[str]] = {
    "CSV": {
        "RECORD_DELIMITER", "FIELD_DELIMITER", "MULTI_LINE", "PARSE_HEADER", "SKIP_HEADER", "SKIP_BLANK_LINES",
        "DATE_FORMAT", "TIME_FORMAT", "TIMESTAMP_FORMAT", "BINARY_FORMAT", "ESCAPE", "ESCAPE_UNENCLOSED_FIELD",
        "FIELD_OPTIONALLY_ENCLOSED_BY", "ERROR_ON_COLUMN_COUNT_MISMATCH", "EMPTY_FIELD_AS_NULL", "SKIP_BYTE_ORDER_MARK",
        "ENCODING",
    },
    "JSON": {
        "DATE_FORMAT", "TIME_FORMAT", "TIMESTAMP_FORMAT", "BINARY_FORMAT", "MULTI_LINE", "ENABLE_OCTAL",
        "ALLOW_DUPLICATE", "STRIP_OUTER_ARRAY", "STRIP_NULL_VALUES", "IGNORE_UTF8_ERRORS", "SKIP_BYTE_ORDER_MARK",
    },
    "PARQUET": {"SNAPPY_COMPRESSION", "BINARY_AS_TEXT", "USE_LOGICAL_TYPE", "USE_VECTORIZED_SCANNER"},
}  # fmt: skip


@dataclass(frozen=True)
class FileFormat:
    """Hold a format's type and options. Names are in upper case, and values are bool, int, str or list."""

    type: str = "CSV"
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.type not in _OPTIONS:
            raise unsupported(f"FILE_FORMAT TYPE = {self.type}")
        for name in self.options:
            if name not in _ANY | _OPTIONS[self.type]:
                raise invalid_property(name, f"FILE FORMAT TYPE = {self.type}")
        object.__setattr__(self, "options", checked(self.type, self.options))

    def get(self, name: str, default: Any = None) -> Any:
        return self.options.get(name, default)


def read_options(reader: Reader) -> dict[str, Any]:
    """Read `NAME = value …` up to the end or an unmatched `)`.

    Values are strings, numbers, booleans, words, lists, and nested lists of options.
    """
    options: dict[str, Any] = {}
    while not reader.at_end() and reader.token.text != ")":
        if reader.accept(","):
            continue
        if reader.token.kind != "word":
            raise reader.unexpected()
        name = reader.next().upper
        if not (reader.accept("=") or reader.accept("=>")):
            raise reader.unexpected()
        options[name] = _value(reader)
    return options


def _value(reader: Reader) -> Any:
    if reader.token.kind in ("string", "dollar"):
        return reader.string()
    if reader.token.kind == "number" or reader.token.text == "-":
        return reader.integer()
    if reader.token.upper in ("TRUE", "FALSE"):
        return reader.boolean()
    if reader.token.text == "(":
        reader.next()
        if reader.peek().text in ("=", "=>"):
            value: Any = read_options(reader)
        else:
            value = []
            while reader.token.text != ")":
                value.append(_value(reader))
                reader.accept(",")
        reader.expect(")")
        return value
    return ".".join(quote_name(part) for part in reader.name())


def file_format(
    session: Session, options: Mapping[str, Any], stage_default: Mapping[str, Any] | None = None
) -> FileFormat:
    """Return the format that a statement uses.

    The statement's own options go before those of a format that it names. Without either, the stage's format applies,
    and otherwise CSV.
    """
    given = {name.upper(): value for name, value in options.items()} or dict(stage_default or {})
    if name := given.pop("FORMAT_NAME", None):
        given = {**named_format(session, str(name)), **given}
    kind = str(given.pop("TYPE", "CSV")).upper()
    return FileFormat(kind, given)


def named_format(session: Session, name: str) -> dict[str, Any]:
    """Return the stored options of a named file format. Raises SqlError 002003 where it does not exist."""
    resolved = session.resolve(Reader(name).name())
    stored = find(session, FILE_FORMAT, resolved)
    if stored is None:
        raise missing_object("file format", str(resolved))
    return dict(stored.definition["options"])


def reader_sql(path: Path, form: FileFormat, typed: bool = False) -> str:
    """Return the DuckDB table function that reads a JSON or Parquet file.

    JSON gives one column named json. With `typed`, it gives a column for each top-level key of the documents instead.
    """
    if form.type == "PARQUET":
        return parquet_reader([path])
    layout = "auto" if form.get("STRIP_OUTER_ARRAY", False) else "unstructured"
    options = f"format = '{layout}'{_compression(path, form)}, maximum_object_size = 134217728"
    if typed:
        return f"read_json({literal(no_glob(path))}, {options})"
    flags = ", ".join(str(bool(form.get(name, False))) for name in ("ALLOW_DUPLICATE", "STRIP_NULL_VALUES"))
    read = f"read_json_objects({literal(no_glob(path))}, {options})"
    return f"(SELECT _fs_global.main._sf_file_json(json, {flags}) AS json FROM {read})"


def parquet_reader(paths: Iterable[Path]) -> str:
    """Return the DuckDB table function that reads Parquet files of one schema in this order."""
    return f"read_parquet({path_list(paths)}, hive_partitioning = false)"


def path_list(paths: Iterable[Path]) -> str:
    """Return a DuckDB list of files."""
    return "[" + ", ".join(literal(no_glob(path)) for path in paths) + "]"


def no_glob(path: Path) -> str:
    """Return the path with *, ? and [ escaped, which DuckDB takes for a pattern."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in str(path))


def _compression(path: Path, form: FileFormat) -> str:
    wanted = str(form.get("COMPRESSION", "AUTO")).upper()
    known = {"GZIP": "gzip", "ZSTD": "zstd", "NONE": "none"}
    if wanted == "AUTO":
        with path.open("rb") as file:
            magic = file.read(4)
        kind = "gzip" if magic[:2] == b"\x1f\x8b" else "zstd" if magic == b"\x28\xb5\x2f\xfd" else "none"
        return f", compression = '{kind}'"
    if wanted not in known:
        raise unsupported(f"COMPRESSION = {wanted}")
    return f", compression = '{known[wanted]}'"
