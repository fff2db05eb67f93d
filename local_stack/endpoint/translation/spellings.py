"""Refuse names that a table or a column has in another case only: `"name"` is not NAME, which DuckDB does not tell apart.

Where the columns of a source cannot be told, DuckDB decides.
See: https://docs.snowflake.com/en/sql-reference/identifiers-syntax (double-quoted identifiers)
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import Expr, exp

from local_stack.endpoint.errors import compilation_error, invalid_identifier, missing_object
from local_stack.endpoint.language.names import SchemaName, stored
from local_stack.endpoint.language.quoting import quote_name
from local_stack.endpoint.session import Session
from local_stack.endpoint.translation.context import Context
from local_stack.endpoint.translation.result_columns import Scope, scopes

_ATTRIBUTE = "spellings"


def spellings(expression: Expr, context: Context) -> Expr:
    """Return the rewrite, which changes nothing. Raises SqlError 002003 or 000904.

    Runs before other queries take the place of functions and of Snowflake's own views.
    """
    root = expression.expression if isinstance(expression, exp.Create) else expression
    if not isinstance(root, exp.Query | exp.DML | exp.TruncateTable):
        return expression
    tables = list(_tables(root))
    for table in tables:
        _require_spelled(table, context)
    if isinstance(root, exp.Insert) and isinstance(root.this, exp.Schema):
        _require_listed(root.this, context)
    if _may_differ(root, tables, context):
        read = root.expression if isinstance(root, exp.Insert) else root
        found = list(scopes(read, context.columns)) if isinstance(read, Expr) else []
        known = {column.name for scope in found for _, columns in scope.sources for column in columns or ()}
        for scope in found:
            _require_columns(scope, known)
            _require_one(scope)
    return expression


def result_spellings(expression: Expr, context: Context) -> Expr:
    """Check a statement again once the result that it scans has columns: those of SHOW are in small letters."""
    scans = any(table.name.startswith("_result_") for table in expression.find_all(exp.Table))
    return spellings(expression, context) if scans else expression


def _tables(root: Expr) -> Iterator[exp.Table]:
    """Yield what is read or written by name, the queries of WITH aside."""
    named = {stored(query.args["alias"].this) for query in root.find_all(exp.CTE)}
    for table in root.find_all(exp.Table):
        if isinstance(table.this, exp.Identifier) and (table.db or stored(table.this) not in named):
            yield table


def _require_spelled(table: exp.Table, context: Context) -> None:
    name = SchemaName(*context.full_name(table))
    is_temporary = (name.database, name.schema, name.name) in context.session.temporary_tables
    if not is_temporary and _misspelled(name, context.session):
        raise missing_object("Object", ".".join(quote_name(stored(part)) for part in table.parts))


def _misspelled(name: SchemaName, session: Session) -> bool:
    """Return whether a table has a name in another case only, looked up once until something is defined."""
    definitions = session.engine.locks.definitions
    since, found = session.attributes.get(_ATTRIBUTE, (None, {}))
    if since != definitions:
        found = {}
        session.attributes[_ATTRIBUTE] = definitions, found
    if name not in found:
        found[name] = session.misspelled(name)
    return bool(found[name])


def _require_listed(target: exp.Schema, context: Context) -> None:
    """Check the columns that an INSERT names."""
    columns = context.columns(target.this) if isinstance(target.this, exp.Table) else None
    for listed in target.expressions:
        if isinstance(listed, exp.Identifier):
            _require(stored(listed), [column.name for column in columns or ()])


def _may_differ(root: Expr, tables: list[exp.Table], context: Context) -> bool:
    """Return whether a name in the statement, or a column of its tables, is not in capitals, or a subquery has one twice."""
    for query in root.find_all(exp.Select):
        names = [one.alias_or_name.upper() for one in query.selects if query.parent is not None]
        if len(set(names)) < len(names):
            return True
    if any(name.quoted and name.name != name.name.upper() for name in root.find_all(exp.Identifier)):
        return True
    return any(column.name != column.name.upper() for table in tables for column in context.columns(table) or ())


def _require_columns(scope: Scope, known: set[str]) -> None:
    given = {stored(one.args["alias"]) for one in scope.select.selects if isinstance(one, exp.Alias)}
    for column in scope.nodes(exp.Column):
        name, table = stored(column.this), stored(column.args.get("table"))
        if not isinstance(column.this, exp.Identifier) or (not table and name in given | known):
            continue
        sources = [columns for source, columns in scope.sources if table in ("", source)]
        if None not in sources:
            _require(name, [one.name for columns in sources for one in columns or ()])


def _require_one(scope: Scope) -> None:
    """Raise SqlError 002028 where a subquery has two columns of a name that is used."""
    for column in scope.nodes(exp.Column):
        name, table = stored(column.this), stored(column.args.get("table"))
        for source, columns in scope.sources:
            if table in ("", source) and [one.name for one in columns or ()].count(name) > 1:
                raise compilation_error(f"ambiguous column name '{name}'", 2028, "42601")


def _require(name: str, columns: list[str]) -> None:
    """Raise SqlError where the columns have a name in another case only."""
    if name not in columns and name.casefold() in map(str.casefold, columns):
        raise invalid_identifier(quote_name(name))
