"""SQL as text: what is code and what is a string, a comment, a quoted name or a $$ body.

For the few rewrites that must happen before a statement can be parsed at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_SEGMENT = re.compile(
    r"""(?P<string>'(?:[^'\\]|\\.|'')*')"""
    r"""|(?P<name>"(?:[^"]|"")*")"""
    r"""|(?P<body>\$\$.*?\$\$)"""
    r"""|(?P<comment>--[^\n]*|//[^\n]*|/\*.*?\*/)""",
    re.DOTALL,
)
# `//` starts a comment, but not inside file:// or s3:// (those occur unquoted in PUT).
_URL_SLASHES = re.compile(r":$")


def segments(sql: str) -> list[tuple[str, str]]:
    """(kind, text) in order; kind is code, string, name, body or comment. Concatenated they are the SQL again."""
    found: list[tuple[str, str]] = []
    code = ""
    position = 0
    while match := _SEGMENT.search(sql, position):
        code += sql[position : match.start()]
        kind = str(match.lastgroup)
        if kind == "comment" and match[0].startswith("//") and _URL_SLASHES.search(code):
            code += "//"
            position = match.start() + 2
            continue
        if code:
            found.append(("code", code))
            code = ""
        found.append((kind, match[0]))
        position = match.end()
    code += sql[position:]
    if code:
        found.append(("code", code))
    return found


def map_code(sql: str, change: Callable[[str], str]) -> str:
    """The SQL with its code segments changed, everything else untouched."""
    return "".join(change(text) if kind == "code" else text for kind, text in segments(sql))


def without_comments(sql: str) -> str:
    """The SQL with comments replaced by a space."""
    return "".join(" " if kind == "comment" else text for kind, text in segments(sql)).strip()


def count_placeholders(sql: str) -> int:
    """The number of `?` outside strings, names and comments."""
    return sum(text.count("?") for kind, text in segments(sql) if kind == "code")
