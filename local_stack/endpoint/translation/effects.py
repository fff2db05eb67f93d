"""Tell what a statement does to the open transaction."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import Expr, exp

from local_stack.endpoint.engine.changes import changes_table
from local_stack.endpoint.engine.load_history import loads_table
from local_stack.endpoint.engine.transactions import Effect
from local_stack.endpoint.language.names import SchemaName
from local_stack.endpoint.session import Session


def classify(expression: Expr, database: str | None, schema: str | None) -> tuple[Effect, tuple[str, ...]]:
    """Return the statement's effect and the full names of the tables it changes."""
    match expression:
        case exp.Insert() | exp.Copy() | exp.MultitableInserts():
            if expression.args.get("overwrite"):
                return Effect.CHANGE, _names(expression.this, database, schema)
            return Effect.APPEND, ()
        case exp.Update() | exp.Delete() | exp.Merge():
            return Effect.CHANGE, _names(expression.this, database, schema)
        case exp.TruncateTable():
            return Effect.CHANGE, tuple(n for t in expression.expressions for n in _names(t, database, schema))
        case exp.Create() | exp.Drop() | exp.Alter() | exp.Comment():
            if isinstance(expression, exp.Alter) and expression.args.get("kind") == "SESSION":
                return Effect.READ, ()
            return Effect.DDL, _names(expression.this, database, schema)
        case exp.Command() if str(expression.this).upper() in ("CREATE", "ALTER", "DROP", "UNDROP"):
            return Effect.DDL, ()
    return Effect.READ, ()


def ddl(*tables: SchemaName) -> tuple[Effect, tuple[str, ...]]:
    """Return what a definition does to the open transaction, and the full names of the tables that it changes."""
    return Effect.DDL, tuple(f"{t.database}.{t.schema}.{t.name}".upper() for t in tables)


def changed_tables(expression: Expr, session: Session) -> dict[SchemaName, bool]:
    """Return the tables, where they are in DuckDB, that a statement writes to, and whether it may change rows there."""
    match expression:
        case exp.Insert():
            targets, changes = [expression.this], bool(expression.args.get("overwrite"))
        case exp.Update() | exp.Delete() | exp.Merge():
            targets, changes = [expression.this], True
        case exp.TruncateTable():
            targets, changes = list(expression.expressions), True
        case _:
            return {}
    tables = filter(None, map(_table, targets))
    return {session.physical_table(SchemaName(*session.full_name(table))): changes for table in tables}


def writes(expression: Expr, changed: Mapping[SchemaName, bool], session: Session) -> dict[str, bool]:
    """Return the tables that a statement writes to, as DuckDB names them, with what is recorded beside them."""
    found = {session.quoted(place): changes for place, changes in changed.items()}
    for database in {place.database for place in changed}:
        if isinstance(expression, exp.TruncateTable):
            found[loads_table(database)] = True
        if database != "temp":
            found[changes_table(database)] = False
    return found


def _table(target: Expr | None) -> exp.Table | None:
    return target if isinstance(target, exp.Table) else target.find(exp.Table) if isinstance(target, Expr) else None


def _names(target: Expr | None, database: str | None, schema: str | None) -> tuple[str, ...]:
    table = _table(target)
    if table is None:
        return ()
    parts = (table.catalog or database or "", table.db or schema or "", table.name)
    return (".".join(part.upper() for part in parts),)
