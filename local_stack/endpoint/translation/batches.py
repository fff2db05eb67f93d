"""Run a statement for many rows of binds, and add up what it reports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlglot import Expr, exp

from local_stack.endpoint.outcome import Outcome

_ROWS_AT_ONCE = 500


def parts(expression: Expr, rows: list[list[Any]]) -> Iterator[tuple[Expr, list[Any]]]:
    """Yield what to run for rows of binds: an INSERT of one row of VALUES takes many at once, other statements run per row."""
    values = expression.args.get("expression") if isinstance(expression, exp.Insert) else None
    tuples = values.expressions if isinstance(values, exp.Values) else []
    in_tuple = sum(1 for _ in tuples[0].find_all(exp.Placeholder)) if len(tuples) == 1 else 0
    if len(rows) < 2 or not in_tuple or in_tuple != sum(1 for _ in expression.find_all(exp.Placeholder)):
        for row in rows:
            yield expression.copy(), row
        return
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        chunk = rows[start : start + _ROWS_AT_ONCE]
        part = expression.copy()
        copies = [_numbered_from(tuples[0].copy(), number * len(chunk[0])) for number in range(len(chunk))]
        part.args["expression"].set("expressions", copies)
        yield part, [value for row in chunk for value in row]


def _numbered_from(values: Expr, before: int) -> Expr:
    """Let a row's placeholders stand for its own values, behind those of the rows before it."""
    for placeholder in values.find_all(exp.Placeholder):
        placeholder.set("this", str(int(placeholder.name) + before))
    return values


def total(outcomes: list[Outcome]) -> Outcome:
    """Return one outcome for a batch: Snowflake runs it as one statement and reports the sum."""
    total = sum(int(outcome.scalar() or 0) for outcome in outcomes)
    first = outcomes[0]
    return Outcome(
        first.columns,
        first.table.slice(0, 1).set_column(0, first.table.column_names[0], [[total]]),
        first.statement_type_id,
    )
