"""Tell columns apart in a query whose names differ only in case: `"Name"` and NAME are one name to DuckDB.

All spellings but one get an invisible mark while DuckDB works on the query. A table that has a marked column gives it
under the marked name, and the result has the names without the mark. What is stored cannot be told apart so.
See: https://docs.snowflake.com/en/sql-reference/identifiers-syntax (double-quoted identifiers)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import duckdb
import pyarrow as pa
from sqlglot import Expr, exp

from local_stack.endpoint.language.names import SchemaName
from local_stack.endpoint.language.quoting import quote_string
from local_stack.endpoint.outcome import Outcome
from local_stack.endpoint.translation.context import Context, put_query

_MARK = "\u2060"


def cases(expression: Expr, context: Context) -> Expr:
    """Mark the columns. Runs after fakesnow's transforms, when every name is as it is stored."""
    query = expression.expression if isinstance(expression, exp.Create | exp.Insert) else expression
    if not isinstance(query, exp.Query):
        return expression
    marked = _marked(query)
    if not marked or (query is not expression and query.is_star):
        return expression
    for table in list(query.find_all(exp.Table)):
        held = {name: marked[name] for name in _columns(table, context) if name in marked}
        if held:
            _give_marked(table, held)
    for name in _names(query):
        if name.this in marked and not name.meta.get("stored"):
            name.set("this", marked[name.this])
    if query is not expression:
        for projection in query.selects:
            _keep_name(projection)
    return expression


def _keep_name(projection: Expr) -> None:
    """Give a column of what is written its own name."""
    name = projection.alias_or_name
    if name.endswith(_MARK):
        value = projection.this if isinstance(projection, exp.Alias) else projection
        projection.replace(exp.alias_(value.copy(), name.rstrip(_MARK), quoted=True))


def unmarked(outcome: Outcome) -> Outcome:
    """Return a result whose columns have their own names."""
    if not any(column.name.endswith(_MARK) for column in outcome.columns):
        return outcome
    columns = tuple(replace(column, name=column.name.rstrip(_MARK)) for column in outcome.columns)
    names = [column.name for column in columns]
    return replace(outcome, columns=columns, table=pa.Table.from_arrays(outcome.table.columns, names=names))


def _marked(expression: Expr) -> dict[str, str]:
    """Return marked spellings: of names that differ only in case, the second gets one mark, the third two, and so on."""
    spellings: dict[str, set[str]] = {}
    for name in _names(expression):
        spellings.setdefault(name.this.casefold(), set()).add(name.this)
    ordered = [sorted(found) for found in spellings.values()]
    return {spelling: spelling + _MARK * marks for found in ordered for marks, spelling in enumerate(found) if marks}


def _names(expression: Expr) -> Iterator[exp.Identifier]:
    """Yield the names of columns, where they are used and where they are given."""
    for name in expression.find_all(exp.Identifier):
        above, part = name.parent, name.arg_key
        if isinstance(above, exp.Column | exp.ColumnDef) and part != "this":
            continue
        if isinstance(above, exp.TableAlias) and part != "columns":
            continue
        if isinstance(above, exp.Table | exp.Dot | exp.Lambda):
            continue
        yield name


def _columns(table: exp.Table, context: Context) -> list[str]:
    if not isinstance(table.this, exp.Identifier):
        return []
    name = SchemaName(*context.full_name(table))
    try:
        found = context.session.duck.execute(f"PRAGMA table_info({quote_string(context.session.quoted(name))})")
    except duckdb.Error:  # a query of a WITH
        return []
    return [str(row[1]) for row in found.fetchall()]


def _give_marked(table: exp.Table, held: Mapping[str, str]) -> None:
    """Put a query in the place of a table, which gives its columns under their marked names."""
    source = exp.Table(**{part: table.args.get(part) for part in ("this", "db", "catalog")})
    renamed = []
    for name, marked in held.items():
        column = exp.to_identifier(name, quoted=True)
        column.meta["stored"] = True
        renamed.append(exp.alias_(exp.Column(this=column), marked, quoted=True))
    query = exp.Select(expressions=[exp.Star(rename=renamed)]).from_(source.copy())
    if not table.args.get("alias"):
        table.set("alias", exp.TableAlias(this=table.this.copy()))
    put_query(table, query)
