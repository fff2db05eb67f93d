"""What Snowflake refuses and DuckDB would accept, and what the stand-in cannot do and sqlglot would drop silently."""

from __future__ import annotations

from sqlglot import Expr, exp

from local_stack.endpoint.rewrites.context import Context
from local_stack.endpoint.statements import SqlError, unsupported

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


def strictness(expression: Expr, _: Context) -> Expr:
    """The rewrite: it changes nothing, it raises SqlError."""
    if isinstance(expression, exp.Create):
        for kind, name in _REFUSED_PROPERTIES.items():
            if (properties := expression.args.get("properties")) and properties.find(kind):
                raise unsupported(f"CREATE {name}")
    if expression.find(exp.HistoricalData):
        raise unsupported("time travel (AT | BEFORE)")
    if isinstance(expression, exp.MultitableInserts):
        raise unsupported("multi-table INSERT")
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
