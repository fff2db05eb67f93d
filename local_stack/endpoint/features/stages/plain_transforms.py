"""Read COPY transformations that take columns of Parquet files as they are.

`SELECT $1:name::STRING, 'constant', METADATA$FILENAME FROM @stage` says for each column of the table which column of the file
it gets. Such a transformation loads like MATCH_BY_COLUMN_NAME, many files in one query; any other one runs as a query
over each file, whose rows are values of type VARIANT. Both give the same rows. See:
https://docs.snowflake.com/en/user-guide/data-load-transform
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlglot
from sqlglot import Expr, exp

from local_stack.endpoint.features.stages.columns import Match, TargetColumn
from local_stack.endpoint.language.quoting import literal

# By the type of a cast: the DuckDB types of the file's columns that become it as they do by name.
_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
_SOURCES = {
    "VARCHAR": ("VARCHAR",),
    "TIMESTAMP": ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE"),
    "BOOLEAN": ("BOOLEAN",),
    "DATE": ("DATE",),
    "DECIMAL": (*_WHOLE, "DECIMAL"),
    "HUGEINT": (*_WHOLE, "HUGEINT", "DECIMAL"),  # NUMBER(38, 0)
}
_TARGETS = {
    exp.DType.TEXT: "VARCHAR",
    exp.DType.VARCHAR: "VARCHAR",
    exp.DType.TIMESTAMPNTZ: "TIMESTAMP",
    exp.DType.BOOLEAN: "BOOLEAN",
    exp.DType.DATE: "DATE",
}


@dataclass(frozen=True)
class Taken:
    """What one column of the table gets: a column of the file, of one of the sources' types, or a value of its own."""

    target: TargetColumn
    column: str | None = None
    sources: tuple[str, ...] = ()
    constant: str | None = None
    metadata: str | None = None


def plain_transformation(query: str, targets: Sequence[TargetColumn]) -> list[Taken] | None:
    """Return what each column gets, or None where the query says more than that."""
    select = sqlglot.parse_one(query, read="snowflake")
    if not isinstance(select, exp.Select) or {name for name, value in select.args.items() if value} != {
        "expressions",
        "from_",
    }:
        return None
    if len(select.expressions) != len(targets):
        return None
    taken = [_taken(expression, target) for expression, target in zip(select.expressions, targets, strict=True)]
    return [each for each in taken if each is not None] if None not in taken else None


def matches_of(
    taken: Sequence[Taken], columns: Sequence[tuple[str, str]], metadata: Mapping[str, str]
) -> list[Match] | None:
    """Return where the columns of the table come from in a file with these columns, or None where a type is another one.

    metadata: the expressions of METADATA$ columns by name.
    """
    types = dict(columns)
    found = []
    for each in taken:
        if each.constant is not None or each.metadata is not None:
            value = each.constant if each.metadata is None else metadata[each.metadata]
            found.append(Match(each.target, expression=value))
        elif each.column not in types:
            found.append(Match(each.target))
        elif types[each.column].partition("(")[0] in each.sources:
            found.append(Match(each.target, each.column, types[each.column]))
        else:
            return None
    return found


def _taken(expression: Expr, target: TargetColumn) -> Taken | None:
    inner, casts = expression.unalias(), list[exp.DataType]()
    while isinstance(inner, exp.Cast) and not isinstance(inner, exp.TryCast):
        casts.insert(0, inner.to)
        inner = inner.this
    if isinstance(inner, exp.Literal) and inner.is_string and not casts and target.type == "VARCHAR":
        return Taken(target, constant=literal(inner.this))
    if isinstance(inner, exp.Column) and inner.name.upper() in ("METADATA$FILENAME", "METADATA$START_SCAN_TIME"):
        wanted = "VARCHAR" if inner.name.upper() == "METADATA$FILENAME" else "TIMESTAMP"
        fits = target.type == wanted and [_type(cast) for cast in casts] in ([], [wanted])
        return Taken(target, metadata=inner.name.upper()) if fits else None
    column = _column(inner)
    if column is None or not casts:
        return None
    kind = _type(casts[0])
    if kind is None or not ((kind == target.type and len(casts) == 1) or _is_text_in_variant(casts, kind, target)):
        return None
    return Taken(target, column, _SOURCES[kind.partition("(")[0]])


def _is_text_in_variant(casts: Sequence[exp.DataType], kind: str, target: TargetColumn) -> bool:
    variant = [cast.this for cast in casts[1:]] == [exp.DType.VARIANT]
    return kind == "VARCHAR" and target.type == "JSON" and variant


def _column(expression: Expr) -> str | None:
    """Return the name in `$1:name`."""
    if not isinstance(expression, exp.JSONExtract) or not isinstance(expression.this, exp.Parameter):
        return None
    path = expression.expression
    parts = path.expressions if isinstance(path, exp.JSONPath) else []
    if expression.this.name != "1" or len(parts) != 2 or not isinstance(parts[1], exp.JSONPathKey):
        return None
    return str(parts[1].this)


def _type(cast: exp.DataType) -> str | None:
    """Return a type as DuckDB names it, of those that are taken as they are."""
    if cast.this == exp.DType.DECIMAL and len(cast.expressions) == 2:
        precision, scale = (size.name for size in cast.expressions)
        return "HUGEINT" if (precision, scale) == ("38", "0") else f"DECIMAL({precision},{scale})"
    return _TARGETS.get(cast.this) if not cast.expressions else None
