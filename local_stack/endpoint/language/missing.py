"""Tell which object of a statement is missing, and where a wrong identifier stands."""

from __future__ import annotations

import re

from sqlglot import exp

from local_stack.endpoint.language.parse import parse
from local_stack.endpoint.language.quoting import identifier_value
from local_stack.endpoint.language.tokens import tokenize
from local_stack.endpoint.statements import SqlError, Statement

_PLACELESS = "error line 1 at position 0\n"
_NAMED = re.compile(_PLACELESS + r"(?:invalid identifier|Invalid argument types for function) '([^']+)'")
_MISSING = re.compile(r"Object '([^']+)' does not exist")


def as_written(error: SqlError, statement: Statement) -> SqlError:
    """Return an error about a missing object with its name as the statement has it: DuckDB gives the last part alone.

    An error about an identifier says where it stands first.
    """
    if named := _NAMED.search(error.message):
        return _with_place(error, statement, named[1])
    missing = _MISSING.search(error.message)
    if error.errno != 2003 or missing is None:
        return error
    last = missing[1].rpartition(".")[2]
    try:
        tables = list(parse(statement.text).find_all(exp.Table))
    except Exception:
        return error
    for table in tables:
        if table.name.upper() == last.upper() and table.db:
            parts = (table.catalog, table.db, table.name)
            name = ".".join(part.upper() for part in parts if part)
            return SqlError(error.message.replace(f"'{missing[1]}'", f"'{name}'"), error.errno, error.sqlstate)
    return error


def _with_place(error: SqlError, statement: Statement, name: str) -> SqlError:
    """Return the error with line (from 1) and position (from 0), as Snowflake counts; as it was where the name is not found."""
    try:
        tokens = tokenize(statement.text).read
    except SqlError:
        return error
    wanted = name.split(".")
    words = [identifier_value(token) if token.kind in ("word", "quoted") else token.text for token in tokens]
    pattern = [part for word in wanted for part in (".", word)][1:]
    for number in range(len(words) - len(pattern) + 1):
        if [word.upper() for word in words[number : number + len(pattern)]] == [part.upper() for part in pattern]:
            before = statement.text[: tokens[number].start]
            line, position = before.count("\n") + 1, len(before) - before.rfind("\n") - 1
            place = f"error line {line} at position {position}\n"
            return SqlError(error.message.replace(_PLACELESS, place), error.errno, error.sqlstate)
    return error
