"""Which columns of a query are ARRAY or OBJECT: DuckDB has one type, JSON, for both and for VARIANT.

Read off the query, down to casts, functions, and the declared columns of tables; what cannot be told is a VARIANT.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from sqlglot import Expr, exp

from local_stack.endpoint.language.types import Kind
from local_stack.endpoint.outcome import Outcome

TableColumns = Callable[[exp.Table], Mapping[str, Kind]]
# (name as stored, kind) for each column in order; for all columns of a table only those of a kind, by name; None where the
# columns cannot be told.
Columns = list[tuple[str, Kind | None]] | dict[str, Kind | None] | None

_TYPES: dict[exp.DType, Kind] = {
    exp.DType.ARRAY: "ARRAY",
    exp.DType.LIST: "ARRAY",
    exp.DType.OBJECT: "OBJECT",
    exp.DType.MAP: "OBJECT",
    exp.DType.STRUCT: "OBJECT",
}
# Functions by sqlglot's class, or by name where it has none.
_ARRAYS = {
    "Array", "ArrayAgg", "ArrayAppend", "ArrayCompact", "ArrayConcat", "ArrayDistinct", "ArrayPrepend", "ArraySlice",
    "Split", "ToArray", "STRTOK_TO_ARRAY",
}  # fmt: skip
_OBJECTS = {
    "JSONObject", "JSONObjectAgg", "ObjectAgg", "Struct", "TO_OBJECT", "OBJECT_CONSTRUCT", "OBJECT_CONSTRUCT_KEEP_NULL",
    "OBJECT_DELETE", "OBJECT_INSERT", "OBJECT_PICK",
}  # fmt: skip


def with_kinds(outcome: Outcome, expression: Expr, of_table: TableColumns) -> Outcome:
    """The outcome of a query with its VARIANT columns described as ARRAY or OBJECT where they are."""
    if not isinstance(expression, exp.Query) or all(column.type != "VARIANT" for column in outcome.columns):
        return outcome
    found = columns_of_query(expression, of_table)
    if isinstance(found, dict):
        kinds = [found.get(column.name) for column in outcome.columns]
    else:
        kinds = [kind for _, kind in found or ()]
    if len(kinds) != len(outcome.columns):
        return outcome
    described = tuple(
        replace(column, type=kind) if kind and column.type == "VARIANT" else column
        for column, kind in zip(outcome.columns, kinds, strict=True)
    )
    return replace(outcome, columns=described)


def declared(kind: exp.DataType | None) -> Kind | None:
    """ARRAY or OBJECT if that is what a column or cast declares."""
    return _TYPES.get(kind.this) if isinstance(kind, exp.DataType) else None


def columns_of_query(query: Expr, of_table: TableColumns) -> Columns:
    """The columns of a query."""
    if isinstance(query, exp.Subquery):
        return columns_of_query(query.this, of_table)
    if isinstance(query, exp.SetOperation):
        return columns_of_query(query.left, of_table)
    if not isinstance(query, exp.Select) or query.args.get("with_"):
        return None
    source = _source(query, of_table)
    found: list[tuple[str, Kind | None]] = []
    if len(query.expressions) == 1 and isinstance(query.expressions[0], exp.Star):
        return source
    for projection in query.expressions:
        if isinstance(projection, exp.Star):
            if source is None or isinstance(source, dict):
                return None
            found += source
        else:
            named = dict(source) if source is not None else {}
            found.append((_stored(projection), _kind(projection, named)))
    return found


def _source(select: exp.Select, of_table: TableColumns) -> Columns:
    """The columns of the one source that the query reads."""
    clause = select.args.get("from_")
    if clause is None or select.args.get("joins") or select.args.get("laterals"):
        return None
    if isinstance(clause.this, exp.Table) and isinstance(clause.this.this, exp.Identifier):
        return dict(of_table(clause.this))
    return columns_of_query(clause.this, of_table) if isinstance(clause.this, exp.Subquery) else None


def _kind(projection: Expr, source: Mapping[str, Kind | None]) -> Kind | None:
    value = projection.unalias()
    while isinstance(value, exp.Paren):
        value = value.this
    if isinstance(value, exp.Cast):
        return declared(value.to)
    if isinstance(value, exp.Column):
        return source.get(_stored(value))
    name = str(value.this).upper() if isinstance(value, exp.Anonymous) else type(value).__name__
    return "ARRAY" if name in _ARRAYS else "OBJECT" if name in _OBJECTS else None


def _stored(projection: Expr) -> str:
    named = projection.args.get("alias") if isinstance(projection, exp.Alias) else projection.this
    if not isinstance(named, exp.Identifier):
        return ""
    return str(named.this) if named.quoted else str(named.this).upper()


def columns_of_create(create: exp.Create, of_table: TableColumns) -> dict[str, Kind]:
    """The ARRAY and OBJECT columns of a table that CREATE TABLE makes."""
    if isinstance(create.this, exp.Schema):
        named = [
            (_stored(c), declared(c.args.get("kind"))) for c in create.this.expressions if isinstance(c, exp.ColumnDef)
        ]
    elif isinstance(create.expression, exp.Query):
        found = columns_of_query(create.expression, of_table) or []
        named = list(found.items()) if isinstance(found, dict) else found
    else:
        named = []
    return {name: kind for name, kind in named if kind is not None}
