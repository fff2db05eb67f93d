"""Convert what INSERT, UPDATE and MERGE write to the types of their columns, where DuckDB would do it otherwise or not at all."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb
from sqlglot import Expr, exp

from local_stack.endpoint.language.names import SchemaName, stored
from local_stack.endpoint.language.quoting import quote_string
from local_stack.endpoint.translation.context import Context
from local_stack.endpoint.zoned import DUCKDB_TYPE

# What a value is converted to, by the type of its column.
_CONVERSIONS = {
    DUCKDB_TYPE: exp.DType.INTERVAL,
    "TIMESTAMP": exp.DType.TIMESTAMPNTZ,
    "TIMESTAMP WITH TIME ZONE": exp.DType.TIMESTAMPLTZ,
    "DATE": exp.DType.DATE,
    "TIME": exp.DType.TIME,
    "VARCHAR": exp.DType.TEXT,
    "JSON": exp.DType.VARIANT,
}
_TIMESTAMPS = {exp.DType.TIMESTAMPNTZ, exp.DType.TIMESTAMPLTZ}
_WITH_OFFSET = re.compile(r"\d{1,4}[-/]\d\d?[-/].*\d:\d\d.*[+-]\d{1,4}(:\d\d)?\s*$")


def convert_written(expression: Expr, context: Context, *, texts: bool) -> None:
    """Convert what a statement writes. texts: only text with an offset, of which DuckDB by itself reads fewer forms."""
    if not isinstance(expression, exp.Insert | exp.Update | exp.Merge) or (texts and not _has_offsets(expression)):
        return
    target = expression.this.this if isinstance(expression.this, exp.Schema) else expression.this
    if isinstance(target, exp.Table):
        place = context.session.physical_table(SchemaName(*context.full_name(target)))
        _Writing(column_types(place, context), texts).rewrite(expression)


def column_types(table: SchemaName, context: Context) -> dict[str, str]:
    """Return the types that DuckDB has for a table's columns; none for a table that does not exist."""
    session = context.session
    try:
        rows = session.duck.execute(f"PRAGMA table_info({quote_string(session.quoted(table))})").fetchall()
    except duckdb.CatalogException:
        return {}
    return {str(row[1]): str(row[2]) for row in rows}


def cast(value: Expr, kind: exp.DType) -> Expr:
    """Convert a value as Snowflake does, on its tree."""
    if kind == exp.DType.VARIANT:
        return exp.ToVariant(this=value.copy())
    return exp.Cast(this=value.copy(), to=exp.DataType(this=kind))


def _has_offsets(expression: Expr) -> bool:
    return any(_is_text_with_offset(literal) for literal in expression.find_all(exp.Literal))


def _is_text_with_offset(value: Expr) -> bool:
    return isinstance(value, exp.Literal) and value.is_string and _WITH_OFFSET.match(value.name) is not None


@dataclass(frozen=True)
class _Writing:
    """Convert what a statement writes. types: DuckDB's, by column. texts: only texts with an offset are converted."""

    types: Mapping[str, str]
    texts: bool

    def rewrite(self, expression: Expr) -> None:
        match expression:
            case exp.Insert():
                self._insert(expression)
            case exp.Update():
                self._assign(expression.expressions)
            case exp.Merge():
                for when in expression.args["whens"].expressions:
                    then = when.args.get("then")
                    if isinstance(then, exp.Update):
                        self._assign(then.expressions)
                    elif isinstance(then, exp.Insert) and isinstance(then.expression, exp.Tuple):
                        named = then.this.expressions if isinstance(then.this, exp.Tuple) else []
                        self._convert(then.expression.expressions, named)

    def _insert(self, insert: exp.Insert) -> None:
        named = insert.this.expressions if isinstance(insert.this, exp.Schema) else []
        query = insert.expression
        if isinstance(query, exp.Values):
            for row in query.expressions:
                self._convert(row.expressions if isinstance(row, exp.Tuple) else [row], named)
        elif isinstance(query, exp.Select) and self.texts:
            self._convert(query.expressions, named)
        elif isinstance(query, exp.Query) and not self.texts:
            insert.set("expression", _around(query, len(named) or len(self.types)))
            self._convert(insert.expression.expressions, named)

    def _assign(self, assignments: Sequence[Expr]) -> None:
        for one in assignments:
            if isinstance(one, exp.EQ) and isinstance(one.this, exp.Column):
                self._convert([one.expression], [one.this])

    def _convert(self, values: Sequence[Expr], columns: Sequence[Expr]) -> None:
        """Cast values to the types of columns, of all columns of the table where none is named."""
        names = [stored(column if isinstance(column, exp.Identifier) else column.this) for column in columns]
        for given, name in zip(values, names or self.types, strict=False):
            kind, value = _CONVERSIONS.get(self.types.get(name, "")), given.unalias()
            if kind is not None and self._is_converted(value, kind):
                value.replace(cast(value, kind))

    def _is_converted(self, value: Expr, kind: exp.DType) -> bool:
        if self.texts:
            return kind in _TIMESTAMPS and _is_text_with_offset(value)
        is_default = isinstance(value, exp.Var | exp.Column) and value.name.upper() == "DEFAULT"
        return not (isinstance(value, exp.Null) or is_default)


def _around(query: exp.Query, width: int) -> exp.Select:
    """Select the columns of a query by position."""
    names = [f"_{position}" for position in range(1, width + 1)]
    alias = exp.TableAlias(
        this=exp.to_identifier("_query"), columns=[exp.to_identifier(name, quoted=True) for name in names]
    )
    inner = query.unnest() if isinstance(query, exp.Subquery) else query
    source = exp.Subquery(this=inner.copy(), alias=alias)
    return exp.select(*(exp.column(name, quoted=True) for name in names)).from_(source)
