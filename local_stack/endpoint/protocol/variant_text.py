"""Write VARIANT, ARRAY and OBJECT values as Snowflake's clients get them: indented by two, object keys in order.

A scalar is as JSON writes it, an XML element (see `xml_text`) as XML. Source: results of SELECT in the clients' own tests.
"""

from __future__ import annotations

import json
from typing import Any

from local_stack.endpoint.engine.native.marks import TAB, shown
from local_stack.endpoint.engine.native.xml_text import element_text, is_element

_INDENT = "  "
_MARKED = ('\\u000B"', '\\u000b"')


class _Number(str):
    """Hold a number as it is written."""


def variant_text(text: str) -> str:
    """Return the indented text of a JSON array or object; of another value, its text."""
    if not text.startswith(("[", "{")):
        return _scalar(text)
    try:
        value = json.loads(text, parse_float=_Number, parse_int=_Number)
    except ValueError:
        return text
    return element_text(json.loads(text)) if is_element(value) else _write(value, "")


def _scalar(text: str) -> str:
    """Write a FLOAT with 15 digits and an exponent; a date, a time and bytes without the mark by which JSON keeps them."""
    if text.endswith(_MARKED):
        return _write(json.loads(text), "")
    return _number(text) if text[:1] in "-0123456789" else text


def _number(text: str) -> str:
    return f"{float(text):.15e}" if "e" in text or "E" in text else text


def _write(value: Any, indent: str) -> str:
    inner = indent + _INDENT
    match value:
        case _Number():
            return _number(value)
        case str():
            return "undefined" if value == TAB else _quoted(shown(value))
        case dict() if value:
            items = [f"{inner}{_quoted(k)}: {_write(value[k], inner)}" for k in sorted(value)]
            return "{\n" + ",\n".join(items) + f"\n{indent}}}"
        case list() if value:
            return "[\n" + ",\n".join(inner + _write(v, inner) for v in value) + f"\n{indent}]"
        case _:
            return json.dumps(value, ensure_ascii=False)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
