"""What follows from creating, truncating and dropping tables and schemas: COPY's load metadata, objects in the registry."""

from __future__ import annotations

from sqlglot import Expr, exp

from local_stack.endpoint.rewrites.context import Context
from local_stack.endpoint.stages.history import forget_loads


def table_events(expression: Expr, context: Context) -> Expr:
    """Registers what to do once the statement has succeeded; changes nothing."""
    session = context.session
    kind = str(expression.args.get("kind") or "").upper()
    match expression:
        case exp.Create() if kind == "TABLE":
            target = expression.this if isinstance(expression.this, exp.Table) else expression.this.find(exp.Table)
            if target is not None and not _is_temporary(expression):
                name = context.full_name(target)
                if not (expression.args.get("exists") and session.table_exists(*name)):
                    context.on_success.append(lambda: forget_loads(session.duck, *name))
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


def _is_temporary(expression: exp.Create) -> bool:
    properties = expression.args.get("properties")
    return bool(properties and properties.find(exp.TemporaryProperty))
