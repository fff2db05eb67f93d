"""PIVOT: columns named as Snowflake names them, `IN (ANY)` and `IN (SELECT …)`, `DEFAULT ON NULL`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import Expr, exp

if TYPE_CHECKING:
    from local_stack.endpoint.rewrites.context import Context

_INTEGER_CASTS = (exp.DType.INT, exp.DType.BIGINT, exp.DType.SMALLINT, exp.DType.TINYINT)


def pivots(expression: Expr, context: Context) -> Expr:
    """The rewrite, on Snowflake's tree. The values of a dynamic pivot are read when the statement is planned."""
    for pivot in list(expression.find_all(exp.Pivot)):
        if pivot.args.get("unpivot") or not pivot.args.get("fields"):
            continue
        field = pivot.args["fields"][0]
        if isinstance(field, exp.In):
            _resolve(pivot, field, context)
            _name(field)
            if (default := pivot.args.get("default_on_null")) not in (None, False):
                _fill(pivot, field, default)
    return expression


def _resolve(pivot: exp.Pivot, field: exp.In, context: Context) -> None:
    """Write out the values of IN (ANY) and IN (subquery)."""
    query = field.args.get("query")
    items = list(field.expressions)
    source = pivot.parent
    if query is None and items and isinstance(items[0], exp.PivotAny):
        assert_source = source.copy() if source is not None else exp.Null()
        assert_source.set("pivots", None)
        column = field.this.copy()
        query = exp.select(column).distinct().from_(assert_source).where(column.copy().is_(exp.null()).not_())
        query = query.order_by(column.copy())
    elif query is None and len(items) == 1 and isinstance(items[0], exp.Subquery | exp.Select):
        query = items[0]
    if query is None:
        return
    select = query.this if isinstance(query, exp.Subquery) else query
    outcome = context.session.execute(select.sql(dialect="snowflake"))
    field.set("query", None)
    field.set("expressions", [exp.convert(row[0]) for row in outcome.rows() if row[0] is not None])
    pivot.set("columns", None)


def _name(field: exp.In) -> None:
    named: list[Expr] = []
    for item in field.expressions:
        if isinstance(item, exp.PivotAlias | exp.Alias):
            named.append(item)
        else:
            named.append(exp.PivotAlias(this=_value(item), alias=exp.to_identifier(_column_name(item), quoted=True)))
    field.set("expressions", named)


def _value(item: Expr) -> Expr:
    return item


def _column_name(item: Expr) -> str:
    """The name Snowflake gives a pivoted column: the value's canonical text."""
    if isinstance(item, exp.Cast):
        value = item.this.name
        if isinstance(item.this, exp.Null):
            return "NULL"
        if item.to.this in _INTEGER_CASTS:
            return f"CAST({value} AS NUMBER(38,0))"
        if item.to.this == exp.DType.DATE:
            return f"TO_DATE('{value}')"
    if isinstance(item, exp.Literal) and item.is_string:
        return f"'{item.this}'"
    return "NULL" if isinstance(item, exp.Null) else item.sql(dialect="snowflake")


def _fill(pivot: exp.Pivot, field: exp.In, default: Any) -> None:
    """DEFAULT ON NULL (x): a query around the pivot replaces the NULLs of its columns."""
    pivot.set("default_on_null", None)
    table = pivot.parent
    if table is None:
        return
    value = default if isinstance(default, Expr) else exp.convert(default)
    replaced = []
    for item in field.expressions:
        name = item.args["alias"].copy()
        replaced.append(exp.alias_(exp.Coalesce(this=exp.column(name), expressions=[value.copy()]), name.copy()))
    star = exp.Star(replace=replaced)
    alias = pivot.args.get("alias")
    inner = table.copy()
    table.replace(
        exp.Subquery(
            this=exp.Select(expressions=[star], from_=exp.From(this=inner)),
            alias=alias.copy() if isinstance(alias, exp.TableAlias) else None,
        )
    )
