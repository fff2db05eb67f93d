"""Write and read quoted names and strings."""

from __future__ import annotations

import re

from local_stack.endpoint.language.tokens import Token

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "0": "\0"}


def string_value(text: str) -> str:
    """Return the value of a '…' literal (with Snowflake's escapes) or of a $$…$$ one (none)."""
    if text.startswith("$$"):
        return text[2:-2]

    def unescape(match: re.Match[str]) -> str:
        if match.group() == "''":
            return "'"
        code = match.group(1)
        if code[0] in "xu" and len(code) > 1:
            return chr(int(code[1:], 16))
        return _ESCAPES.get(code, code)

    return re.sub(r"''|\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", unescape, text[1:-1], flags=re.DOTALL)


def quote_string(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def identifier_value(token: Token) -> str:
    """Return the stored name: upper case unless quoted."""
    return token.text[1:-1].replace('""', '"') if token.kind == "quoted" else token.text.upper()


def quote_name(name: str) -> str:
    """Return a stored name as it has to be written."""
    return name if re.fullmatch(r"[A-Z_][A-Z0-9_$]*", name) else identifier(name)


def identifier(name: str) -> str:
    """Write a quoted identifier, as Snowflake and DuckDB read it."""
    return '"' + name.replace('"', '""') + '"'


def dotted(*parts: str) -> str:
    """Write a qualified name of quoted identifiers."""
    return ".".join(identifier(part) for part in parts)


def literal(value: str) -> str:
    """Write a DuckDB string literal."""
    return "'" + value.replace("'", "''") + "'"
