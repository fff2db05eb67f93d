"""MERGE INTO as DuckDB's own statement, with Snowflake's answer and its refusal of ambiguous merges.

fakesnow splits a MERGE into several statements over a temporary table, which neither runs in a procedure's transaction nor
reports as one. DuckDB has MERGE; what it lacks: it takes the last of several source rows for one target row, where
Snowflake refuses (ERROR_ON_NONDETERMINISTIC_MERGE is TRUE by default).
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import Expr, exp

from local_stack.endpoint.statements import Column, Result, SqlError
from local_stack.endpoint.translation.context import CHANGED, Context, identifier

_ACTIONS = {"INSERT": "number of rows inserted", "UPDATE": "number of rows updated", "DELETE": "number of rows deleted"}


def duckdb_merge(merge: exp.Merge) -> exp.Merge:
    """Return the same merge as DuckDB writes it, returning what it did with each row."""
    rewritten = merge.copy()
    for when in rewritten.args["whens"].find_all(exp.When):
        then = when.args["then"]
        if isinstance(then, exp.Update):
            for assignment in then.expressions:
                assignment.this.set("table", None)
        elif isinstance(then, exp.Insert) and isinstance(then.this, exp.Tuple):
            for column in then.this.expressions:
                column.set("table", None)
    rewritten.set("returning", exp.Returning(expressions=[exp.column("merge_action")]))
    return rewritten


def merged_by_name(expression: Expr, context: Context) -> Expr:
    """Write out the columns of ALL BY NAME: each of the target takes the source's of the same name.

    See: https://docs.snowflake.com/en/sql-reference/sql/merge
    """
    if not isinstance(expression, exp.Merge) or not expression.args["whens"].find(exp.Star):
        return expression
    columns = context.columns(expression.this) or ()
    source = expression.args["using"].alias_or_name
    names = [identifier(column.name) for column in columns]
    values = [exp.column(name.copy(), table=exp.to_identifier(source)) for name in names]
    for when in expression.args["whens"].expressions:
        then = when.args["then"]
        if isinstance(then, exp.Update) and isinstance(then.expressions[0], exp.Star):
            pairs = zip(names, values, strict=True)
            then.set("expressions", [exp.EQ(this=exp.column(n.copy()), expression=v.copy()) for n, v in pairs])
        elif isinstance(then, exp.Insert) and isinstance(then.this, exp.Star):
            then.set("this", exp.Tuple(expressions=[exp.column(name.copy()) for name in names]))
            then.set("expression", exp.Tuple(expressions=[value.copy() for value in values]))
    return expression


def ambiguity_query(merge: exp.Merge) -> exp.Select | None:
    """Return a query that has a row when some target row would be changed by several source rows; None when none could be."""
    matched = [when for when in merge.args["whens"].find_all(exp.When) if when.args.get("matched")]
    conditions = [when.args.get("condition") for when in matched]
    if not matched:
        return None
    target = merge.this.copy()
    target.meta[CHANGED] = True
    query = exp.select("1").from_(target).join(merge.args["using"].copy(), on=merge.args["on"].copy())
    if all(condition is not None for condition in conditions):
        query = query.where(exp.or_(*(condition.copy() for condition in conditions if condition is not None)))
    return query.group_by(exp.column("rowid", table=target.alias_or_name)).having("COUNT(*) > 1").limit(1)


def ambiguous() -> SqlError:
    return SqlError("Duplicate row detected during DML action", errno=100090, sqlstate="42P18")


def merge_result(merge: exp.Merge, counts: Mapping[str, int]) -> Result:
    """Return one row with a count for each kind of clause that the merge has. counts: rows by what was done with them."""
    kinds = {_kind(when.args["then"]) for when in merge.args["whens"].find_all(exp.When)}
    shown = [action for action in _ACTIONS if action in kinds]
    return Result(
        tuple(Column(_ACTIONS[action], "FIXED") for action in shown), [[counts.get(action, 0) for action in shown]]
    )


def _kind(then: Expr) -> str:
    if isinstance(then, exp.Insert):
        return "INSERT"
    return "UPDATE" if isinstance(then, exp.Update) else "DELETE"
