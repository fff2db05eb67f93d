"""Tell which object of a statement is missing."""

from __future__ import annotations

import re

from sqlglot import exp

from local_stack.endpoint.language.parse import parse
from local_stack.endpoint.statements import SqlError, Statement

_MISSING = re.compile(r"Object '([^']+)' does not exist")


def as_written(error: SqlError, statement: Statement) -> SqlError:
    """Return an error about a missing object with its name as the statement has it: DuckDB gives the last part alone."""
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
