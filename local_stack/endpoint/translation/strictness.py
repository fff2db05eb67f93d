"""Refuse what Snowflake refuses and DuckDB would accept, and what the stand-in cannot do and sqlglot would drop silently."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import Expr, exp

from local_stack.endpoint.errors import compilation_error, invalid_identifier, require_distinct
from local_stack.endpoint.language.names import stored
from local_stack.endpoint.statements import SqlError, unsupported
from local_stack.endpoint.translation.context import Context, replace_each

# Source: Snowflake's "Reserved & limited keywords": not usable as a column's name without quotes.
RESERVED = frozenset(
    [
        "ALL", "ALTER", "AND", "ANY", "AS", "BETWEEN", "BY", "CASE", "CAST", "CHECK", "COLUMN", "CONNECT",
        "CONSTRAINT", "CREATE", "CROSS", "CURRENT", "CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP",
        "CURRENT_USER", "DELETE", "DISTINCT", "DROP", "ELSE", "EXISTS", "FALSE", "FOLLOWING", "FOR", "FROM", "FULL",
        "GRANT", "GROUP", "HAVING", "ILIKE", "IN", "INCREMENT", "INNER", "INSERT", "INTERSECT", "INTO", "IS", "JOIN",
        "LATERAL", "LEFT", "LIKE", "LOCALTIME", "LOCALTIMESTAMP", "MINUS", "NATURAL", "NOT", "NULL", "OF", "ON", "OR",
        "ORDER", "QUALIFY", "REGEXP", "REVOKE", "RIGHT", "RLIKE", "ROW", "ROWS", "SAMPLE", "SELECT", "SET", "SOME",
        "START", "TABLE", "TABLESAMPLE", "THEN", "TO", "TRIGGER", "TRUE", "TRY_CAST", "UNION", "UNIQUE", "UPDATE",
        "USING", "VALUES", "WHEN", "WHENEVER", "WHERE", "WITH",
    ]
)  # fmt: skip
_REFUSED_PROPERTIES = {
    exp.DynamicProperty: "DYNAMIC TABLE",
    exp.IcebergProperty: "ICEBERG TABLE",
    exp.ExternalProperty: "EXTERNAL TABLE",
    exp.MaterializedProperty: "MATERIALIZED VIEW",
}
# Clauses of other databases that sqlglot's parser for Snowflake reads, by the argument that holds them and the word.
_CLAUSES = (
    (exp.DML, "returning", "RETURNING"),
    (exp.Insert, "conflict", "ON CONFLICT"),
)
_PLAIN = ("", "utf8", "bin")
_OF_SEQUENCES = ("NEXTVAL", "CURRVAL")
# What may not stand in INSERT … VALUES; INSERT … SELECT takes it.
_STRUCTURED = (exp.ParseJSON, exp.Array, exp.Struct, exp.ToVariant, exp.ToArray, exp.ObjectInsert)
_STRUCTURED_TYPES = {exp.DType.VARIANT, exp.DType.OBJECT, exp.DType.ARRAY}
_REFUSED_TYPES = {exp.DType.GEOGRAPHY, exp.DType.GEOMETRY, exp.DType.VECTOR, exp.DType.DECFLOAT}


def strictness(expression: Expr, _: Context) -> Expr:
    """Return the rewrite: it changes nothing, it raises SqlError."""
    if isinstance(expression, exp.Create):
        for kind, name in _REFUSED_PROPERTIES.items():
            if (properties := expression.args.get("properties")) and properties.find(kind):
                raise unsupported(f"CREATE {name}")
        if properties and properties.find(exp.PartitionedByProperty):
            raise _unexpected("PARTITION")
        _definition(expression)
    for statement, argument, word in _CLAUSES:
        if isinstance(expression, statement) and expression.args.get(argument):
            raise _unexpected(word)
    if expression.find(exp.HistoricalData):
        raise unsupported("time travel (AT | BEFORE)")
    if isinstance(expression, exp.Merge) and any(when.args.get("source") for when in expression.find_all(exp.When)):
        raise unsupported("WHEN NOT MATCHED BY SOURCE")
    if expression.find(exp.Filter):
        raise _unexpected("FILTER")
    if expression.find(exp.MatchRecognize):
        raise unsupported("MATCH_RECOGNIZE")
    if isinstance(expression, exp.Insert) and isinstance(expression.expression, exp.Values):
        _values(expression.expression)
    if isinstance(expression, exp.MultitableInserts):
        raise unsupported("multi-table INSERT")
    for grouping in expression.find_all(exp.Rollup, exp.Cube):
        if not grouping.expressions:
            raise _unexpected(")")
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


def _unexpected(word: str) -> SqlError:
    return compilation_error(f"syntax error unexpected '{word}'.", 1003, "42000")


def require_named_tables(expression: Expr) -> None:
    """Raise SqlError for a column of a table that the statement does not name: DuckDB would take `v.a` for the field a of v."""
    columns = [column for column in expression.find_all(exp.Column) if column.table]
    if not columns or not (isinstance(expression, exp.Query | exp.DML) or expression.find(exp.Query)):
        return
    tables = list(expression.find_all(exp.Table))
    if not all(isinstance(table.this, exp.Identifier) or table.alias for table in tables):
        return  # IDENTIFIER('t') and its like: the name is known later
    known = {table.name.upper() for table in tables}
    known |= {alias.name.upper() for alias in expression.find_all(exp.TableAlias)}
    for column in columns:
        if column.table.upper() not in known and column.name.upper() not in _OF_SEQUENCES:
            name = ".".join(stored(part) for part in column.parts if isinstance(part, exp.Identifier))
            raise invalid_identifier(name)


def collations(expression: Expr, _: Context) -> Expr:
    """Drop collations that compare byte by byte, as DuckDB does. Raises SqlError for any other."""

    def plain(node: Expr) -> Expr:
        if not isinstance(node, exp.Collate):
            return node
        require_plain(node.expression.name)
        return node.this if isinstance(node.this, Expr) else node

    return replace_each(expression, plain) if expression.find(exp.Collate) else expression


def require_plain(collation: str) -> None:
    """Raise SqlError for a collation that does not compare byte by byte.

    See: https://docs.snowflake.com/en/sql-reference/collation
    """
    if collation not in _PLAIN:
        raise unsupported(f"collation {collation}")


def _values(values: exp.Values) -> None:
    """Refuse values of semi-structured types where only constants and scalar expressions may stand."""
    for value in values.find_all(*_STRUCTURED, exp.Cast):
        if not isinstance(value, exp.Cast) or value.to.this in _STRUCTURED_TYPES:
            shown = value.sql(dialect="snowflake")
            raise compilation_error(f"Invalid expression [{shown}] in VALUES clause", 2014, "22000")


def _columns(query: exp.Query) -> list[Expr]:
    """Return the columns that a query names; those of its one subquery where it takes them all."""
    columns = list(query.selects)
    source = query.args.get("from_")
    inner = source.this if source is not None and not query.args.get("joins") else None
    if len(columns) == 1 and isinstance(columns[0], exp.Star) and isinstance(inner, exp.Subquery):
        return _columns(inner.this) if isinstance(inner.this, exp.Query) else columns
    return columns


def _definition(create: exp.Create) -> None:
    """Refuse what a view or a new table may not have."""
    if isinstance(create.this, exp.Schema):
        _different(create.this.expressions)
    query = create.expression
    if not isinstance(query, exp.Query):
        return
    if create.args.get("kind") == "VIEW" and query.find(exp.Placeholder):
        raise SqlError("SQL compilation error:\nBind variables not allowed in view and UDF definitions.", 2210, "42601")
    if not isinstance(create.this, exp.Schema):
        _different(_columns(query))


def _different(columns: Sequence[Expr]) -> None:
    """Raise SqlError where two columns of what is made have one name."""
    seen: set[str] = set()
    for column in columns:
        named = column.args.get("alias") if isinstance(column, exp.Alias) else column
        named = named.this if isinstance(named, exp.Column | exp.ColumnDef) else named
        if isinstance(named, exp.Identifier):
            if (name := stored(named)) in seen:
                raise SqlError(f"SQL compilation error:\nduplicate column name '{name}'", 2025, "42S21")
            require_distinct(name, seen)
            seen.add(name)
