"""Definitions that are one statement in Snowflake and several in DuckDB.

A comment in a definition is a COMMENT ON of its own, a column that counts takes its numbers from a sequence, and an
ALTER TABLE changes one column at a time.
"""

from __future__ import annotations

import secrets

from fakesnow.transforms import insert_overwrite
from sqlglot import Expr, exp

from local_stack.endpoint.language.quoting import dotted
from local_stack.endpoint.translation.context import Context, identifier

# The prefix keeps it out of SHOW SEQUENCES.
_COUNTER = "_fs_seq_"
_COUNTING = (exp.AutoIncrementColumnConstraint, exp.GeneratedAsIdentityColumnConstraint)


def statements(expression: Expr, context: Context) -> list[Expr]:
    """Return what to run, in order; together it is one statement."""
    match expression:
        case exp.Create() if expression.args.get("kind") in ("TABLE", "VIEW"):
            comments = _comments_of(expression)
            return [*_counters(expression, context), expression, *comments]
        case exp.Alter() if expression.args.get("kind") in ("TABLE", "VIEW"):
            return [
                part for action in expression.args.get("actions") or [] for part in _alterations(expression, action)
            ]
        case exp.Insert():
            return list(insert_overwrite(expression))
    return [expression]


def _alterations(alter: exp.Alter, action: Expr) -> list[Expr]:
    """One action of an ALTER as DuckDB's statements."""
    table, kind = alter.this, str(alter.args["kind"])
    match action:
        case exp.AlterSet() if (comment := action.find(exp.SchemaCommentProperty)) is not None:
            return [_comment(table, kind, comment.this)]
        case exp.Set() if action.args.get("unset") and [e.name.upper() for e in action.expressions] == ["COMMENT"]:
            return [_comment(table, kind, None)]
        case exp.AlterColumn() if (text := action.args.get("comment")) is not None:
            return [_column_comment(table, action.this, text)]
        case exp.ColumnDef():
            comments = _column_comments(table, [action])
            return [_alter(alter, action), *comments]
        case exp.Drop() if len(columns := action.args.get("tables") or ()) > 1:
            return [_alter(alter, _one_column(action, column)) for column in columns]
    return [_alter(alter, action)]


def _alter(alter: exp.Alter, action: Expr) -> exp.Alter:
    one = alter.copy()
    one.set("actions", [action.copy()])
    return one


def _one_column(drop: exp.Drop, column: Expr) -> exp.Drop:
    one = drop.copy()
    one.set("tables", [column.copy()])
    return one


def _comments_of(create: exp.Create) -> list[Expr]:
    """Take the comments out of a definition; they come back as statements."""
    table = _table(create)
    comments: list[Expr] = []
    properties = create.args.get("properties")
    for comment in list(properties.find_all(exp.SchemaCommentProperty)) if properties else []:
        comments.append(_comment(table, str(create.args["kind"]), comment.this))
        comment.pop()
    if properties and not properties.expressions:
        create.set("properties", None)
    return comments + _column_comments(table, create.this.expressions)


def _column_comments(table: exp.Table, columns: list[Expr]) -> list[Expr]:
    comments: list[Expr] = []
    for column in columns:
        for constraint in list(column.args.get("constraints") or []):
            if isinstance(constraint.args.get("kind"), exp.CommentColumnConstraint):
                comments.append(_column_comment(table, column.this, constraint.args["kind"].this))
                constraint.pop()
    return comments


def _comment(table: exp.Table, kind: str, text: Expr | None) -> exp.Comment:
    value = exp.Null() if text is None else exp.Literal.string(text.name)
    return exp.Comment(this=_bare(table), kind=kind, expression=value)


def _column_comment(table: exp.Table, column: exp.Identifier, text: Expr) -> exp.Comment:
    named = exp.Column(this=column.copy(), table=table.this.copy())
    for part in ("db", "catalog"):
        named.set(part, table.args[part].copy() if table.args.get(part) else None)
    return exp.Comment(this=named, kind="COLUMN", expression=exp.Literal.string(text.name))


def _bare(table: exp.Table) -> exp.Table:
    return exp.Table(**{part: table.args[part].copy() for part in ("this", "db", "catalog") if table.args.get(part)})


def _table(create: exp.Create) -> exp.Table:
    table: exp.Table = create.this.this if isinstance(create.this, exp.Schema) else create.this
    return table


def _counters(create: exp.Create, context: Context) -> list[Expr]:
    """Make a sequence beside the table for each column that counts, which then takes its default from it.

    fakesnow's transform does one column, in the session's current schema.
    See: https://docs.snowflake.com/en/sql-reference/sql/create-table (AUTOINCREMENT)
    """
    sequences: list[Expr] = []
    for column in create.this.expressions:
        for constraint in column.args.get("constraints") or []:
            kind = constraint.args.get("kind")
            if not isinstance(kind, _COUNTING):
                continue
            database, schema, _ = context.full_name(_table(create))
            name = _COUNTER + secrets.token_hex(8)
            sequences.append(_sequence((database, schema, name), kind))
            place = exp.Literal.string(dotted(database, schema, name))
            constraint.set("kind", exp.DefaultColumnConstraint(this=exp.Anonymous(this="NEXTVAL", expressions=[place])))
    return sequences


def _sequence(name: tuple[str, str, str], counting: Expr) -> exp.Create:
    start, step = counting.args.get("start"), counting.args.get("increment")
    properties: list[Expr] = [
        exp.SequenceProperties(
            start=start.copy() if start else exp.Literal.number(1),
            increment=step.copy() if step else exp.Literal.number(1),
        )
    ]
    if name[0] == "temp":
        properties.insert(0, exp.TemporaryProperty())
    place = exp.Table(this=identifier(name[2]), db=identifier(name[1]), catalog=identifier(name[0]))
    return exp.Create(this=place, kind="SEQUENCE", properties=exp.Properties(expressions=properties))
