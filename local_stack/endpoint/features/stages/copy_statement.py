"""Parse COPY INTO in both directions, and check every option by its name.

Source: Snowflake's COPY INTO <table> and COPY INTO <location>.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local_stack.endpoint.errors import compilation_error
from local_stack.endpoint.features.stages.formats import read_options
from local_stack.endpoint.features.stages.on_error import on_error
from local_stack.endpoint.language.names import SchemaName
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.statements import unsupported

if TYPE_CHECKING:
    from local_stack.endpoint.session import Session

MAX_FILES = 1000
_LOAD_OPTIONS = {
    "FILES", "PATTERN", "FILE_FORMAT", "ON_ERROR", "SIZE_LIMIT", "PURGE", "RETURN_FAILED_ONLY", "MATCH_BY_COLUMN_NAME",
    "INCLUDE_METADATA", "ENFORCE_LENGTH", "TRUNCATECOLUMNS", "FORCE", "LOAD_UNCERTAIN_FILES", "VALIDATION_MODE",
    "FILE_PROCESSOR",
}  # fmt: skip
_UNLOAD_OPTIONS = {
    "FILE_FORMAT", "OVERWRITE", "SINGLE", "MAX_FILE_SIZE", "INCLUDE_QUERY_ID", "DETAILED_OUTPUT", "HEADER",
    "VALIDATION_MODE", "STORAGE_INTEGRATION",
}  # fmt: skip


@dataclass(frozen=True)
class CopyInto:
    """Hold a parsed COPY INTO.

    `table` is the table to load, with `columns` if any are listed. `location` is the stage reference to unload to. The
    rows come from `source`, a stage reference, or from `query`, a SELECT. The SELECT is over a stage when loading and
    over tables when unloading. `options` has its names in upper case. `partition` is the expression of PARTITION BY
    when unloading.
    """

    table: SchemaName | None
    columns: tuple[str, ...]
    location: str | None
    source: str | None
    query: str | None
    options: dict[str, Any] = field(default_factory=dict)
    partition: str | None = None

    @property
    def is_load(self) -> bool:
        return self.table is not None


def parse_copy(sql: str, session: Session) -> CopyInto:
    """Parse a COPY INTO.

    Raises SqlError for a syntax error, an unknown option, and combinations that Snowflake refuses.
    """
    reader = Reader(sql.rstrip().rstrip(";"))
    reader.expect("COPY", "INTO")
    table: SchemaName | None = None
    columns: tuple[str, ...] = ()
    location = None
    if _at_reference(reader):
        location = read_reference(reader)
    else:
        table = session.resolve(reader.name())
        if reader.token.text == "(":
            columns = tuple(Reader(item).name()[-1] for item in reader.comma_separated())
    reader.expect("FROM")
    source = query = None
    if reader.token.text == "(":
        query = reader.expression("\0", *_LOAD_OPTIONS, *_UNLOAD_OPTIONS, "PARTITION")[1:-1].strip()
    elif _at_reference(reader):
        source = read_reference(reader)
    elif location is not None:
        name = session.resolve(reader.name())
        query = f"SELECT * FROM {name}"
    else:
        raise reader.unexpected()
    options: dict[str, Any] = {}
    partition = None
    if location is not None and reader.accept("PARTITION", "BY"):
        partition = reader.expression(*_UNLOAD_OPTIONS)
    options.update(read_options(reader))
    reader.expect_end()
    for option in options:
        if option not in (_LOAD_OPTIONS if table else _UNLOAD_OPTIONS):
            raise compilation_error(f"invalid parameter '{option}'", 1008, "22023")
    copy = CopyInto(table, columns, location, source, query, options, partition)
    _check(copy)
    return copy


def _check(copy: CopyInto) -> None:
    options = copy.options
    if "VALIDATION_MODE" in options:
        raise unsupported("COPY INTO … VALIDATION_MODE")
    if not copy.is_load:
        for refused in ("SINGLE", "OVERWRITE"):
            if options.get("INCLUDE_QUERY_ID") and options.get(refused):
                raise compilation_error(
                    f"{refused} = TRUE is not supported with INCLUDE_QUERY_ID = TRUE.", 2019, "0A000"
                )
            if copy.partition is not None and options.get(refused):
                raise compilation_error(f"{refused} = TRUE is not supported with PARTITION BY.", 2019, "0A000")
        return
    match_by = str(options.get("MATCH_BY_COLUMN_NAME", "NONE")).upper()
    if match_by not in ("NONE", "CASE_SENSITIVE", "CASE_INSENSITIVE"):
        raise compilation_error(f"Invalid value '{match_by}' for parameter MATCH_BY_COLUMN_NAME", 1008, "22023")
    if match_by != "NONE" and copy.query is not None:
        raise compilation_error("MATCH_BY_COLUMN_NAME is not supported with COPY transform.", 2019, "0A000")
    if "INCLUDE_METADATA" in options and match_by == "NONE":
        raise compilation_error("INCLUDE_METADATA requires MATCH_BY_COLUMN_NAME.", 2019, "0A000")
    files = options.get("FILES", [])
    if len(files) > MAX_FILES:
        raise compilation_error(
            f"The maximum number of files that FILES can name is {MAX_FILES}; {len(files)} given.", 1008, "22023"
        )
    if files and "PATTERN" in options:
        raise compilation_error("FILES and PATTERN exclude each other.", 1008, "22023")
    on_error(str(options.get("ON_ERROR", "ABORT_STATEMENT")))


def _at_reference(reader: Reader) -> bool:
    return reader.token.text == "@" or (reader.token.kind == "string" and reader.token.text.startswith(("'@", "'s3:")))


def read_reference(reader: Reader) -> str:
    """Read a stage reference, which is quoted or ends at white space or a closing parenthesis."""
    if reader.token.kind == "string":
        return reader.string()
    start = last = reader.next()
    while not reader.at_end() and reader.token.start == last.end and reader.token.text not in (")", ";"):
        last = reader.next()
    return reader.sql[start.start : last.end]
