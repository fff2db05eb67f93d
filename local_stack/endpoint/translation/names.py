"""Rewrite names: of identifiers, columns, tables and functions."""

from __future__ import annotations

from sqlglot import Expr, exp

from local_stack.endpoint.engine.engine import INFORMATION_SCHEMA
from local_stack.endpoint.language.names import SchemaName
from local_stack.endpoint.translation.context import Context, replace_each


def quoted_calls(expression: Expr, _: Context) -> Expr:
    """Name a function by text where the statement has its name in quotes, which no rewrite of functions expects."""
    for call in expression.find_all(exp.Anonymous):
        if isinstance(call.this, exp.Identifier):
            call.set("this", call.name)
    return expression


def information_schema(expression: Expr, context: Context) -> Expr:
    """Rewrite names of views where INFORMATION_SCHEMA is the current schema, which no later rewrite would know otherwise."""
    if context.schema == INFORMATION_SCHEMA:
        of_queries = {cte.alias.upper() for cte in expression.find_all(exp.CTE)}
        for table in expression.find_all(exp.Table):
            if isinstance(table.this, exp.Identifier) and not table.db and table.name.upper() not in of_queries:
                table.set("db", exp.to_identifier(INFORMATION_SCHEMA))
    return expression


def column_lists(expression: Expr, _: Context) -> Expr:
    """CREATE TABLE t (a, b) AS SELECT …: names without types rename the query's columns."""
    schema = expression.this if isinstance(expression, exp.Create) else None
    query = expression.args.get("expression")
    if not (isinstance(schema, exp.Schema) and isinstance(query, exp.Query) and expression.args.get("kind") == "TABLE"):
        return expression
    if not schema.expressions or not all(isinstance(name, exp.Identifier) for name in schema.expressions):
        return expression
    inner = query.this if isinstance(query, exp.Subquery) and not query.alias else query
    alias = exp.TableAlias(this=exp.to_identifier("Q"), columns=[name.copy() for name in schema.expressions])
    expression.set("expression", exp.select("*").from_(exp.Subquery(this=inner.copy(), alias=alias)))
    expression.set("this", schema.this)
    return expression


def existing_containers(expression: Expr, context: Context) -> Expr:
    """Check that the schema exists in which something is created. Raises SqlError 002003."""
    target = expression.find(exp.Table) if isinstance(expression, exp.Create) else None
    if target is None or not target.db or not isinstance(target.this, exp.Identifier):
        return expression
    if context.database or all(table.catalog for table in expression.find_all(exp.Table)):  # else that is told first
        context.session.require_schema(SchemaName(*context.full_name(target)))
    return expression


def default_sequences(expression: Expr, context: Context) -> Expr:
    """Name in full the sequences that a new table's defaults use: rows are inserted from any current schema."""
    if isinstance(expression, exp.Create):
        for default in expression.find_all(exp.DefaultColumnConstraint):
            for column in default.find_all(exp.Column):
                if column.name.upper() == "NEXTVAL" and column.table:
                    parts = (column.args.get(part) for part in ("table", "db", "catalog"))
                    named = exp.Table(**dict(zip(("this", "db", "catalog"), parts, strict=True)))
                    for part, name in zip(("catalog", "db", "table"), context.full_name(named), strict=True):
                        column.set(part, exp.to_identifier(name, quoted=True))
    return expression


_MACROS = {"TYPEOF": "_sf_typeof"}


def function_names(expression: Expr, _: Context) -> Expr:
    """Rewrite functions that are macros of ours (functions.py) under another name."""

    def replace(node: Expr) -> Expr:
        name = str(node.this).upper() if isinstance(node, exp.Anonymous) else ""
        if isinstance(node, exp.Typeof):
            return exp.Anonymous(this="_fs_global.main._sf_typeof", expressions=[node.this])
        if name in _MACROS:
            return exp.Anonymous(this=f"_fs_global.main.{_MACROS[name]}", expressions=node.expressions)
        return node

    return replace_each(expression, replace)


def macros(expression: Expr, _: Context) -> Expr:
    """Return fakesnow's macros under their full name: a session without a current database has them too."""
    for call in expression.find_all(exp.Anonymous):
        name = str(call.this).lower()
        if name.startswith("_fs_") and "." not in name:
            call.set("this", f"_fs_global.main.{name}")
    return expression


_RESERVED_IN_DUCKDB_ONLY = frozenset(
    {
        "ANALYSE", "ANALYZE", "ASYMMETRIC", "AT", "DEFERRABLE", "DESC", "DESCRIBE", "DO", "END", "INITIALLY", "LAMBDA",
        "OFFSET", "ONLY", "PIVOT_LONGER", "PIVOT_WIDER", "PLACING", "REFERENCES", "RETURNING", "SHOW", "SUMMARIZE",
        "SYMMETRIC", "VARIADIC", "WINDOW",
    }
)  # fmt: skip


def reserved_words(expression: Expr, context: Context) -> Expr:
    """Quote column and table names that are free words in Snowflake and reserved in DuckDB.

    Such names are quoted.
    """
    del context
    for name in expression.find_all(exp.Identifier):
        if not name.args.get("quoted") and str(name.this).upper() in _RESERVED_IN_DUCKDB_ONLY:
            name.set("quoted", True)
    return expression


_SPLIT_MACROS = {
    "SPLIT_TO_TABLE": "_fs_global.main._sp_split_to_table",
    "STRTOK_SPLIT_TO_TABLE": "_fs_global.main._sp_strtok_split_to_table",
}


def split_tables(expression: Expr, _: Context) -> Expr:
    """Rewrite SPLIT_TO_TABLE and STRTOK_SPLIT_TO_TABLE, over the columns of what stands before them, as lateral table macros."""
    for node in list(expression.find_all(exp.Lateral, exp.TableFromRows)):
        call = node.this
        if isinstance(call, exp.SplitToTable):
            name, arguments = "SPLIT_TO_TABLE", [call.this, call.expression]
        elif isinstance(call, exp.Anonymous) and str(call.this).upper() in _SPLIT_MACROS:
            name, arguments = str(call.this).upper(), list(call.expressions)
        else:
            continue
        if name == "STRTOK_SPLIT_TO_TABLE" and len(arguments) == 1:
            arguments.append(exp.Literal.string(" "))
        called = exp.Anonymous(this=_SPLIT_MACROS[name], expressions=[argument.copy() for argument in arguments])
        alias = node.args.get("alias")
        node.replace(exp.Table(this=called, alias=alias.copy() if isinstance(alias, exp.TableAlias) else None))
    return expression
