"""Convert what INSERT, UPDATE and MERGE write to the types of its columns, where DuckDB does it otherwise or not at all.

A VARIANT becomes text without quotes, a time becomes text in its output format, text becomes a time by the input format, and
in a VARIANT a value keeps its type. What Snowflake does not convert by itself is refused.
See: https://docs.snowflake.com/en/sql-reference/data-type-conversion
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlglot import Expr, exp

from local_stack.endpoint.errors import compilation_error
from local_stack.endpoint.language.names import stored
from local_stack.endpoint.outcome import MAX_TEXT
from local_stack.endpoint.statements import SqlError
from local_stack.endpoint.translation.coercions import detected
from local_stack.endpoint.translation.context import Context
from local_stack.endpoint.translation.known_columns import Known
from local_stack.endpoint.translation.result_columns import columns_of_query, scopes
from local_stack.endpoint.translation.type_names import constant_type
from local_stack.endpoint.translation.value_types import ARRAY, FLOAT, LENGTH, NUMBER, OBJECT, TEXT, VARIANT, type_of

_TIMES = ("DATE", "TIME", "TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ")
_SHOWN = {TEXT: f"VARCHAR({MAX_TEXT})", NUMBER: "NUMBER(38,0)", **{name: f"{name}(9)" for name in _TIMES[1:]}}
# What a column of a type takes no value of.
_REFUSED = {
    **dict.fromkeys(_TIMES, (NUMBER, FLOAT, "BOOLEAN", ARRAY, OBJECT)),
    **dict.fromkeys((NUMBER, FLOAT, "BOOLEAN"), (*_TIMES, ARRAY, OBJECT, "BINARY")),
    VARIANT: (TEXT,),
    ARRAY: (TEXT, NUMBER, FLOAT, "BOOLEAN", *_TIMES, OBJECT),
    OBJECT: (TEXT, NUMBER, FLOAT, "BOOLEAN", *_TIMES, ARRAY),
}
# What DuckDB writes to text and to a VARIANT as Snowflake does: a value of another type, or of an unknown one, is cast.
_ALIKE = {TEXT: (TEXT, NUMBER, "BOOLEAN"), VARIANT: (VARIANT, ARRAY, OBJECT)}
# What is cast to the other types.
_CAST = {NUMBER: (FLOAT, VARIANT), "BINARY": (TEXT, VARIANT), **dict.fromkeys(_TIMES, (TEXT, VARIANT))}


def written(expression: Expr, context: Context) -> Expr:
    """Return the rewrite, on Snowflake's tree. Raises SqlError 002023 for a value that its column does not take."""
    if not isinstance(expression, exp.Insert | exp.Update | exp.Merge):
        return expression
    target = expression.this.this if isinstance(expression.this, exp.Schema) else expression.this
    columns = context.columns(target) if isinstance(target, exp.Table) else None
    if columns:
        _Writing(columns, context).rewrite(expression)
    return expression


@dataclass(frozen=True)
class _Value:
    """Hold a value that is written. kind: its type, None where it cannot be told; shown: as an error tells it."""

    kind: str | None
    shown: str = ""


