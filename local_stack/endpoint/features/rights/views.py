"""Find what views read, and check whether their owners may read it.

A role that queries a view needs no privilege on what the view reads.
See: https://docs.snowflake.com/en/user-guide/security-access-control-considerations (views)
"""

from __future__ import annotations

from collections.abc import Iterator

import sqlglot
from sqlglot import Expr, exp

from local_stack.endpoint.engine.access import RELATION, Access, inherited
from local_stack.endpoint.errors import compilation_error
from local_stack.endpoint.features.rights.judge import is_free
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import unsupported

Place = tuple[str, str, str]


def definition(place: Place, session: Session) -> exp.Create | None:
    """Return a view's CREATE statement from DuckDB with its names completed. Return None for anything but a view."""
    return session.grants.cached(("view", place), lambda: _read(place, session))


def _read(place: Place, session: Session) -> exp.Create | None:
    found = (
        session.engine.duck_conn.cursor()
        .execute(
            "SELECT sql FROM duckdb_views() WHERE database_name = ? AND schema_name = ? AND view_name = ? AND NOT internal",
            list(place),
        )
        .fetchone()
    )
    if found is None:
        return None
    tree = sqlglot.parse_one(found[0], read="duckdb")
    if not isinstance(tree, exp.Create):
        raise unsupported(f"rights on the view {'.'.join(place)}")
    for table in sources(tree):
        if not table.args.get("db"):
            table.set("db", exp.to_identifier(place[1], quoted=True))
        if not table.args.get("catalog"):
            table.set("catalog", exp.to_identifier(place[0], quoted=True))
    return tree


def sources(tree: Expr) -> Iterator[exp.Table]:
    """Yield the tables and views that a view's query reads."""
    query = tree.args.get("expression")
    if not isinstance(query, Expr):
        return
    hidden = {cte.alias.upper() for cte in query.find_all(exp.CTE)}
    for table in query.find_all(exp.Table):
        if isinstance(table.this, exp.Identifier) and (table.args.get("db") or table.name.upper() not in hidden):
            yield table


def place_of(table: exp.Table) -> Place:
    """Return the place of a table that has a complete name in DuckDB."""
    return str(table.catalog), str(table.db), str(table.name)


def check_owners(place: Place, session: Session) -> None:
    """Raise SqlError 002037 where the owner of a view may not read what the view reads."""
    missing = session.grants.cached(("view sources", place), lambda: _first_missing(place, session))
    if missing is not None:
        raise compilation_error(
            f"Failure during expansion of view '{place[2]}': SQL compilation error:\n"
            f"Object '{missing}' does not exist or not authorized.",
            2037,
            "42601",
        )


def _first_missing(place: Place, session: Session) -> str | None:
    tree = definition(place, session)
    if tree is None:
        return None
    owner = session.grants.owner("VIEW", ".".join(place))
    access = Access(session.grants, inherited(session.grants, [owner]))
    for table in sources(tree):
        source = place_of(table)
        if is_free(source):
            continue
        if not _may_read(source, access):
            return ".".join(source)
        if (deeper := _first_missing(source, session)) is not None:
            return deeper
    return None


def _may_read(place: Place, access: Access) -> bool:
    return (
        access.sees("DATABASE", place[0])
        and access.sees("SCHEMA", ".".join(place[:2]))
        and access.holds(RELATION, ".".join(place), "SELECT")
    )
