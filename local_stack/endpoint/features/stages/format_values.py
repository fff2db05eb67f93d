"""Check the value of each option of a file format.

Source: https://docs.snowflake.com/en/sql-reference/sql/create-file-format
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from local_stack.endpoint.errors import compilation_error
from local_stack.endpoint.statements import SqlError, unsupported

_COMPRESSIONS = frozenset({"AUTO", "GZIP", "BZ2", "BROTLI", "ZSTD", "DEFLATE", "RAW_DEFLATE", "NONE"})
_COMPRESSIONS_BY_TYPE = {
    "CSV": _COMPRESSIONS,
    "JSON": _COMPRESSIONS,
    "PARQUET": _COMPRESSIONS | {"LZO", "SNAPPY"},
}
_BOOLEANS = frozenset(
    {
        "PARSE_HEADER", "SKIP_BLANK_LINES", "TRIM_SPACE", "ERROR_ON_COLUMN_COUNT_MISMATCH", "REPLACE_INVALID_CHARACTERS",
        "EMPTY_FIELD_AS_NULL", "SKIP_BYTE_ORDER_MARK", "MULTI_LINE", "ENABLE_OCTAL", "ALLOW_DUPLICATE", "STRIP_OUTER_ARRAY",
        "STRIP_NULL_VALUES", "IGNORE_UTF8_ERRORS", "SNAPPY_COMPRESSION", "BINARY_AS_TEXT", "USE_LOGICAL_TYPE",
        "USE_VECTORIZED_SCANNER",
    }
)  # fmt: skip


# Values that this endpoint cannot follow. It refuses them and does not ignore them.
_UNSUPPORTED = {
    "JSON": {
        "ENABLE_OCTAL": True, "IGNORE_UTF8_ERRORS": True, "REPLACE_INVALID_CHARACTERS": True, "MULTI_LINE": False,
        "SKIP_BYTE_ORDER_MARK": False,
    },
    "PARQUET": {"REPLACE_INVALID_CHARACTERS": True},
}  # fmt: skip


def checked(kind: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the checked options of a format of this type.

    Raises SqlError 001008 for a value that its option does not accept, and 000002 for one that this endpoint cannot
    follow.
    """
    values = {name: _reader(name)(kind, name, value) for name, value in options.items()}
    for name, value in _UNSUPPORTED.get(kind, {}).items():
        if values.get(name) is value:
            raise unsupported(f"{name} = {str(value).upper()} for {kind} files")
    return values


def _reader(name: str) -> Callable[[str, str, Any], Any]:
    if name in _BOOLEANS:
        return _boolean
    return {"SKIP_HEADER": _count, "COMPRESSION": _compression, "NULL_IF": _texts, "BINARY_FORMAT": _binary}.get(
        name, lambda _kind, _name, value: value
    )


def _boolean(_: str, name: str, value: Any) -> bool:
    text = str(value).upper()
    if text not in ("TRUE", "FALSE"):
        raise invalid_value(name, value)
    return text == "TRUE"


def _count(_: str, name: str, value: Any) -> int:
    if not str(value).isdigit():
        raise invalid_value(name, value)
    return int(value)


def _compression(kind: str, name: str, value: Any) -> str:
    text = str(value).upper()
    if text not in _COMPRESSIONS_BY_TYPE[kind]:
        raise invalid_value(name, value)
    return text


def _texts(_: str, name: str, value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(text, str) for text in values):
        raise invalid_value(name, value)
    return values


def _binary(_: str, name: str, value: Any) -> str:
    text = str(value).upper().replace("-", "")
    if text not in ("HEX", "BASE64", "UTF8"):
        raise invalid_value(name, value)
    return text


def invalid_value(name: str, value: Any) -> SqlError:
    return compilation_error(f"invalid value [{value}] for parameter '{name}'", 1008, "22023")
