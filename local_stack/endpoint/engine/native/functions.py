"""Make known to DuckDB what SQL has no words for: functions in Python, which macros call by name."""

from __future__ import annotations

import functools
import hashlib
import inspect
import itertools
import operator
import re
from collections.abc import Callable
from typing import Any, Final

import duckdb

from local_stack.endpoint.engine.native.addresses import parse_ip, parse_url
from local_stack.endpoint.engine.native.json_text import json_fault, standard_json
from local_stack.endpoint.engine.native.number_format import formatted, read_number
from local_stack.endpoint.engine.native.xml_text import XmlError, parse_xml, to_xml, xml_child, xml_fault
from local_stack.endpoint.errors import carried


def _sha2(text: str, bits: int) -> str:
    return hashlib.new(f"sha{bits}", text.encode()).hexdigest()


_REGEXP_FLAGS: Final = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL}


def _regexp_replace(text: str, pattern: str, replacement: str, position: int, occurrence: int, options: str) -> str:
    """Replace matches from a position on: all of them, or the one of an occurrence."""
    flags = functools.reduce(operator.or_, (_REGEXP_FLAGS.get(option, re.NOFLAG) for option in options), re.NOFLAG)
    try:
        found = re.compile(pattern, flags)
        start, number, template = position - 1, itertools.count(1), replacement.replace("\\0", "\\g<0>")

        def replaced(match: re.Match[str]) -> str:
            return match.expand(template) if occurrence in (0, next(number)) else match[0]

        return text[:start] + found.sub(replaced, text[start:])
    except re.error as error:
        raise ValueError(carried(f"Invalid regular expression: '{pattern}', {error}", 100048, "2201B")) from None


def _parse_xml(text: str, convert: bool) -> str | None:
    try:
        return parse_xml(text, convert)
    except XmlError as error:
        raise ValueError(carried(f"Error parsing XML: {error}", 100100, "22P02")) from None


def _read_number(text: str, form: str) -> str:
    found = read_number(text, form)
    if found is None:
        raise ValueError(carried(f"Can't parse '{text}' as number with format '{form}'", 100140, "22007"))
    return found


_FUNCTIONS: Final[tuple[tuple[str, Callable[..., Any], list[str]], ...]] = (
    ("_sf_native_sha2", _sha2, ["VARCHAR", "INTEGER"]),
    ("_sf_native_json", standard_json, ["VARCHAR", "BOOLEAN", "BOOLEAN"]),
    ("_sf_native_json_fault", json_fault, ["VARCHAR"]),
    ("_sf_native_regexp_replace", _regexp_replace, ["VARCHAR", "VARCHAR", "VARCHAR", "BIGINT", "BIGINT", "VARCHAR"]),
    ("_sf_native_number", formatted, ["VARCHAR", "VARCHAR"]),
    ("_sf_native_read_number", _read_number, ["VARCHAR", "VARCHAR"]),
    ("_sf_native_try_number", read_number, ["VARCHAR", "VARCHAR"]),
    ("_sf_native_parse_url", parse_url, ["VARCHAR", "INTEGER"]),
    ("_sf_native_parse_ip", parse_ip, ["VARCHAR", "VARCHAR", "INTEGER"]),
    ("_sf_native_parse_xml", _parse_xml, ["VARCHAR", "BOOLEAN"]),
    ("_sf_native_xml_fault", xml_fault, ["VARCHAR"]),
    ("_sf_native_xml_child", xml_child, ["VARCHAR", "VARCHAR", "BIGINT"]),
    ("_sf_native_to_xml", to_xml, ["VARCHAR"]),
)


def create_native_functions(connection: duckdb.DuckDBPyConnection) -> None:
    """Create every function: text to text, NULL for a NULL argument, the same for the same arguments."""
    for name, function, kinds in _FUNCTIONS:
        wrapped = _null_for_null(function, len(kinds))
        # A result of NULL is allowed only with special handling of NULL.
        connection.create_function(name, wrapped, kinds, "VARCHAR", null_handling="special")  # type: ignore[call-overload]


def _null_for_null(function: Callable[..., Any], count: int) -> Callable[..., Any]:
    def called(*arguments: Any) -> Any:
        return None if None in arguments else function(*arguments)

    # DuckDB counts the parameters.
    parameters = [inspect.Parameter(f"a{i}", inspect.Parameter.POSITIONAL_ONLY) for i in range(count)]
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return called
