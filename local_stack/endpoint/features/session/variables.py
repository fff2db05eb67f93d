"""Answer SET, UNSET and SHOW VARIABLES.

See: https://docs.snowflake.com/en/sql-reference/sql/set, …/sql/unset, …/sql/show-variables
"""

from __future__ import annotations

from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING

from local_stack.endpoint.errors import compilation_error
from local_stack.endpoint.features.show import read_filters
from local_stack.endpoint.language.quoting import identifier
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.statements import Column, Result, Statement

if TYPE_CHECKING:
    from local_stack.endpoint.session import Session


class SessionVariables:
    """Answer statements about session variables."""

    def handle(self, statement: Statement, session: Session) -> Result:
        reader = Reader(statement.text)
        match reader.next().upper:
            case "SHOW":
                return _show(reader, session)
            case "SET":
                names, query = _assignment(reader)
                return Result.status("") if statement.describe_only else _set(names, query, session)
        names = _names(reader)
        reader.expect_end()
        if not statement.describe_only:
            _unset(names, session)
        return Result.succeeded()


def _names(reader: Reader) -> list[str]:
    """Read `a` or `(a, b)`."""
    if not reader.accept("("):
        return [reader.identifier()]
    names = [reader.identifier()]
    while reader.accept(","):
        names.append(reader.identifier())
    reader.expect(")")
    return names


def _assignment(reader: Reader) -> tuple[list[str], str]:
    """Return the names, and the query whose one row holds their values: every expression is evaluated before any is assigned."""
    several = reader.token.text == "("
    names = _names(reader)
    reader.expect("=")
    if not several:
        if reader.at_end():
            raise reader.unexpected()
        return names, f"SELECT {reader.rest()}"
    if reader.peek().upper in ("SELECT", "WITH"):
        query = reader.expression().strip()
        return names, query[1:-1]
    values = reader.comma_separated()
    reader.expect_end()
    if len(values) != len(names):
        raise compilation_error(f"Number of values ({len(values)}) does not match number of variables ({len(names)}).")
    return names, "SELECT " + ", ".join(f"{value} AS v{number}" for number, value in enumerate(values))


def _set(names: list[str], query: str, session: Session) -> Result:
    outcome = session.executor.run(Statement(query), session)
    if len(outcome.columns) != len(names):
        raise compilation_error(
            f"Number of values ({len(outcome.columns)}) does not match number of variables ({len(names)})."
        )
    rows = outcome.rows()
    if len(rows) > 1:
        raise compilation_error("Single-row subquery returns more than one row.", 90150, "22000")
    values = rows[0] if rows else (None,) * len(names)
    with session.lock:
        for name, column, value in zip(names, outcome.columns, values, strict=True):
            variable = session.variables.set(name, column, value)
            # A view reads the variable when it is queried: DuckDB has variables of the same kind.
            session.duck.execute(f"SET VARIABLE {identifier(variable.name)} = ?", [value])
    return Result.succeeded()


def _unset(names: list[str], session: Session) -> None:
    with session.lock:
        for name in names:
            session.variables.unset(name)
            session.duck.execute(f"RESET VARIABLE {identifier(name)}")


def _show(reader: Reader, session: Session) -> Result:
    """SHOW VARIABLES [LIKE 'pattern']"""
    reader.expect("VARIABLES")
    filters = read_filters(reader)
    reader.expect_end()
    rows = [
        [session.number, v.created_on, v.updated_on, v.name, v.text, v.type.lower(), ""]
        for v in sorted(session.variables.all(), key=attrgetter("name"))
    ]
    columns = (
        Column("session_id"), Column("created_on", "TIMESTAMP_LTZ"), Column("updated_on", "TIMESTAMP_LTZ"), Column("name"),
        Column("value"), Column("type"), Column("comment"),
    )  # fmt: skip
    return Result(columns, filters.apply(rows, itemgetter(3)))