class _Writing:
    """Convert what one statement writes. columns: the target's, in order."""

    def __init__(self, columns: Sequence[Known], context: Context) -> None:
        self._columns, self._context = columns, context

    def rewrite(self, expression: exp.Insert | exp.Update | exp.Merge) -> None:
        match expression:
            case exp.Insert():
                self._insert(expression)
            case exp.Update():
                self._assign(expression.expressions, self._reader(expression))
            case exp.Merge():
                of = self._reader(expression)
                for when in expression.args["whens"].expressions:
                    then = when.args.get("then")
                    if isinstance(then, exp.Update):
                        self._assign(then.expressions, of)
                    elif isinstance(then, exp.Insert) and isinstance(then.expression, exp.Tuple):
                        named = then.this.expressions if isinstance(then.this, exp.Tuple) else []
                        self._convert(then.expression.expressions, named, of)

    def _reader(self, change: Expr) -> Callable[[Expr], _Value]:
        """Return what tells the type of a value that UPDATE and MERGE write."""
        *_, scope = scopes(change, self._context.columns)

        def of(value: Expr) -> _Value:
            return _Value(scope.type_of(value), scope.exact(value) or "")

        return of

    def _insert(self, insert: exp.Insert) -> None:
        named = insert.this.expressions if isinstance(insert.this, exp.Schema) else []
        query = insert.expression
        if isinstance(query, exp.Values):
            for row in query.expressions:
                cells = row.expressions if isinstance(row, exp.Tuple) else [row.unnest()]
                self._convert(cells, named, lambda cell: _Value(type_of(cell, lambda _: None)))
        elif isinstance(query, exp.Query):
            found = columns_of_query(query, self._context.columns)
            if found is not None and self._differ(found, named):
                names = [f"_{position}" for position in range(1, len(found) + 1)]
                insert.set("expression", _around(query, names))
                kinds = {
                    name: _Value(one.type, one.exact or (f"VARCHAR({one.length})" if one.length else ""))
                    for name, one in zip(names, found, strict=True)
                }
                self._convert(insert.expression.expressions, named, lambda column: kinds[column.name])

    def _differ(self, found: Sequence[Known], named: Sequence[Expr]) -> bool:
        targets = self._targets(named)
        return len(found) == len(targets) and any(
            _conversion(one.type, target) is not None or _is_refused(one.type, target)
            for one, target in zip(found, targets, strict=True)
            if target is not None
        )

    def _assign(self, assignments: Sequence[Expr], of: Callable[[Expr], _Value]) -> None:
        for one in assignments:
            if isinstance(one, exp.EQ) and isinstance(one.this, exp.Column):
                self._convert([one.expression], [one.this], of)

    def _convert(self, values: Sequence[Expr], named: Sequence[Expr], of: Callable[[Expr], _Value]) -> None:
        """Cast values to the types of columns, of all columns of the table where none is named."""
        for given, target in zip(list(values), self._targets(named), strict=False):
            value = given.unalias()
            if target is None or _is_default(value):
                continue
            known = of(value)
            if _is_refused(known.kind, target):
                raise _mismatch(value, known, target)
            if (kind := _conversion(known.kind, target)) is not None:
                text = detected(value, self._context, kind) if kind in _TIMES and known.kind == TEXT else value
                value.replace(_cast(text, kind))

    def _targets(self, named: Sequence[Expr]) -> list[Known | None]:
        if not named:
            return list(self._columns)
        by_name = {column.name: column for column in self._columns}
        return [by_name.get(stored(one if isinstance(one, exp.Identifier) else one.this)) for one in named]


def _is_refused(kind: str | None, target: Known) -> bool:
    return kind is not None and kind in _REFUSED.get(target.type or "", ())


def _conversion(kind: str | None, target: Known) -> str | None:
    """Return what a value of a type is cast to before it is written; None where DuckDB converts it alike."""
    wanted = target.type
    if wanted is None or kind == wanted:
        return None
    is_cast = kind not in _ALIKE[wanted] if wanted in _ALIKE else kind in _CAST.get(wanted, ())
    return (target.exact if wanted == NUMBER else wanted) if is_cast else None


def _cast(value: Expr, kind: str) -> Expr:
    if kind == VARIANT:
        return exp.ToVariant(this=value.copy())
    return exp.Cast(this=value.copy(), to=exp.DataType.build(kind, dialect="snowflake"))


def _is_default(value: Expr) -> bool:
    return isinstance(value, exp.Null) or (isinstance(value, exp.Var | exp.Column) and value.name.upper() == "DEFAULT")


def _mismatch(value: Expr, known: _Value, target: Known) -> SqlError:
    kind = known.kind or ""
    bound = f"VARCHAR({value.meta[LENGTH]})" if kind == TEXT and LENGTH in value.meta else ""
    got = constant_type(value) or bound or known.shown or _SHOWN.get(kind, kind)
    return compilation_error(
        f"Expression type does not match column data type, expecting {target.exact} but got {got} for column {target.name}",
        2023,
        "22000",
    )


def _around(query: exp.Query, names: Sequence[str]) -> exp.Select:
    """Select the columns of a query by position."""
    columns = [exp.to_identifier(name, quoted=True) for name in names]
    alias = exp.TableAlias(this=exp.to_identifier("_query", quoted=True), columns=columns)
    inner = query.unnest() if isinstance(query, exp.Subquery) else query
    return exp.select(*(exp.column(name, quoted=True) for name in names)).from_(
        exp.Subquery(this=inner.copy(), alias=alias)
    )
