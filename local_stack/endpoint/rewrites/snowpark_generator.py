"""`TABLE(GENERATOR(ROWCOUNT => n))` with SEQ1/2/4/8, on which Snowpark's session.range is built.

The rows come from DuckDB's range(n); a SEQ function counts from 0. A ROWCOUNT of a time limit alone is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import Expr, exp

from local_stack.endpoint.statements import unsupported

if TYPE_CHECKING:
    from local_stack.endpoint.rewrites.context import Context

_COUNTER = exp.to_identifier("_SEQ", quoted=True)
_SEQUENCES = (exp.Seq1, exp.Seq2, exp.Seq4, exp.Seq8)


def generator(expression: Expr, context: Context) -> Expr:
    """A generated table becomes `(SELECT range AS _SEQ FROM RANGE(n))`, hidden from `*` by nothing: Snowflake has no
    columns there, and a statement that selects `*` from a generator is not valid."""
    del context
    for node in list(expression.find_all(exp.Generator)):
        rowcount = node.args.get("rowcount")
        if rowcount is None and node.args.get("timelimit") is not None:
            raise unsupported("GENERATOR(TIMELIMIT => …)")
        rows = exp.select(exp.alias_(exp.column("range"), _COUNTER.copy())).from_(
            exp.Anonymous(this="RANGE", expressions=[rowcount or exp.Literal.number(0)])
        )
        table: Expr = node.parent if isinstance(node.parent, exp.TableFromRows) else node
        alias = table.args.get("alias")
        if isinstance(table.parent, exp.Subquery) and table.parent.this is table:
            alias = table.parent.args.get("alias") or alias
            table = table.parent
        name = alias.this if alias is not None and alias.this else exp.to_identifier("_GENERATOR", quoted=True)
        table.replace(exp.Subquery(this=rows, alias=exp.TableAlias(this=name)))
    for sequence in list(expression.find_all(*_SEQUENCES)):
        sequence.replace(_counter(sequence))
    return expression


def _counter(sequence: Expr) -> Expr:
    """The row's number: the generator's counter where the query reads one, else a row number from 0."""
    select = sequence.find_ancestor(exp.Select)
    source = select.args.get("from_") if select is not None else None
    if source is not None and isinstance(source.this, exp.Subquery):
        inner = source.this.this
        if isinstance(inner, exp.Select) and inner.named_selects == ["_SEQ"]:
            return exp.column(_COUNTER.copy())
    if sequence.find_ancestor(exp.Window) is not None:
        return exp.Literal.number(0)
    return exp.paren(exp.Sub(this=exp.Window(this=exp.RowNumber(), over="OVER"), expression=exp.Literal.number(1)))
