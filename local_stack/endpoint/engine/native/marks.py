"""Hold how JSON keeps what it has no words for: dates, times, bytes and `undefined`.

A value of such a type is a string that ends with a blank and as many vertical tabs as the type's place in the list: DuckDB
skips both when it reads a date or a time. An element of an ARRAY that is SQL's NULL, `undefined` in Snowflake, is a string of
one vertical tab.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

TAB: Final = "\v"
MARKED: Final = ("BINARY", "DATE", "TIME", "TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ")
_ESCAPED: Final = "\\U000B"
_TIME: Final = re.compile(r"(?:(.*) )?(\d\d:\d\d:\d\d)(?:\.(\d+))?( [+-]\d{4})?")


def shown(text: str) -> str:
    """Return a string of a VARIANT as Snowflake shows it: without its mark, a time as its output format begins."""
    if not text.endswith(TAB):
        return text
    bare = text.rstrip(f" {TAB}")
    if (time := _TIME.fullmatch(bare)) is None:
        return bare
    date, clock, fraction, offset = time.groups()
    return f"{date} {clock}.{(fraction or '')[:3]:0<3}{offset or ''}" if date else clock


def unmarked(value: Any) -> Any:
    """Return a value that was read from JSON with nothing marked in it: what handlers and files get."""
    match value:
        case str():
            return None if value == TAB else shown(value)
        case list():
            return [unmarked(item) for item in value]
        case dict():
            return {key: unmarked(item) for key, item in value.items()}
    return value


def plain_text(text: str) -> str:
    """Return a text of JSON with nothing marked in it."""
    return json.dumps(unmarked(json.loads(text)), ensure_ascii=False) if _ESCAPED in text.upper() else text
