"""Tell what a statement does to the open transaction."""

from __future__ import annotations

from sqlglot import Expr, exp

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


def writes(expression: Expr, session: Session) -> dict[str, bool]:
    """Return the tables that a statement writes to, as DuckDB names them, and whether it may change rows there."""
    match expression:
        case exp.Insert():
            targets, changes = [expression.this], bool(expression.args.get("overwrite"))
        case exp.Update() | exp.Delete() | exp.Merge():
            targets, changes = [expression.this], True
        case exp.TruncateTable():
            targets, changes = list(expression.expressions), True
        case _:
            return {}
    found: dict[str, bool] = {}
    for table in filter(None, map(_table, targets)):
        place = session.physical_table(SchemaName(*session.full_name(table)))
        found[session.quoted(place)] = changes
        if isinstance(expression, exp.TruncateTable):
            found[loads_table(place.database)] = True
    return found


def _table(target: Expr | None) -> exp.Table | None:
    return target if isinstance(target, exp.Table) else target.find(exp.Table) if isinstance(target, Expr) else None


def _names(target: Expr | None, database: str | None, schema: str | None) -> tuple[str, ...]:
    table = _table(target)
    if table is None:
        return ()
    parts = (table.catalog or database or "", table.db or schema or "", table.name)
    return (".".join(part.upper() for part in parts),)
