"""Refuse what Snowflake refuses and DuckDB would accept, and what the stand-in cannot do and sqlglot would drop silently."""

from __future__ import annotations

from sqlglot import Expr, exp

from local_stack.endpoint.statements import SqlError, unsupported
from local_stack.endpoint.translation.context import Context

# Source: Snowflake's "Reserved & limited keywords": not usable as a column's name without quotes.
RESERVED = frozenset(
    [
        "ALL",
        "ALTER",
        "AND",
        "ANY",
        "AS",
        "BETWEEN",
        "BY",
        "CASE",
        "CAST",
        "CHECK",
        "COLUMN",
        "CONNECT",
        "CONSTRAINT",
        "CREATE",
        "CROSS",
        "CURRENT",
        "CURRENT_DATE",
        "CURRENT_TIME",
        "CURRENT_TIMESTAMP",
        "CURRENT_USER",
        "DELETE",
        "DISTINCT",
        "DROP",
        "ELSE",
        "EXISTS",
        "FALSE",
        "FOLLOWING",
        "FOR",
        "FROM",
        "FULL",
        "GRANT",
        "GROUP",
        "HAVING",
        "ILIKE",
        "IN",
        "INCREMENT",
        "INNER",
        "INSERT",
        "INTERSECT",
        "INTO",
        "IS",
        "JOIN",
        "LATERAL",
        "LEFT",
        "LIKE",
        "LOCALTIME",
        "LOCALTIMESTAMP",
        "MINUS",
        "NATURAL",
        "NOT",
        "NULL",
        "OF",
        "ON",
        "OR",
        "ORDER",
        "QUALIFY",
        "REGEXP",
        "REVOKE",
        "RIGHT",
        "RLIKE",
        "ROW",
        "ROWS",
        "SAMPLE",
        "SELECT",
        "SET",
        "SOME",
        "START",
        "TABLE",
        "TABLESAMPLE",
        "THEN",
        "TO",
        "TRIGGER",
        "TRUE",
        "TRY_CAST",
        "UNION",
        "UNIQUE",
        "UPDATE",
        "USING",
        "VALUES",
        "WHEN",
        "WHENEVER",
        "WHERE",
        "WITH",
    ]
)
_REFUSED_PROPERTIES = {
    exp.DynamicProperty: "DYNAMIC TABLE",
    exp.IcebergProperty: "ICEBERG TABLE",
    exp.ExternalProperty: "EXTERNAL TABLE",
    exp.MaterializedProperty: "MATERIALIZED VIEW",
}
_REFUSED_TYPES = {exp.DataType.Type.GEOGRAPHY, exp.DataType.Type.GEOMETRY}


def strictness(expression: Expr, _: Context) -> Expr:
    """Return the rewrite: it changes nothing, it raises SqlError."""
    if isinstance(expression, exp.Create):
        for kind, name in _REFUSED_PROPERTIES.items():
            if (properties := expression.args.get("properties")) and properties.find(kind):
                raise unsupported(f"CREATE {name}")
        _definition(expression)
    if expression.find(exp.HistoricalData):
        raise unsupported("time travel (AT | BEFORE)")
    if isinstance(expression, exp.MultitableInserts):
        raise unsupported("multi-table INSERT")
    for grouping in expression.find_all(exp.Rollup, exp.Cube):
        if not grouping.expressions:
            raise SqlError("SQL compilation error:\nsyntax error unexpected ')'.", 1003, "42000")
    for data_type in expression.find_all(exp.DataType):
        if data_type.this in _REFUSED_TYPES:
            raise unsupported(f"type {data_type.this.value}")
    for node in expression.find_all(exp.ColumnDef, exp.Alias):
        identifier = node.this if isinstance(node, exp.ColumnDef) else node.args.get("alias")
        if (
            isinstance(identifier, exp.Identifier)
            and not identifier.quoted
            and str(identifier.this).upper() in RESERVED
        ):
            raise SqlError(
                f"SQL compilation error:\nsyntax error unexpected '{identifier.this}' (a reserved word).", 1003, "42000"
            )
    return expression


def _columns(query: exp.Query) -> list[Expr]:
    """Return the columns that a query names; those of its one subquery where it takes them all."""
    columns = list(query.selects)
    source = query.args.get("from_")
    inner = source.this if source is not None and not query.args.get("joins") else None
    if len(columns) == 1 and isinstance(columns[0], exp.Star) and isinstance(inner, exp.Subquery):
        return _columns(inner.this) if isinstance(inner.this, exp.Query) else columns
    return columns


def _definition(create: exp.Create) -> None:
    """Refuse what a view's or a new table's query may not have."""
    query = create.expression
    if not isinstance(query, exp.Query):
        return
    if create.args.get("kind") == "VIEW" and query.find(exp.Placeholder):
        raise SqlError("SQL compilation error:\nBind variables not allowed in view and UDF definitions.", 2210, "42601")
    if isinstance(create.this, exp.Schema):
        return
    seen: set[str] = set()
    for column in _columns(query):
        named = column.args.get("alias") if isinstance(column, exp.Alias) else column.this
        if not isinstance(named, exp.Identifier):
            continue
        name = str(named.this) if named.quoted else str(named.this).upper()
        if name in seen:
            raise SqlError(f"SQL compilation error:\nduplicate column name '{name}'", 2025, "42S21")
        seen.add(name)
