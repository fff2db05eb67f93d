"""What follows from creating, truncating and dropping tables and schemas: COPY's load metadata, objects in the registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import Expr, exp

from local_stack.endpoint.engine.load_history import begin_history, forget_loads
from local_stack.endpoint.engine.table_notes import TRANSIENT, note
from local_stack.endpoint.translation.context import Context, TableName
from local_stack.endpoint.translation.semi_structured import columns_of_create

if TYPE_CHECKING:
    pass


def table_events(expression: Expr, context: Context) -> Expr:
    """Registers what to do once the statement has succeeded; changes nothing."""
    session = context.session
    kind = str(expression.args.get("kind") or "").upper()
    match expression:
        case exp.Create() if kind == "TABLE":
            target = expression.this if isinstance(expression.this, exp.Table) else expression.this.find(exp.Table)
            if target is not None:
                _note_kinds(expression, context, context.full_name(target))
            if target is not None and not _has(expression, exp.TemporaryProperty):
                name = context.full_name(target)
                if not (expression.args.get("exists") and session.table_exists(*name)):
                    transient = _has(expression, exp.TransientProperty)
                    context.on_success.append(lambda: begin_history(session.duck, *name))
                    context.on_success.append(lambda: note(session.catalog, TRANSIENT, name, {} if transient else None))
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


def _note_kinds(create: exp.Create, context: Context, name: TableName) -> None:
    """DuckDB has no ARRAY or OBJECT; results and DESCRIBE tell them."""
    session, kinds = context.session, columns_of_create(create, context.session.semi_structured)
    temporary = _has(create, exp.TemporaryProperty)
    if create.args.get("exists") and (session.table_exists(*name) or name in session.temporary_tables):
        return
    context.on_success.append(lambda: session.note_semi_structured(name, kinds, temporary))


def _has(expression: exp.Create, kind: type[exp.Property]) -> bool:
    properties = expression.args.get("properties")
    return bool(properties and properties.find(kind))
