"""Tell what queries and DML need.

These are SELECT, INSERT, UPDATE, DELETE and TRUNCATE on tables and views, and USAGE on sequences and functions.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import Expr, exp

from local_stack.endpoint.engine.access import RELATION
from local_stack.endpoint.errors import compilation_error
from local_stack.endpoint.features.rights.judge import Need, is_free
from local_stack.endpoint.features.rights.views import check_owners
from local_stack.endpoint.language.names import called_name, stored
from local_stack.endpoint.session import Session

_ROUTINES = ("FUNCTION", "PROCEDURE")
_SEQUENCE_COLUMNS = frozenset({"NEXTVAL", "CURRVAL"})
_MERGE_ACTIONS = {exp.Update: "UPDATE", exp.Insert: "INSERT"}


def of_tree(tree: Expr, session: Session) -> Iterator[Need]:
    """Yield what a parsed statement needs."""
    target = _target(tree)
    for table, privileges in _changed(tree, target):
        yield from _relation(table, privileges, session)
    hidden = {cte.alias.upper() for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        if table is target or not isinstance(table.this, exp.Identifier) or _is_only_named(table):
            continue
        if not table.args.get("db") and table.name.upper() in hidden:
            continue
        yield from _relation(table, ("SELECT",), session)
    for column in tree.find_all(exp.Column):
        if column.name.upper() in _SEQUENCE_COLUMNS and column.table:
            yield from _sequence(column, session)


def _target(tree: Expr) -> exp.Table | None:
    """Return the table that a statement changes or makes."""
    this = tree.this if isinstance(tree, exp.Insert | exp.Update | exp.Delete | exp.Merge | exp.Create) else None
    found = this.this if isinstance(this, exp.Schema) else this
    return found if isinstance(found, exp.Table) else None


def _changed(tree: Expr, target: exp.Table | None) -> Iterator[tuple[exp.Table, tuple[str, ...]]]:
    if isinstance(tree, exp.TruncateTable):
        for table in tree.find_all(exp.Table):
            yield table, ("TRUNCATE",)
    if target is None:
        return
    match tree:
        case exp.Insert():
            yield target, ("INSERT",)
            if tree.args.get("overwrite"):
                yield target, ("DELETE",)
        case exp.Update():
            yield target, ("UPDATE",)
        case exp.Delete():
            yield target, ("DELETE",)
        case exp.Merge():
            yield target, ("SELECT",)
            for when in tree.find_all(exp.When):
                yield target, (_MERGE_ACTIONS.get(type(when.args["then"]), "DELETE"),)


def _is_only_named(table: exp.Table) -> bool:
    """Return whether a table is named but not read, because it is truncated, described, altered or dropped.

    sqlglot takes the name of a file format for a table.
    """
    return table.arg_key == "format" or isinstance(
        table.parent, exp.TruncateTable | exp.Describe | exp.Drop | exp.Alter | exp.Comment | exp.Use
    )


def _relation(table: exp.Table, privileges: tuple[str, ...], session: Session) -> Iterator[Need]:
    place = session.full_name(table)
    if place in session.temporary_tables or not all(place):
        return
    written = ".".join(stored(part) for part in table.parts if isinstance(part, exp.Identifier))
    yield Need(RELATION, place, privileges, shown=written)
    if session.grants.has_owner("VIEW", ".".join(place)):
        check_owners(place, session)


def _sequence(column: exp.Column, session: Session) -> Iterator[Need]:
    parts = tuple(stored(column.args[part]) for part in ("catalog", "db", "table") if column.args.get(part))
    place = session.resolve(parts)
    name = (place.database, place.schema, place.name)
    if session.grants.has_owner("SEQUENCE", ".".join(name)):
        yield Need("SEQUENCE", name, ("USAGE",))


def check_functions(tree: Expr, session: Session) -> None:
    """Raise SqlError 002140 for a function of the account that the session may not use, as if it did not exist."""
    for call in tree.find_all(exp.Anonymous):
        parts = called_name(call)[-3:]
        if len(parts) < 3 and not (session.database and session.schema):
            continue
        place = session.resolve(parts)
        prefix = f"{place.database}.{place.schema}.{place.name}("
        overloads = [(kind, name) for kind in _ROUTINES for name in session.grants.targets(kind, prefix)]
        if is_free((place.database, place.schema)) or not overloads:
            continue
        if not any(session.access.holds(kind, name, "USAGE") for kind, name in overloads):
            raise compilation_error(f"Unknown user-defined function {'.'.join(parts)}.", 2141, "42601")
