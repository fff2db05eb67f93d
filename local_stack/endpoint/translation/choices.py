"""Convert text beside a number, a date or a time: what is chosen from such values has their type, where DuckDB makes it text.

It is so in CASE, DECODE, IFF, COALESCE, NVL, NVL2, GREATEST and LEAST, and in a column of UNION, INTERSECT and EXCEPT. Where
a type cannot be told from the query and its tables, nothing is converted.
See: https://docs.snowflake.com/en/sql-reference/functions/coalesce (usage notes)
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence

from sqlglot import Expr, exp

from local_stack.endpoint.translation.context import Context
from local_stack.endpoint.translation.result_columns import Scope, scopes, table_columns
from local_stack.endpoint.translation.value_types import CHOICES, FLOAT, NUMBER, TEXT, branches

_WHOLE = re.compile(r"\s*[+-]?\d+(?:\.(\d*))?\s*")


def choices(expression: Expr, context: Context) -> Expr:
    """Cast the texts. Runs on Snowflake's tree."""
    query = expression.expression if isinstance(expression, exp.Create | exp.Insert) else expression
    if isinstance(query, exp.Query) and query.find(*CHOICES, exp.SetOperation):
        found = {id(one.select): one for one in scopes(query, functools.cache(table_columns(context.session)))}
        for scope in found.values():
            for choice in scope.choices():
                _convert([(scope, branch) for branch in branches(choice)])
        for united in query.find_all(exp.SetOperation):
            if not isinstance(united.parent, exp.SetOperation):
                for values in _columns(united):
                    _convert([(found[id(value.parent)], value) for value in values])
    return expression


def _columns(united: exp.SetOperation) -> list[list[Expr]]:
    """Return what each column is made of; nothing where that cannot be told."""
    queries = list(_selects(united))
    selects = [query for query in queries if isinstance(query, exp.Select) and not query.is_star]
    if len(selects) < len(queries):
        return []
    return [list(values) for values in zip(*(select.selects for select in selects), strict=False)]


def _selects(query: Expr) -> Iterator[Expr]:
    query = query.unnest()
    if isinstance(query, exp.SetOperation):
        yield from _selects(query.left)
        yield from _selects(query.right)
    else:
        yield query


def _convert(values: Sequence[tuple[Scope, Expr]]) -> None:
    """Cast those that are text to the type of the others."""
    types = [scope.type_of(value) for scope, value in values]
    others = [kind for kind in types if kind not in (None, TEXT)]
    if others and TEXT in types:
        wanted = FLOAT if FLOAT in others else str(others[0])
        for (_, value), kind in zip(values, types, strict=True):
            if kind == TEXT:
                _cast(value, wanted)


def _cast(value: Expr, wanted: str) -> None:
    """Convert a text: to NUMBER(18, 5), or a constant to as many digits as it has."""
    if isinstance(value, exp.Alias):
        value = value.this
    if wanted == NUMBER:
        digits = _WHOLE.fullmatch(value.name) if isinstance(value, exp.Literal) else None
        wanted = f"NUMBER(38, {len(digits[1] or '')})" if digits else "NUMBER(18, 5)"
    cast: Expr = exp.Cast(this=value.copy(), to=exp.DataType.build(wanted, dialect="snowflake"))
    if isinstance(value, exp.Column) and isinstance(value.parent, exp.Select):
        cast = exp.alias_(cast, value.this.copy())
    value.replace(cast)
