"""Named SQL statements: `sql/<name>.sql`, one statement per file.

Values are bound (`?`); what cannot be bound (a table, a generated list of columns, a stage path) is a fragment, written
`&{name}` in the file and always made by this package or validated by it.
"""

from __future__ import annotations

import datetime
import pkgutil
from string import Template
from typing import TYPE_CHECKING, Any

from snowpark_procs.errors import StatementError

if TYPE_CHECKING:
    from snowflake.snowpark import Row, Session


class _Statement(Template):
    # `$` occurs in METADATA$FILENAME and `@`, `%`, `:` mean something in SQL; `&` means nothing.
    delimiter = "&"


def statement(name: str, **fragments: str) -> str:
    """The text of `sql/<name>.sql` with its fragments filled in, without comment lines at its head.

    Raises StatementError when there is no such file, or a fragment is missing.
    """
    try:
        source = pkgutil.get_data("snowpark_procs", f"sql/{name}.sql")
    except OSError:
        source = None
    if source is None:
        raise StatementError(f"There is no statement '{name}'")
    try:
        return _Statement(_without_head_comment(source.decode("utf-8"))).substitute(fragments)
    except (KeyError, ValueError) as error:
        raise StatementError(f"Statement '{name}': fragment {error} is missing") from error


def run(session: Session, name: str, params: list[Any] | None = None, **fragments: str) -> list[Row]:
    """Run a named statement with bound values and return its rows."""
    return list(session.sql(statement(name, **fragments), params=params or []).collect())


def literal(text: str) -> str:
    """A SQL string literal, for the few places that take no bound value (FILES of COPY)."""
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def time_text(time: datetime.datetime) -> str:
    """Write a time (UTC, without a zone) as the statements read it, with a format of their own: 'YYYY-MM-DD HH24:MI:SS.FF6'.

    A procedure with owner's rights inherits its caller's input formats.
    See: https://docs.snowflake.com/en/developer-guide/stored-procedure/stored-procedures-rights
    """
    return time.isoformat(sep=" ", timespec="microseconds")


def _without_head_comment(text: str) -> str:
    """Clients that look at a statement's first word must find it, not a comment."""
    lines = text.strip().splitlines()
    while lines and (not lines[0].strip() or lines[0].startswith("--")):
        lines.pop(0)
    return "\n".join(lines)
