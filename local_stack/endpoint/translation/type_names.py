"""Answer SYSTEM$TYPEOF: the type of an expression, and the bytes of its values.

See: https://docs.snowflake.com/en/sql-reference/functions/system_typeof
"""

from __future__ import annotations

from decimal import Decimal

from sqlglot import Expr, exp

from local_stack.endpoint.messages import bytes_of
from local_stack.endpoint.statements import SqlError
from local_stack.endpoint.translation.context import Context, replace_each

TYPE_NAME = "_fs_global.main._sf_system_typeof"


def type_names(expression: Expr, _: Context) -> Expr:
    """Write the type of a constant; ask a macro for that of anything else. Raises SqlError for a wrong number of arguments."""

    def replace(node: Expr) -> Expr:
        if not (isinstance(node, exp.Anonymous) and str(node.this).upper() == "SYSTEM$TYPEOF"):
            return node
        if len(node.expressions) != 1:
            few = "not enough" if not node.expressions else "too many"
            counts = f"expected 1, got {len(node.expressions)}"
            raise SqlError(
                f"SQL compilation error:\n{few} arguments for function [SYSTEM$TYPEOF], {counts}", 938, "22023"
            )
        value = node.expressions[0]
        if isinstance(value, exp.Null):
            return exp.Literal.string("NULL[LOB]")
        name = constant_type(value)
        return (
            exp.Literal.string(f"{name}[{_bytes(name)}]")
            if name
            else exp.Anonymous(this=TYPE_NAME, expressions=[value])
        )

    return replace_each(expression, replace)


def constant_type(value: Expr) -> str | None:
    """Return the type of a text or a number that is written out; None for any other value."""
    if isinstance(value, exp.Neg):
        value = value.this
    if not isinstance(value, exp.Literal):
        return None
    if value.is_string:
        return f"VARCHAR({len(value.name)})"
    _, digits, exponent = Decimal(value.name).as_tuple()
    scale = max(-int(exponent), 0)
    precision = max(len(digits) + max(int(exponent), 0), scale)
    return f"NUMBER({precision},{scale})" if precision <= 38 else "FLOAT"


def _bytes(name: str) -> str:
    """Return what a type's values take, as SYSTEM$TYPEOF names it."""
    if not name.startswith("NUMBER"):
        return "LOB" if name.startswith("VARCHAR") else "DOUBLE"
    return f"SB{bytes_of(int(name[len('NUMBER(') :].partition(',')[0]))}"
