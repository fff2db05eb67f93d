"""Tell what a statement does to the open transaction."""

from __future__ import annotations

from sqlglot import Expr, exp

from local_stack.endpoint.engine.transactions import Effect


def classify(expression: Expr, database: str | None, schema: str | None) -> tuple[Effect, tuple[str, ...]]:
    """The statement's effect and the full names of the tables it changes."""
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


def _names(target: Expr | None, database: str | None, schema: str | None) -> tuple[str, ...]:
    table = target if isinstance(target, exp.Table) else target.find(exp.Table) if isinstance(target, Expr) else None
    if table is None:
        return ()
    parts = (table.catalog or database or "", table.db or schema or "", table.name)
    return (".".join(part.upper() for part in parts),)
