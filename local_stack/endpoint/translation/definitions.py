"""Divide statements that are one in Snowflake and several in DuckDB: a column that counts takes its numbers from a sequence."""

from __future__ import annotations

import secrets

from fakesnow.transforms import insert_overwrite
from sqlglot import Expr, exp

from local_stack.endpoint.language.quoting import dotted
from local_stack.endpoint.translation.context import Context, identifier

# The prefix keeps it out of SHOW SEQUENCES.
COUNTER = "_fs_seq_"
_ORDERED = "ordered_"
_COUNTING = (exp.AutoIncrementColumnConstraint, exp.GeneratedAsIdentityColumnConstraint)


def statements(expression: Expr, context: Context) -> list[Expr]:
    """Return what to run, in order; together it is one statement."""
    match expression:
        case exp.Create() if expression.args.get("kind") == "TABLE":
            return [*_counters(expression, context), expression]
        case exp.Create() if expression.args.get("kind") == "SEQUENCE":
            return [expression, *_described(expression)]
        case exp.Insert():
            return list(insert_overwrite(expression))
    return [expression]


def is_ordered(counter: str) -> bool:
    """Return whether the sequence of a column was declared with ORDER, which is nothing else here."""
    return counter.startswith(COUNTER + _ORDERED)


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
            name = COUNTER + (_ORDERED if kind.args.get("order") else "") + secrets.token_hex(8)
            sequences.append(_sequence((database, schema, name), kind))
            place = exp.Literal.string(dotted(database, schema, name))
            constraint.set("kind", exp.DefaultColumnConstraint(this=exp.Anonymous(this="NEXTVAL", expressions=[place])))
    return sequences


def _described(create: exp.Create) -> list[Expr]:
    """Take what DuckDB has no words for from CREATE SEQUENCE: ORDER or NOORDER (it always counts in order), and the comment."""
    for options in create.find_all(exp.SequenceProperties):
        kept = [
            option for option in options.args.get("options") or [] if option.name.upper() not in ("ORDER", "NOORDER")
        ]
        options.set("options", kept)
    comment = create.find(exp.SchemaCommentProperty)
    if comment is None:
        return []
    comment.pop()
    return [exp.Comment(this=create.this.copy(), kind="SEQUENCE", expression=comment.this)]


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
