"""What follows from creating, truncating and dropping tables and schemas: COPY's load metadata, objects in the registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import Expr, exp

from local_stack.endpoint.rewrites.context import Context, TableName
from local_stack.endpoint.stages.history import forget_loads

if TYPE_CHECKING:
    from local_stack.endpoint.sessions import Session

TRANSIENT = "TRANSIENT TABLE"


def table_events(expression: Expr, context: Context) -> Expr:
    """Registers what to do once the statement has succeeded; changes nothing."""
    session = context.session
    kind = str(expression.args.get("kind") or "").upper()
    match expression:
        case exp.Create() if kind == "TABLE":
            target = expression.this if isinstance(expression.this, exp.Table) else expression.this.find(exp.Table)
            if target is not None and not _has(expression, exp.TemporaryProperty):
                name = context.full_name(target)
                if not (expression.args.get("exists") and session.table_exists(*name)):
                    transient = _has(expression, exp.TransientProperty)
                    context.on_success.append(lambda: forget_loads(session.duck, *name))
                    context.on_success.append(lambda: _note_transient(session, name, transient))
        case exp.TruncateTable():
            for table in expression.find_all(exp.Table):
                truncated = context.full_name(table)
                if hidden := session.temporary_tables.get(truncated):
                    truncated = ("temp", "main", hidden)
                context.on_success.append(lambda name=truncated: forget_loads(session.duck, *name))  # type: ignore[misc]
        case exp.Drop() if kind == "TABLE":
            for table in expression.find_all(exp.Table):
                dropped = context.full_name(table)
                context.on_success.append(lambda name=dropped: forget_loads(session.duck, *name))  # type: ignore[misc]
    return expression


def _has(expression: exp.Create, kind: type[exp.Property]) -> bool:
    properties = expression.args.get("properties")
    return bool(properties and properties.find(kind))


def _note_transient(session: Session, name: TableName, transient: bool) -> None:
    """DuckDB has no such property; SHOW TABLES tells it."""
    if transient:
        session.catalog.put(TRANSIENT, *name, {})
    else:
        session.catalog.drop(TRANSIENT, *name)
