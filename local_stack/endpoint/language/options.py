"""Read the values of `NAME = value` properties, with Snowflake's errors for what a property does not accept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from local_stack.endpoint.errors import compilation_error, invalid_property
from local_stack.endpoint.language.quoting import identifier_value
from local_stack.endpoint.language.reader import Reader

PropertyReader = Callable[[Reader], Any]


def text(reader: Reader) -> str:
    """Read '…'."""
    return reader.string()


def integer(reader: Reader) -> int:
    """Read n, also quoted."""
    if reader.token.kind == "string":
        return int(reader.string())
    return reader.integer()


def integer_or_null(reader: Reader) -> int | None:
    return None if reader.accept("NULL") else integer(reader)


def boolean(reader: Reader) -> bool:
    if reader.token.kind == "string":
        return reader.string().upper() == "TRUE"
    return reader.boolean()


def word(reader: Reader) -> str:
    """Read WORD or 'word', in upper case."""
    if reader.token.kind == "string":
        return reader.string().upper()
    return reader.identifier()


def one_of(*values: str, **synonyms: str) -> PropertyReader:
    """Read one of these words, also quoted. Hyphens count as underscores; a synonym gives the stored word."""

    def read(reader: Reader) -> str:
        token = reader.token
        given = word(reader).replace("-", "_")
        found = synonyms.get(given, given)
        if found not in {value.replace("-", "_") for value in values}:
            raise compilation_error(
                f"invalid value [{token.text}] for parameter; expected one of {', '.join(values)}", 1008, "22023"
            )
        return found

    return read


def name(reader: Reader) -> str:
    """Read a name, dotted or quoted as a string."""
    if reader.token.kind == "string":
        return reader.string().upper()
    return ".".join(reader.name())


def names(reader: Reader) -> list[str]:
    """Read (a, b.c), or ALL or NONE."""
    if reader.accept_any("ALL", "NONE"):
        return []
    return [name(item) for item in reader.items()]


def texts(reader: Reader) -> list[str]:
    """Read ('a', 'b')."""
    return [item.string() for item in reader.items()]


def bare_texts(reader: Reader) -> list[str]:
    """Read 'a', 'b' without parentheses (ALLOWED_VALUES of a tag)."""
    items = [reader.string()]
    while reader.token.text == "," and reader.peek().kind == "string":
        reader.expect(",")
        items.append(reader.string())
    return items


def pairs(reader: Reader) -> dict[str, str]:
    """Read ('a' = 'b', …)."""
    found: dict[str, str] = {}
    for _ in reader.items():
        key = reader.string() if reader.token.kind == "string" else identifier_value(reader.next())
        reader.expect("=")
        found[key] = reader.string()
    return found


def nested(*names: str) -> PropertyReader:
    """Read (A = value, B = ('x', …)): properties within one."""

    def read(reader: Reader) -> dict[str, Any]:
        reader.expect("(")
        values: dict[str, Any] = {}
        while not reader.accept(")"):
            token = reader.next()
            if names and token.upper not in names:
                raise invalid_property(token.text, "property list")
            reader.expect("=")
            values[token.upper] = _nested_value(reader)
            reader.accept(",")
        return values

    return read


def _nested_value(reader: Reader) -> Any:
    if reader.token.text == "(":
        return nested()(reader) if reader.peek(2).text == "=" else texts(reader)
    return scalar(reader)


def scalar(reader: Reader) -> Any:
    """Read a literal or a word, as session parameters have it."""
    token = reader.token
    if token.kind in ("string", "dollar"):
        return reader.string()
    if token.kind == "number" or token.text == "-":
        return reader.integer()
    if token.upper in ("TRUE", "FALSE"):
        return reader.boolean()
    return reader.identifier()


SESSION_PARAMETERS: dict[str, PropertyReader] = dict.fromkeys(
    (
        "ABORT_DETACHED_QUERY", "AUTOCOMMIT", "BINARY_INPUT_FORMAT", "BINARY_OUTPUT_FORMAT", "DATE_INPUT_FORMAT",
        "DATE_OUTPUT_FORMAT", "ERROR_ON_NONDETERMINISTIC_MERGE", "ERROR_ON_NONDETERMINISTIC_UPDATE", "JSON_INDENT",
        "LOCK_TIMEOUT", "LOG_LEVEL", "MULTI_STATEMENT_COUNT", "QUERY_TAG", "QUOTED_IDENTIFIERS_IGNORE_CASE", "ROWS_PER_RESULTSET",
        "STATEMENT_QUEUED_TIMEOUT_IN_SECONDS", "STATEMENT_TIMEOUT_IN_SECONDS", "STRICT_JSON_OUTPUT",
        "TIMESTAMP_DAY_IS_ALWAYS_24H",
        "TIMESTAMP_INPUT_FORMAT", "TIMESTAMP_LTZ_OUTPUT_FORMAT", "TIMESTAMP_NTZ_OUTPUT_FORMAT", "TIMESTAMP_OUTPUT_FORMAT",
        "TIMESTAMP_TYPE_MAPPING", "TIMESTAMP_TZ_OUTPUT_FORMAT", "TIMEZONE", "TIME_INPUT_FORMAT",
        "TIME_OUTPUT_FORMAT", "TRACE_LEVEL",
        "TRANSACTION_ABORT_ON_ERROR", "TRANSACTION_DEFAULT_ISOLATION_LEVEL", "TWO_DIGIT_CENTURY_START", "UNSUPPORTED_DDL_ACTION",
        "USE_CACHED_RESULT", "WEEK_OF_YEAR_POLICY", "WEEK_START",
    ),
    scalar,
)  # fmt: skip


def read_properties(
    reader: Reader, readers: Mapping[str, PropertyReader], owner: str, stop: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """`NAME = value` pairs, each at most once, commas allowed between them, up to a stop word or the end.

    owner: the kind of object, for the messages. Raises SqlError 001003, 001422 (no such property), 001424 (twice).
    """
    values: dict[str, Any] = {}
    while not reader.at_end() and reader.token.upper not in stop:
        if reader.accept(","):
            if not values or reader.at_end():
                raise reader.unexpected()
            continue
        token = reader.token
        if reader.accept("TAG", "("):
            raise invalid_property("TAG", f"{owner}; the local endpoint sets tags with ALTER … SET TAG only")
        if token.kind != "word":
            raise reader.unexpected()
        property_name = token.upper
        if reader.peek().text != "=":
            raise reader.unexpected(reader.peek() if property_name in readers else token)
        if property_name not in readers:
            raise invalid_property(token.text, owner)
        if property_name in values:
            raise compilation_error(
                f"duplicate property '{token.text}'; only one value can be specified.", 1424, "22023"
            )
        reader.next()
        reader.expect("=")
        values[property_name] = readers[property_name](reader)
    return values


def property_names(reader: Reader, readers: Mapping[str, PropertyReader], owner: str) -> list[str]:
    """`UNSET a, b`."""
    found: list[str] = []
    while True:
        token = reader.token
        if token.kind != "word":
            raise reader.unexpected()
        if token.upper not in readers:
            raise invalid_property(token.text, owner)
        found.append(reader.next().upper)
        if not reader.accept(","):
            return found
