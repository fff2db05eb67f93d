"""Write VARIANT, ARRAY and OBJECT values as Snowflake's clients get them: indented by two, object keys in order.

A scalar is as JSON writes it, an XML element (see `xml_text`) as XML. Source: results of SELECT in the clients' own tests.
"""

from __future__ import annotations

import json
from typing import Any

from local_stack.endpoint.engine.native.xml_text import element_text, is_element

_INDENT = "  "


class _Number(str):
    """Hold a number as it is written."""


def variant_text(text: str) -> str:
    """Return the indented text of a JSON array or object; other text unchanged."""
    if not text.startswith(("[", "{")):
        return text
    try:
        value = json.loads(text, parse_float=_Number, parse_int=_Number)
    except ValueError:
        return text
    return element_text(json.loads(text)) if is_element(value) else _write(value, "")


def _write(value: Any, indent: str) -> str:
    inner = indent + _INDENT
    match value:
        case _Number():
            return str(value)
        case dict() if value:
            items = [f"{inner}{_quoted(k)}: {_write(value[k], inner)}" for k in sorted(value)]
            return "{\n" + ",\n".join(items) + f"\n{indent}}}"
        case list() if value:
            return "[\n" + ",\n".join(inner + _write(v, inner) for v in value) + f"\n{indent}]"
        case _:
            return json.dumps(value, ensure_ascii=False)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
