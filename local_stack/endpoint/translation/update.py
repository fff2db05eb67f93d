"""UPDATE … FROM: how many rows it changes, and how many of them by several source rows.

DuckDB counts a target row once for every source row that matches it; Snowflake counts it once, and says so.
"""

from __future__ import annotations

from sqlglot import Expr, exp

from local_stack.endpoint.statements import Column, Result
from local_stack.endpoint.translation.context import CHANGED

_COLUMNS = (Column("number of rows updated", "FIXED"), Column("number of multi-joined rows updated", "FIXED"))


def matches_query(update: exp.Update) -> exp.Select | None:
    """Return a query for the two numbers; None for an UPDATE without FROM."""
    source = update.args.get("from_")
    if not isinstance(source, exp.From):
        return None
    target = update.this.copy()
    target.meta[CHANGED] = True
    matches = exp.select("COUNT(*) AS n").from_(target).join(source.this.copy(), join_type="cross")
    where: Expr | None = update.args.get("where")
    if where is not None:
        matches = matches.where(where.this.copy())
    matches = matches.group_by(exp.column("rowid", table=target.alias_or_name))
    return exp.select("COUNT(*)", "COUNT_IF(n > 1)").from_(matches.subquery("matches"))


def update_result(rows: int, multi_joined: int) -> Result:
    return Result(_COLUMNS, [[rows, multi_joined]])
