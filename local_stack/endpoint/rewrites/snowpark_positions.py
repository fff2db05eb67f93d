"""Columns by position, which Snowpark's create_dataframe uses: `SELECT $1 AS A, $2 AS B FROM VALUES (1 :: INT, 'a')`.

VALUES as a source gets Snowflake's names (COLUMN1, COLUMN2, …), and `$n` becomes DuckDB's positional reference `#n`,
named `$n` where it is projected without an alias. `$n` over staged files is the stages' own rewrite.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlglot import Expr, exp

_QUOTED_POSITION = re.compile(r"\$\d+")

if TYPE_CHECKING:
    from local_stack.endpoint.rewrites.context import Context


def named_values(expression: Expr, context: Context) -> Expr:
    """`FROM VALUES (…)` has columns COLUMN1, COLUMN2, … unless an alias names them."""
    del context
    for values in expression.find_all(exp.Values):
        if not isinstance(values.parent, exp.From | exp.Join) or not values.expressions:
            continue
        first = values.expressions[0]
        width = len(first.expressions) if isinstance(first, exp.Tuple) else 1
        alias = values.args.get("alias")
        if alias is not None and alias.args.get("columns"):
            continue
        name = alias.this if alias is not None and alias.this else exp.to_identifier("_VALUES", quoted=True)
        columns = [exp.to_identifier(f"COLUMN{n}", quoted=True) for n in range(1, width + 1)]
        values.set("alias", exp.TableAlias(this=name, columns=columns))
    return expression


def plain_tables(expression: Expr, context: Context) -> Expr:
    """`FROM (t)` is `FROM t`: how Snowpark reads the temporary table of a large create_dataframe."""
    del context
    for subquery in list(expression.find_all(exp.Subquery)):
        table = subquery.this
        if not isinstance(table, exp.Table) or table.args.get("joins"):
            continue
        if isinstance(subquery.parent, exp.From | exp.Join) and not subquery.args.get("joins"):
            bare = table.copy()
            for part in ("alias", "sample", "pivots"):
                if subquery.args.get(part):
                    bare.set(part, subquery.args[part])
            subquery.replace(bare)
    return expression


def positional_columns(expression: Expr, context: Context) -> Expr:
    """`$n` of a query's one source becomes `#n`; `t.$n` over a VALUES or a subquery becomes that source's nth column."""
    del context
    _unquote(expression)
    for position in list(expression.find_all(exp.Parameter)):
        if not isinstance(position.this, exp.Literal) or not position.this.name.isdigit():
            continue
        select = position.find_ancestor(exp.Select)
        if select is None or _reads_a_stage(select):
            continue
        qualified = position.parent if isinstance(position.parent, exp.Column) else None
        target: Expr = qualified or position
        number = int(position.this.name)
        if qualified is not None and qualified.table:
            name = _nth_column(select, qualified.table, number)
            if name is None:
                continue
            replacement: Expr = exp.column(name, table=qualified.args["table"].copy())
        else:
            replacement = exp.Var(this=f"#{number}")
        if isinstance(target.parent, exp.Select) and target.arg_key == "expressions":
            replacement = exp.alias_(replacement, f"${number}", quoted=True)
        target.replace(replacement)
    return expression


def _unquote(expression: Expr) -> None:
    """`"$1"`, as Snowpark quotes it, is a position too, unless the source has a column of that name."""
    for column in list(expression.find_all(exp.Column)):
        if column.table or not _QUOTED_POSITION.fullmatch(column.name) or not column.this.quoted:
            continue
        select = column.find_ancestor(exp.Select)
        source = select.args.get("from_") if select is not None else None
        if source is None or not isinstance(source.this, exp.Subquery | exp.Values):
            continue
        named = any(node.name == column.name for node in source.find_all(exp.Identifier))
        positions = any(f"${node.name}" == column.name for node in source.find_all(exp.Parameter))
        if not named and not positions:
            column.replace(exp.Parameter(this=exp.Literal.number(column.name[1:])))


def _reads_a_stage(select: exp.Select) -> bool:
    source = select.args.get("from_")
    table = source.this if source is not None else None
    return isinstance(table, exp.Table) and isinstance(table.this, exp.Var) and table.name.startswith("@")


def _nth_column(select: exp.Select, source: str, number: int) -> exp.Identifier | None:
    """The name of column `number` of the source with this alias; None where it cannot be read off the statement."""
    for joined in [select.args.get("from_"), *(select.args.get("joins") or [])]:
        this = joined.this if joined is not None else None
        if this is None or this.alias_or_name.upper() != source.upper():
            continue
        alias = this.args.get("alias")
        if alias is not None and len(alias.args.get("columns") or []) >= number:
            return exp.Identifier(this=alias.args["columns"][number - 1].name, quoted=True)
        if isinstance(this, exp.Subquery) and isinstance(this.this, exp.Select):
            projections = this.this.expressions
            if number <= len(projections) and projections[number - 1].alias_or_name not in ("", "*"):
                name = projections[number - 1].alias_or_name
                return exp.Identifier(this=name, quoted=False)
    return None
