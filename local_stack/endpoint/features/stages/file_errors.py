"""Report DuckDB's failures over a file in Snowflake's words.

The message never shows a path of the machine or a text of the engine.
"""

from __future__ import annotations

import re

import duckdb

from local_stack.endpoint.errors import as_sql_error, is_carried
from local_stack.endpoint.features.stages.text_values import InputFormats, not_recognized
from local_stack.endpoint.statements import SqlError

_CASTS = (
    re.compile(
        r"""Could not convert string ['"](?P<text>.*?)['"] to (?P<kind>[A-Z_0-9]+(?:\(\d+,\s*\d+\))?)""", re.DOTALL
    ),
    re.compile(
        r"""Casting value ['"](?P<text>.*?)['"] to type (?P<kind>[A-Z0-9_]+(?:\(\d+,\s*\d+\))?) failed""", re.DOTALL
    ),
    re.compile(
        r"""with value (?P<text>\S+) can't be cast .* to (?:the destination type )?(?P<kind>[A-Z0-9_]+)""", re.DOTALL
    ),
)
_DAMAGED = {
    "PARQUET": ("Error parsing the parquet file: Invalid: the file is not a Parquet file or is damaged.", 100152),
    "JSON": ("Error parsing JSON: the file is not a sequence of JSON documents.", 100069),
    "CSV": ("The file cannot be read in the compression of its file format.", 100195),
}


def file_error(error: Exception, kind: str, display: str) -> SqlError:
    """Return the error of a statement that failed over a file. `kind` is the type of the file's format."""
    found = _worded(error, kind)
    if f"File '{display}'" in found.message:
        return found
    return SqlError(f"{found.message}\n  File '{display}'", found.errno, found.sqlstate)


def _worded(error: Exception, kind: str) -> SqlError:
    text = str(error)
    if isinstance(error, SqlError) or is_carried(text):
        return as_sql_error(error)
    if isinstance(error, duckdb.ConversionException | duckdb.OutOfRangeException | duckdb.InvalidInputException):
        for pattern in _CASTS:
            if found := pattern.search(text):
                return SqlError(*not_recognized(found["text"], found["kind"], InputFormats()))
    if isinstance(error, duckdb.IOException | duckdb.InvalidInputException | OSError | duckdb.InternalException):
        message, errno = _DAMAGED[kind]
        return SqlError(message, errno, "22000")
    if isinstance(error, duckdb.ConversionException | duckdb.OutOfRangeException):
        return SqlError("A value of the file cannot be converted to the type of its column.", 100071, "22000")
    return as_sql_error(error)


def not_found(display: str) -> SqlError:
    """Return the error of a file that a statement names and that is not in its stage."""
    return SqlError(
        f"Remote file '{display}' was not found. There are several potential causes. The file might not "
        "exist. The required credentials may be missing or invalid. If you are running a copy command, please "
        "make sure files are not deleted when they are being loaded or files are not being loaded into two "
        "different tables concurrently with auto purge option.",
        91016,
        "22000",
    )
