"""Rewrite the creation of tables, and names of temporary ones."""

from __future__ import annotations

from functools import partial

import sqlglot
from sqlglot import Expr, exp

from local_stack.endpoint.engine.text_lengths import fitting
from local_stack.endpoint.language.names import stored
from local_stack.endpoint.language.quoting import identifier as identifier_text
from local_stack.endpoint.outcome import MAX_TEXT
from local_stack.endpoint.statements import SqlError
from local_stack.endpoint.translation.context import Context, Declared, TableName, identifier
from local_stack.endpoint.translation.known_columns import table_columns
from local_stack.endpoint.translation.result_columns import columns_of_query

# CREATE TABLE t (a TYPE, …) AS query: the query's columns, by position, cast to the declared types and named so.
#
# The query is wrapped, so that nothing needs to be described. A column without a type keeps the query's.


def create_table_as(expression: Expr, context: Context) -> Expr:
    """`CREATE TABLE t AS SELECT c1::TYPE AS a, … FROM (query) AS q(c1, …)`."""
    if not (isinstance(expression, exp.Create) and expression.kind == "TABLE"):
        return expression
    if not isinstance(expression.this, exp.Schema):
        _take_lengths(expression.expression, context)
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
    _declare(expression.this.expressions, context)
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
                this=query,
                alias=exp.TableAlias(
                    this=exp.to_identifier("_query"), columns=[exp.to_identifier(name, quoted=True) for name in names]
                ),
            )
        ),
    )
    return expression


def _take_lengths(query: Expr | None, context: Context) -> None:
    """Give the columns the lengths that their texts have in the query, as far as it tells."""
    columns = columns_of_query(query, table_columns(context.session, describing=True)) if query is not None else None
    if any(column.length for column in columns or ()):
        context.declared = [
            Declared("", not_null=False, default=None, length=column.length) for column in columns or ()
        ]


def _cast(column: Expr, kind: Expr | None) -> Expr:
    return column if kind is None else exp.Cast(this=column, to=kind.copy())


def _declare(columns: list[Expr], context: Context) -> None:
    """Leave NOT NULL, DEFAULT and lengths, which a CREATE TABLE AS of DuckDB does not take, to the execution."""
    declared = [_declared(column) for column in columns]
    if any(column.not_null or column.default is not None or column.length for column in declared):
        context.declared = declared


def _declared(column: Expr) -> Declared:
    if not isinstance(column, exp.ColumnDef):
        return Declared(stored(column), not_null=False, default=None, length=None)
    default = column.find(exp.DefaultColumnConstraint)
    return Declared(
        stored(column.this),
        not_null=column.find(exp.NotNullColumnConstraint) is not None,
        default=default.this if default else None,
        length=text_length(column.kind),
    )


_BINARIES = (exp.DataType.Type.BINARY, exp.DataType.Type.VARBINARY)
_CHARS = {exp.DataType.Type.CHAR, exp.DataType.Type.NCHAR}
_TEXTS = {exp.DataType.Type.VARCHAR, exp.DataType.Type.TEXT, exp.DataType.Type.NVARCHAR, *_CHARS}


def text_length(kind: exp.DataType | None) -> int | None:
    """Return the n of VARCHAR(n); CHAR alone has one character. None where there is no limit."""
    if kind is None or kind.this not in _TEXTS:
        return None
    size = int(kind.expressions[0].name) if kind.expressions else 1 if kind.this in _CHARS else MAX_TEXT
    return size if size < MAX_TEXT else None


def text_lengths(expression: Expr, _: Context) -> Expr:
    """Hold VARCHAR(n) of a new table as a CHECK, which DuckDB applies on every way into it. BINARY(n) loses its n.

    Runs after fakesnow's transforms.
    """
    for kind in expression.find_all(exp.DataType):
        if kind.this in _BINARIES:
            kind.set("expressions", None)
    for kept_by_fakesnow in ("table_comment", "text_lengths"):
        expression.args.pop(kept_by_fakesnow, None)
    if not (
        isinstance(expression, exp.Create) and expression.kind == "TABLE" and isinstance(expression.this, exp.Schema)
    ):
        return expression
    for column in list(expression.this.expressions):
        length = text_length(column.kind) if isinstance(column, exp.ColumnDef) else None
        if length is not None:
            condition = sqlglot.parse_one(fitting(identifier_text(str(column.this.this)), length), read="duckdb")
            expression.this.append("expressions", exp.CheckColumnConstraint(this=condition))
    return expression


def temporary_tables(expression: Expr, context: Context) -> Expr:
    """Rewrite temporary tables and views with a qualified name: they live in one schema, hide a permanent table of the same name,
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
    for table in list(expression.find_all(exp.Table)):
        if table is created or not isinstance(table.this, exp.Identifier):
            continue
        if not table.args.get("db") and _means_a_cte(table):
            continue
        name = context.full_name(table)
        hidden = known.get(name)
        if hidden is not None:
            _point_to(table, hidden, aliased=_may_have_alias(table))
            if dropped is not None:
                context.on_success.append(partial(_forget, known, name))
    return expression


def _means_a_cte(table: exp.Table) -> bool:
    """Return whether a WITH around the table names it. A CTE sees those before it, and itself where it is recursive."""
    inner: Expr | None = table
    while inner is not None:
        outer = inner.parent
        if outer is None:
            return False
        clause = outer.args.get("with_")
        if isinstance(clause, exp.With):
            for cte in clause.expressions:
                if inner is clause and table.find_ancestor(exp.CTE) is cte and not clause.args.get("recursive"):
                    break
                if stored(cte.args["alias"].this) == stored(table.this):
                    return True
        inner = outer
    return False


def _forget(known: dict[TableName, str], name: TableName) -> None:
    known.pop(name, None)


def physical_name(name: TableName) -> str:
    """Return a temporary table's name in DuckDB."""
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
    """Return whether a table takes an alias.

    Sources keep the table's own name as their alias, so that `name.column` still means them.
    """
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
