"""Rewrite the creation of tables, and names of temporary ones."""

from __future__ import annotations

from functools import partial

from sqlglot import Expr, exp

from local_stack.endpoint.statements import SqlError
from local_stack.endpoint.translation.context import Context, TableName, identifier

# CREATE TABLE t (a TYPE, …) AS query: the query's columns, by position, cast to the declared types and named so.
#
# The query is wrapped, so that nothing needs to be described. A column without a type keeps the query's.


def create_table_as(expression: Expr, context: Context) -> Expr:
    """`CREATE TABLE t AS SELECT c1::TYPE AS a, … FROM (query) AS q(c1, …)`."""
    del context
    if not (
        isinstance(expression, exp.Create) and expression.kind == "TABLE" and isinstance(expression.this, exp.Schema)
    ):
        return expression
    query = expression.expression
    columns: list[tuple[Expr, Expr | None]] = [
        (column.this, column.kind) if isinstance(column, exp.ColumnDef) else (column, None)
        for column in expression.this.expressions
        if isinstance(column, exp.ColumnDef | exp.Identifier)
    ]
    if not isinstance(query, exp.Query) or len(columns) != len(expression.this.expressions):
        return expression
    query = query.unnest() if isinstance(query, exp.Subquery) else query
    selects = query.selects if isinstance(query, exp.Query) else []
    if selects and not query.is_star and len(selects) != len(columns):
        raise SqlError("SQL compilation error:\nInvalid column definition list", errno=2026, sqlstate="42601")
    names = [f"_{position}" for position in range(1, len(columns) + 1)]
    expression.set("this", expression.this.this)
    expression.set(
        "expression",
        exp.Select(
            expressions=[
                exp.Alias(this=_cast(exp.column(name, quoted=True), kind), alias=column.copy())
                for name, (column, kind) in zip(names, columns, strict=True)
            ]
        ).from_(
            exp.Subquery(
                this=query.copy(),
                alias=exp.TableAlias(
                    this=exp.to_identifier("_query"), columns=[exp.to_identifier(name, quoted=True) for name in names]
                ),
            )
        ),
    )
    return expression


def _cast(column: Expr, kind: Expr | None) -> Expr:
    return column if kind is None else exp.Cast(this=column, to=kind.copy())


def temporary_clones(expression: Expr, _: Context) -> Expr:
    """`CREATE TEMPORARY TABLE t CLONE s` as `CREATE TEMPORARY TABLE t AS SELECT * FROM s`: DuckDB copies rows anyway."""
    if isinstance(expression, exp.Create) and (clone := expression.args.get("clone")) is not None:
        expression.set("clone", None)
        expression.set("expression", exp.select("*").from_(clone.this.copy()))
    return expression


def temporary_tables(expression: Expr, context: Context) -> Expr:
    """Temporary tables and views with a qualified name: they live in one schema, hide a permanent table of the same name,
    and end with the session.

    DuckDB has one namespace of temporary tables per connection; the table's full name is its name there, and every reference
    that means it is rewritten.
    """
    known = context.session.temporary_tables
    created = _created(expression)
    dropped = (
        expression if isinstance(expression, exp.Drop) and expression.args.get("kind") in ("TABLE", "VIEW") else None
    )
    if created is not None:
        name = context.temporary = context.full_name(created)
        physical = physical_name(name)
        _point_to(created, physical, aliased=False)
        context.on_success.append(partial(known.__setitem__, name, physical))
    if not known:
        return expression
    hidden_by_cte = {cte.alias.upper() for cte in expression.find_all(exp.CTE)}
    for table in list(expression.find_all(exp.Table)):
        if table is created or not isinstance(table.this, exp.Identifier):
            continue
        if not table.args.get("db") and table.name.upper() in hidden_by_cte:
            continue
        name = context.full_name(table)
        hidden = known.get(name)
        if hidden is not None:
            _point_to(table, hidden, aliased=_may_have_alias(table))
            if dropped is not None:
                context.on_success.append(partial(_forget, known, name))
    return expression


def _forget(known: dict[TableName, str], name: TableName) -> None:
    known.pop(name, None)


def physical_name(name: TableName) -> str:
    """A temporary table's name in DuckDB."""
    return ".".join(name)


def _created(expression: Expr) -> exp.Table | None:
    if not (isinstance(expression, exp.Create) and expression.args.get("kind") in ("TABLE", "VIEW")):
        return None
    properties = expression.args.get("properties")
    if not (properties and properties.find(exp.TemporaryProperty)):
        return None
    target = expression.this
    return target if isinstance(target, exp.Table) else target.find(exp.Table)


def _may_have_alias(table: exp.Table) -> bool:
    """Sources keep the table's own name as their alias, so that `name.column` still means them."""
    parent = table.parent
    if isinstance(
        parent, exp.Insert | exp.Schema | exp.Create | exp.Drop | exp.Alter | exp.Describe | exp.TruncateTable
    ):
        return False
    return not table.args.get("alias")


def _point_to(table: exp.Table, physical: str, aliased: bool) -> None:
    if aliased:
        original = table.this.copy()
        table.set("alias", exp.TableAlias(this=original))
    table.set("catalog", identifier("temp"))
    table.set("db", identifier("main"))
    table.set("this", identifier(physical))
