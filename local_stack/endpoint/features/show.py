"""Read the common tail of SHOW.

`[LIKE 'p'] [IN ACCOUNT | DATABASE [d] | SCHEMA [s] | d.s] [STARTS WITH 'p'] [LIMIT n [FROM 'x']]`
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from local_stack.endpoint.engine.engine import INFORMATION_SCHEMA
from local_stack.endpoint.errors import nothing_there
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.session import Session


@dataclass(frozen=True)
class Filters:
    """Hold what a row must be like. like: SQL pattern, case-insensitive. starts_with: case-sensitive. after: LIMIT's FROM."""

    like: str | None = None
    starts_with: str | None = None
    limit: int | None = None
    after: str | None = None

    def apply(self, rows: Sequence[Sequence[Any]], name_index: int) -> list[Sequence[Any]]:
        """Return the rows whose name (at name_index) passes, in order of name."""
        pattern = None if self.like is None else like_pattern(self.like)
        kept = [
            row
            for row in sorted(rows, key=lambda r: str(r[name_index]))
            if (pattern is None or pattern.fullmatch(str(row[name_index])))
            and (self.starts_with is None or str(row[name_index]).startswith(self.starts_with))
            and (self.after is None or str(row[name_index]) > self.after)
        ]
        return kept if self.limit is None else kept[: self.limit]


def like_pattern(like: str) -> re.Pattern[str]:
    """Return a LIKE pattern as a case-insensitive regular expression (backslash escapes)."""
    out, escaped = "", False
    for char in like:
        if escaped:
            out, escaped = out + re.escape(char), False
        elif char == "\\":
            escaped = True
        else:
            out += {"%": ".*", "_": "."}.get(char, re.escape(char))
    return re.compile(out, re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Scope:
    """Hold which database and schema a SHOW covers (None: all), and its filters."""

    database: str | None
    schema: str | None
    filters: Filters

    @staticmethod
    def read(reader: Reader, session: Session) -> Scope:
        """Read to the end of the statement. Default: the session's schema, its database, or the account."""
        like = _like(reader)
        database, schema = session.database, session.schema
        if reader.accept("IN"):
            database, schema = _in(reader, session)
            require_scope(database, schema, session)
        filters = read_filters(reader, like)
        reader.expect_end()
        return Scope(database, schema, filters)


def read_filters(reader: Reader, like: str | None = None) -> Filters:
    like = _like(reader) or like
    starts_with = reader.string() if reader.accept("STARTS", "WITH") else None
    limit = reader.integer() if reader.accept("LIMIT") else None
    after = reader.string() if limit is not None and reader.accept("FROM") else None
    return Filters(like, starts_with, limit, after)


def _like(reader: Reader) -> str | None:
    return reader.string() if reader.accept("LIKE") else None


def _in(reader: Reader, session: Session) -> tuple[str | None, str | None]:
    if reader.accept("ACCOUNT"):
        return None, None
    if reader.accept("DATABASE"):
        return (
            reader.name()[0] if reader.token.kind in ("word", "quoted") and not _tail(reader) else session.database
        ), None
    named = reader.accept_any("SCHEMA")
    if reader.token.kind not in ("word", "quoted") or _tail(reader):
        return session.database, session.schema
    parts = reader.name()
    if named is None and len(parts) == 1 and not session.schema_exists(session.database or "", parts[0]):
        return parts[0], None  # IN name: a schema, or else a database
    return (parts[-2] if len(parts) > 1 else session.database), parts[-1]


def require_scope(database: str | None, schema: str | None, session: Session) -> None:
    """Raise SqlError 002043 where the database or schema of an IN does not exist."""
    if database is not None and not session.schema_exists(database, schema or INFORMATION_SCHEMA):
        raise nothing_there()


def _tail(reader: Reader) -> bool:
    return reader.looking_at("STARTS", "WITH") or reader.token.upper == "LIMIT"
