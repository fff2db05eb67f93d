"""Read the common tail of SHOW.

`[LIKE 'p'] [IN ACCOUNT | DATABASE [d] | SCHEMA [s] | d.s] [STARTS WITH 'p'] [LIMIT n [FROM 'x']]`
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from local_stack.endpoint.engine.engine import INFORMATION_SCHEMA
from local_stack.endpoint.errors import nothing_there
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.session import Session


class Placed(Protocol):
    """Live in a schema."""

    @property
    def database(self) -> str:
        """Return the database, '' for an account object."""

    @property
    def schema(self) -> str:
        """Return the schema, '' for an account object."""


T = TypeVar("T")
P = TypeVar("P", bound=Placed)


@dataclass(frozen=True)
class Filters:
    """Hold what a row must be like. like: SQL pattern, case-insensitive. starts_with: case-sensitive. after: LIMIT's FROM."""

    like: str | None = None
    starts_with: str | None = None
    limit: int | None = None
    after: str | None = None

    def apply(self, rows: Sequence[T], name: Callable[[T], str]) -> list[T]:
        """Return the rows whose name passes, up to LIMIT, in their order."""
        pattern = None if self.like is None else like_pattern(self.like)
        kept = [
            row
            for row in rows
            if (pattern is None or pattern.fullmatch(name(row)))
            and (self.starts_with is None or name(row).startswith(self.starts_with))
            and (self.after is None or name(row) > self.after)
        ]
        return kept[: self.limit]


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

    def of(self, found: Sequence[P], name: Callable[[P], str]) -> list[P]:
        """Return the objects that the SHOW covers, in their order."""
        inside = [one for one in found if self.database in (None, one.database) and self.schema in (None, one.schema)]
        return self.filters.apply(inside, name)

    @staticmethod
    def read(reader: Reader, session: Session, everywhere: bool = False) -> Scope:
        """Read to the end of the statement. Default: the account, if everywhere, or the session's schema, its database."""
        like = _like(reader)
        database, schema = (None, None) if everywhere else (session.database, session.schema)
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
    """Raise SqlError 002043 where the database or schema of an IN does not exist, or is not seen."""
    if database is None:
        return
    is_seen = session.schema_exists(database, schema or INFORMATION_SCHEMA)
    if is_seen and session.grants.enforced and database != "SNOWFLAKE":
        is_seen = session.access.sees("DATABASE", database) and (
            schema in (None, INFORMATION_SCHEMA) or session.access.sees("SCHEMA", f"{database}.{schema}")
        )
    if not is_seen:
        raise nothing_there()


def _tail(reader: Reader) -> bool:
    return reader.looking_at("STARTS", "WITH") or reader.token.upper == "LIMIT"
