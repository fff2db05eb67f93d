"""Keep integers exact up to 38 digits: NUMBER(38, 0) is HUGEINT in DuckDB, and arithmetic starts in 38 digits.

Snowflake: every integer type is NUMBER(38, 0); a product or a sum that needs more digits is an error, never rounded.
DuckDB types a literal as INTEGER and a product of NUMBER(10, 2) as DECIMAL(18, 4), which overflow long before that. Its
functions take positions, lengths and counts as BIGINT, to which it converts neither HUGEINT nor DECIMAL by itself.
See: https://docs.snowflake.com/en/sql-reference/data-types-numeric
and https://docs.snowflake.com/en/sql-reference/operators-arithmetic
"""

from __future__ import annotations

from sqlglot import Expr, exp

from local_stack.endpoint.engine.macros.exact_numbers import POSITION
from local_stack.endpoint.statements import SqlError
from local_stack.endpoint.translation.context import Context

_HUGEINT = exp.DataType(this=exp.DType.INT128)
_ADDITIVE = (exp.Add, exp.Sub)
# What the value of an expression may come from directly.
_BRANCHES = (exp.Select, exp.Alias, exp.If, exp.Case, exp.Coalesce, exp.Paren, exp.Neg, *_ADDITIVE)
_NUMBERS = {exp.DType.DECIMAL, exp.DType.INT128}
_INT32 = 2**30  # half of it: two of these may be added

# The arguments that DuckDB takes as INTEGER or BIGINT, by sqlglot's class.
_COUNTS: dict[type[Expr], tuple[str, ...]] = {
    exp.Substring: ("start", "length"),
    exp.Left: ("expression",),
    exp.Right: ("expression",),
    exp.Repeat: ("times",),
    exp.Pad: ("expression",),
    exp.Round: ("decimals",),
    exp.Trunc: ("decimals",),
    exp.SplitPart: ("part_index",),
    exp.Strtok: ("part_index",),
    exp.StrPosition: ("position", "occurrence"),
    exp.Chr: ("expressions",),
    exp.RegexpSubstr: ("position", "occurrence", "group"),
    exp.RegexpExtract: ("position", "occurrence", "group"),
    exp.RegexpReplace: ("position", "occurrence"),
    exp.RegexpCount: ("position",),
    exp.RegexpInstr: ("position", "occurrence", "option", "group"),
    exp.Bracket: ("expressions",),
    exp.DateFromParts: ("year", "month", "day"),
    exp.Stuff: ("start", "length"),
    exp.Factorial: ("this",),
    exp.GenerateSeries: ("start", "end", "step"),
    exp.BitwiseLeftShift: ("expression",),
    exp.BitwiseRightShift: ("expression",),
    exp.Lag: ("offset",),
    exp.Lead: ("offset",),
    exp.Ntile: ("this",),
    exp.NthValue: ("offset",),
    exp.UnixToTime: ("this",),
}
# The same for functions that sqlglot has no class for, by the position of the argument.
_COUNTS_BY_NAME: dict[str, tuple[int, ...]] = {"TRUNC": (1,), "_SF_NATIVE_REGEXP_REPLACE": (3, 4)}
_LARGE = (exp.UnixToTime, exp.GenerateSeries)  # these are no counts: they need 64 bits
_DIGITS = 38


def integers(expression: Expr, _: Context) -> Expr:
    """Return the rewrite. Runs after fakesnow's transforms."""
    for product in list(expression.find_all(exp.Mul)):
        _multiply(product)
    for total in list(expression.find_all(*_ADDITIVE)):
        if _is_constant(total):
            _widen(total)
        elif isinstance(total.this.unnest(), exp.Cast) and total.this.unnest().to.this in _NUMBERS:
            zero = exp.Add(this=total.this.copy(), expression=_cast(exp.Literal.number(0)))
            total.set("this", exp.paren(zero, copy=False))
    for literal in list(expression.find_all(exp.Literal)):
        if literal.is_int and len(literal.name) >= 10:
            _large(literal)
    for node in list(expression.find_all(*_COUNTS, exp.Anonymous)):
        _count(node)
    for element in list(expression.find_all(exp.GetExtract)):
        position = element.expression
        if not isinstance(position, exp.Literal):  # a name or a number
            element.set("expression", exp.Anonymous(this=POSITION, expressions=[position.copy()]))
    return expression


def _large(literal: exp.Literal) -> None:
    """Make a large integer a HUGEINT where its value is computed with. Raises SqlError for more digits than 38."""
    if len(literal.name.lstrip("0")) > _DIGITS:
        raise SqlError(f"SQL compilation error:\nNumeric value '{literal.name}' is out of range", 100039, "22003")
    if int(literal.name) >= _INT32 and isinstance(literal.parent, _BRANCHES):
        literal.replace(_cast(literal))


def _multiply(product: exp.Mul) -> None:
    """Start a chain of products in 38 digits; a factor of one keeps the scale of a NUMBER, and a FLOAT what it is."""
    first = product.this
    if isinstance(first.unnest(), exp.Mul) or isinstance(first, exp.Interval) or first.is_string:
        return
    if _is_constant(first):
        _widen(product)
    else:
        factor = exp.Mul(this=first.copy(), expression=_cast(exp.Literal.number(1)))
        first.replace(exp.paren(factor, copy=False))


def _widen(node: exp.Binary) -> None:
    """Make an integer literal on the left a HUGEINT; DuckDB then takes the right one for one too."""
    left = node.this
    while isinstance(left, exp.Paren | exp.Neg):
        left = left.this
    if isinstance(left, exp.Literal) and left.is_int:
        left.replace(_cast(left))


def _is_constant(node: Expr) -> bool:
    """Return whether a node is arithmetic of number literals alone."""
    if isinstance(node, exp.Paren | exp.Neg):
        return _is_constant(node.this)
    if isinstance(node, (exp.Mul, *_ADDITIVE)):
        return _is_constant(node.this) and _is_constant(node.expression)
    return isinstance(node, exp.Literal) and not node.is_string


def _count(node: Expr) -> None:
    if isinstance(node, exp.Anonymous):
        positions = _COUNTS_BY_NAME.get(str(node.this).upper(), ())
        found = [node.expressions[position] for position in positions if position < len(node.expressions)]
    else:
        found = []
        for name in _COUNTS[type(node)]:
            value = node.args.get(name)
            found += [v for v in (value if isinstance(value, list) else [value]) if isinstance(v, Expr)]
    for argument in found:
        if not isinstance(argument.unnest(), exp.Literal | exp.Null | exp.Slice | exp.Placeholder) and not (
            isinstance(argument, exp.Neg) and isinstance(argument.this, exp.Literal)
        ):
            kind = exp.DType.BIGINT if isinstance(node, _LARGE) else exp.DType.INT
            argument.replace(exp.Cast(this=argument.copy(), to=exp.DataType(this=kind)))


def _cast(value: Expr) -> exp.Cast:
    return exp.Cast(this=value.copy(), to=_HUGEINT.copy())
