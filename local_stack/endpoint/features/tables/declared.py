"""Take keys, options and comments out of CREATE TABLE and CREATE VIEW, because DuckDB does not know them.

They are noted once the statement has succeeded. Creating or truncating a table also changes COPY's load metadata here.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from sqlglot import Expr, exp

from local_stack.endpoint.engine.load_history import begin_history, forget_loads
from local_stack.endpoint.features.objects.tags import Tags, tag_key
from local_stack.endpoint.features.tables.comments import set_comment
from local_stack.endpoint.features.tables.keys import take_keys
from local_stack.endpoint.features.tables.options import take_options
from local_stack.endpoint.language.names import SchemaName, stored
from local_stack.endpoint.language.parse import COPY_TAGS
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import unsupported
from local_stack.endpoint.translation.context import Context
from local_stack.endpoint.translation.known_columns import table_columns
from local_stack.endpoint.translation.result_columns import columns_of_create, columns_of_view
from local_stack.endpoint.translation.strictness import require_plain
from local_stack.endpoint.translation.tables import physical_name

_REFUSED = {
    exp.MaskingPolicyColumnConstraint: "MASKING POLICY in a column's definition",
    exp.ProjectionPolicyColumnConstraint: "PROJECTION POLICY",
}


def declarations(expression: Expr, context: Context) -> Expr:
    """Take out what DuckDB does not know, and register what to do once the statement has succeeded."""
    kind = str(expression.args.get("kind") or "").upper()
    match expression:
        case exp.Create() if kind in ("TABLE", "VIEW"):
            _created(expression, kind, context)
        case exp.TruncateTable():
            for table in expression.find_all(exp.Table):
                truncated = context.session.physical_table(SchemaName(*context.full_name(table)))
                place = truncated.database, truncated.schema, truncated.name
                context.on_success.append(partial(forget_loads, context.session.duck, *place))
    return expression


def _created(create: exp.Create, kind: str, context: Context) -> None:
    target = create.this if isinstance(create.this, exp.Table) else create.this.find(exp.Table)
    if target is None:
        return
    session, name = context.session, SchemaName(*context.full_name(target))
    temporary = _has(create, exp.TemporaryProperty)
    physical = SchemaName("temp", "main", physical_name(context.full_name(target))) if temporary else name
    tags, comments = take_tags(create, session), _take_comments(create)
    note = {"transient": _has(create, exp.TransientProperty), "secure": _has(create, exp.SecureProperty)}
    content: dict[str, Any] = {key: value for key, value in note.items() if value}
    if create.meta.get(COPY_TAGS):
        content["tags"] = session.notes.of(name).get("tags", {})
    if tags:
        content["tags"] = {**content.get("tags", {}), **tags}
    if kind == "VIEW":
        content["text"] = context.text
        columns = columns_of_view(create, table_columns(session, describing=True))
        content["kinds"] = {column.name: column.kind for column in columns if column.kind}
        content["lengths"] = {column.name: column.length for column in columns if column.length}
    if kind == "TABLE":
        if isinstance(create.this, exp.Schema):
            content["keys"] = take_keys(session, create.this)
        content["options"] = take_options(create)
        content["kinds"] = columns_of_create(create, table_columns(session))
    if (other := session.spelled(physical)) != physical.name:
        raise unsupported(f"a name that differs from {other} only in case")
    if create.args.get("exists") and session.relation_kind(physical):
        return
    context.on_success.append(lambda: session.notes.write(name, {k: v for k, v in content.items() if v}, temporary))
    for column, text in comments.items():
        context.on_success.append(partial(set_comment, session, physical, kind, column, text))
    if kind == "TABLE" and not temporary:
        context.on_success.append(partial(begin_history, session.duck, name.database, name.schema, name.name))


def take_tags(create: exp.Create, session: Session) -> dict[str, Tags]:
    """Take out WITH TAG, and return the tags by column, under '' those of what is created."""
    found: dict[str, Tags] = {}
    for tags in list(create.find_all(exp.Tags)):
        column = tags.find_ancestor(exp.ColumnDef)
        for item in tags.expressions:
            value = item.args["value"].name
            given = found.setdefault(stored(column.this) if column is not None else "", {})
            given[tag_key(Reader(item.this.sql(dialect="snowflake")).name(), value, session)] = value
        (tags.parent if isinstance(tags.parent, exp.ColumnConstraint) else tags).pop()
    return found


def _take_comments(create: exp.Create) -> dict[str | None, str]:
    """Take out the comments, and return them. The key is None for what is created, and the name for a column."""
    found: dict[str | None, str] = {}
    properties = create.args.get("properties")
    for item in list(properties.find_all(exp.SchemaCommentProperty)) if properties else ():
        found[None] = item.this.name
        item.pop()
    for column in list(create.find_all(exp.ColumnDef)):
        for constraint in list(column.args.get("constraints") or ()):
            kind = constraint.args.get("kind")
            for refused, what in _REFUSED.items():
                if isinstance(kind, refused):
                    raise unsupported(what)
            if isinstance(kind, exp.CollateColumnConstraint):
                require_plain(kind.this.name)
                constraint.pop()
            elif isinstance(kind, exp.CommentColumnConstraint):
                found[stored(column.this)] = kind.this.name
                constraint.pop()
        if create.args.get("kind") == "VIEW":
            column.replace(column.this)
    return found


def _has(create: exp.Create, kind: type[exp.Property]) -> bool:
    properties = create.args.get("properties")
    return bool(properties and properties.find(kind))
