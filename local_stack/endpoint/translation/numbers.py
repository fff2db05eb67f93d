"""Keep NUMBER exact: sums, averages, quotients and remainders of decimals, which fakesnow and DuckDB compute as DOUBLE.

Snowflake: SUM(NUMBER(p, s)) is NUMBER(38, s); a quotient has scale max(s1, min(s1 + 6, 12)) for a dividend of scale s1,
rounded half away from zero; AVG is such a quotient; dividing by zero is an error. Only FLOAT is computed as floating point.

The types are not known when a statement is rewritten, but DuckDB's macros may be overloaded by the type of a parameter.
Overloads are resolved before aggregates and aliases are known, so each operand is passed twice: as it is, and as a *witness*, an
expression of the same family of types over columns and literals alone. Bodies use the operand, overloads the witness.

Deviations: a quotient of decimals has Snowflake's value, but its column type is NUMBER(38, 12); a quotient in HAVING, or with a
subquery, a bound parameter or a lambda's variable in it, is computed as DOUBLE.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from sqlglot import Expr, exp

from local_stack.endpoint.engine.macros.exact_numbers import (
    ADD,
    CEILING,
    CEILING_TO,
    CUT,
    DIVIDE,
    EARLIER,
    FLOOR,
    FLOOR_TO,
    LATER,
    NUMBER,
    REMAINDER,
    SCALED,
    SKEW,
    SUBTRACT,
)
from local_stack.endpoint.translation.context import Context
from local_stack.endpoint.translation.times import UNITS

_INTEGER_FUNCTIONS = (exp.Count, exp.CountIf, exp.ApproxDistinct, exp.RowNumber, exp.Rank, exp.DenseRank, exp.Ntile)
# Statistics that are a NUMBER for a NUMBER, and the scale that they have for integers.
_STATISTICS: dict[type[Expr], int] = {
    exp.Variance: 6,
    exp.VariancePop: 6,
    exp.Kurtosis: 12,
    exp.Median: 3,
    exp.PercentileCont: 3,
}
# A standard deviation is the root of a variance, of which a NUMBER is rounded.
_DEVIATIONS: dict[type[Expr], type[Expr]] = {
    exp.Stddev: exp.Variance,
    exp.StddevSamp: exp.Variance,
    exp.StddevPop: exp.VariancePop,
}
_TYPED: dict[type[Expr], str] = {exp.Div: DIVIDE, exp.Mod: REMAINDER, exp.Floor: FLOOR, exp.Ceil: CEILING}
_DAYS: dict[type[Expr], str] = {exp.Add: ADD, exp.Sub: SUBTRACT}
_SHIFTED: dict[type[Expr], str] = {exp.Add: LATER, exp.Sub: EARLIER}
_ROUNDED: dict[type[Expr], str] = {exp.Floor: FLOOR_TO, exp.Ceil: CEILING_TO}
# The units of an interval that leave a DATE one.
_CALENDAR = frozenset({"year", "quarter", "month", "week", "day"})
_REWRITTEN: tuple[type[Expr], ...] = (
    exp.Avg, exp.Sum, exp.Div, exp.Mod, exp.Floor, exp.Ceil, exp.Skewness, exp.Interval, *_DEVIATIONS, *_STATISTICS,
)  # fmt: skip
# What takes numbers alone: a VARIANT in it is a FLOAT.
_OF_NUMBERS = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.Neg, exp.Abs, exp.Round, exp.Floor, exp.Ceil)
_OPAQUE = (exp.Query, exp.Placeholder, exp.Lambda, exp.Star)


def before(expression: Expr, context: Context) -> Expr:
    """Mark what SUM adds up, write AVG as a quotient, divide by macro; on Snowflake's tree."""
    del context
    for path in list(expression.find_all(exp.JSONExtract)):
        if isinstance(_above(path), _OF_NUMBERS):
            path.replace(exp.Cast(this=path.copy(), to=exp.DataType.build("DOUBLE")))
    if not expression.find(*_REWRITTEN):
        return expression
    for interval in list(expression.find_all(exp.Interval)):
        _shift(interval)
    for average in list(expression.find_all(exp.Avg)):
        if not average.find_ancestor(exp.Pivot):
            _average(average)
    for statistic in list(expression.find_all(exp.Skewness, *_DEVIATIONS)):
        if not statistic.find_ancestor(exp.Pivot):
            _skewness(statistic) if isinstance(statistic, exp.Skewness) else _deviation(statistic)
    for statistic in list(expression.find_all(*_STATISTICS)):
        if not statistic.find_ancestor(exp.Pivot):
            _scale(statistic)
    # The inner ones first: an outer one copies its operands.
    for total in sorted(expression.find_all(exp.Sum), key=lambda node: -node.depth):
        if not total.find_ancestor(exp.Pivot):
            _mark(total)
    for node in sorted(expression.find_all(*_TYPED), key=lambda node: -node.depth):
        if node.find_ancestor(exp.Lambda, exp.Having):
            continue
        if digits := node.args.get("decimals"):
            _round(node, digits)
        else:
            _call_by_type(node, _TYPED)
    return expression


def days(expression: Expr) -> Expr:
    """Add and subtract by macro, for a statement that DuckDB refused: it adds an INTEGER to a DATE, and no other number.

    See: https://docs.snowflake.com/en/sql-reference/data-types-datetime (simple arithmetic for dates)
    """
    for node in sorted(expression.find_all(*_DAYS), key=lambda node: -node.depth):
        if not any(isinstance(operand.unnest(), exp.Interval) for operand in (node.this, node.expression)):
            _call_by_type(node, _DAYS)
    return expression


def _shift(interval: exp.Interval) -> None:
    """Let a DATE stay one that is moved by whole days, as DuckDB's does not.

    See: https://docs.snowflake.com/en/sql-reference/data-types-datetime (interval constants)
    """
    above = interval.parent
    unit = interval.args.get("unit")
    units = {unit.name} if unit is not None else set(re.findall("[A-Za-z]+", interval.this.name))
    if not isinstance(above, exp.Add | exp.Sub) or not {UNITS.get(name.upper()) for name in units} <= _CALENDAR:
        return
    moved = above.this if above.expression is interval else above.expression
    if (witness := _witness(moved, above.find_ancestor(exp.Select))) is not None:
        above.replace(_call(_SHIFTED[type(above)], moved, interval, witness))


def _round(node: Expr, digits: Expr) -> None:
    """Keep a NUMBER that FLOOR or CEIL rounds to digits one; sqlglot rounds by way of a FLOAT."""
    witness = _witness(node.this, node.find_ancestor(exp.Select))
    places = re.fullmatch(r"-?\d\d?", digits.sql())
    if witness is None or places is None:
        return
    scale = int(places[0])
    step = f"CAST(1e{-scale} AS DECIMAL({scale + 1}, {scale}))" if scale > 0 else f"1{'0' * -scale}"
    node.replace(_call(_ROUNDED[type(node)], node.this, exp.maybe_parse(step), digits, witness))


def _above(node: Expr) -> Expr | None:
    """Return what takes a node for an operand, which may be in parentheses."""
    above = node.parent
    while isinstance(above, exp.Paren):
        above = above.parent
    return above


def after(expression: Expr, context: Context) -> Expr:
    """Take away the TRY_CAST(… AS DOUBLE) that fakesnow has put around what SUM adds up."""
    del context
    for cast in list(expression.find_all(exp.TryCast)):
        of_pivot = isinstance(cast.parent, exp.Sum) and cast.find_ancestor(exp.Pivot)
        if isinstance(cast.this, exp.Distinct) or _is_call(cast.this, NUMBER) or of_pivot:
            cast.replace(cast.this)
    return expression


def _call_by_type(node: Expr, macros: Mapping[type[Expr], str]) -> None:
    """Make an operator the macro that chooses by the types of its operands, where there is a witness of them."""
    select = node.find_ancestor(exp.Select)
    operands = [node.this, node.expression] if isinstance(node, exp.Binary) else [node.this]
    witnesses = [_witness(operand, select) for operand in operands]
    known = [witness for witness in witnesses if witness is not None]
    if len(known) == len(operands):
        node.replace(_call(next(macro for kind, macro in macros.items() if isinstance(node, kind)), *operands, *known))


def _call(macro: str, *arguments: Expr) -> exp.Anonymous:
    return exp.Anonymous(this=macro, expressions=[argument.copy() for argument in arguments])


def _is_call(node: Expr, macro: str) -> bool:
    return isinstance(node, exp.Anonymous) and str(node.this).casefold() == macro.casefold()


def _frame(aggregate: Expr) -> Expr:
    """Return the window over an aggregate, or the aggregate itself."""
    above = aggregate.parent
    return above if isinstance(above, exp.Window) and above.this is aggregate else aggregate


def _average(average: exp.Avg) -> None:
    """Write AVG as a quotient. Over a frame that slides it has three digits more than the column, cut off."""
    frame, quotient = _frame(average), _quotient(average)
    spec = frame.args.get("spec") if isinstance(frame, exp.Window) else None
    slides = spec is not None and "UNBOUNDED" not in (spec.args.get("start"), spec.args.get("end"))
    witness = _witness(average.this, average.find_ancestor(exp.Select)) if slides else None
    frame.replace(_call(CUT, quotient, witness) if witness is not None else quotient)


def _quotient(average: exp.Avg) -> Expr:
    """Return SUM(x) / NULLIF(COUNT(x), 0), both over the window of the average, if it has one."""
    total = _instead(average, exp.Sum(this=average.this.copy()))
    return exp.Div(this=total, expression=exp.Nullif(this=_counted(average), expression=exp.Literal.number(0)))


def _counted(aggregate: Expr) -> Expr:
    return _instead(aggregate, exp.Count(this=aggregate.this.copy(), big_int=True))


def _instead(aggregate: Expr, other: Expr) -> Expr:
    """Return another aggregate over the window of an aggregate, if it has one."""
    frame = _frame(aggregate)
    if frame is aggregate:
        return other
    window = frame.copy()
    window.set("this", other)
    return window


def _deviation(statistic: Expr) -> None:
    """See: https://docs.snowflake.com/en/sql-reference/functions/stddev (the root of a variance)"""
    variance = _instead(statistic, _DEVIATIONS[type(statistic)](this=statistic.this.copy()))
    _frame(statistic).replace(exp.Sqrt(this=variance))


def _skewness(statistic: exp.Skewness) -> None:
    """Round n / ((n - 1) (n - 2)) to six digits, which Snowflake computes as a NUMBER."""
    frame = _frame(statistic)
    frame.replace(_call(SKEW, frame, _counted(statistic)))


def _mark(total: exp.Sum) -> None:
    summand = total.this.expressions[0] if isinstance(total.this, exp.Distinct) else total.this
    if isinstance(summand, exp.Cast | exp.TryCast | exp.Null):
        return  # fakesnow leaves a cast as it is
    if witness := _witness(summand, total.find_ancestor(exp.Select)):
        summand.replace(_call(NUMBER, summand, witness))


def _scale(statistic: Expr) -> None:
    """Let a statistic of numbers be a number of its scale."""
    value, frame = statistic.this, statistic
    if isinstance(frame.parent, exp.WithinGroup):
        frame = frame.parent
        ordered = frame.expression.expressions
        value = ordered[0].this if ordered else None
    if isinstance(frame.parent, exp.Filter):
        frame = frame.parent
    frame = _frame(frame)
    summand = value.expressions[0] if isinstance(value, exp.Distinct) else value
    witness = _witness(summand, statistic.find_ancestor(exp.Select)) if isinstance(summand, Expr) else None
    if witness is not None:
        scaled = exp.Anonymous(this=f"{SCALED}{_STATISTICS[type(statistic)]}", expressions=[frame.copy(), witness])
        frame.replace(scaled)


def _witness(operand: Expr, select: Expr | None) -> Expr | None:
    """Return an expression of the operand's family of types that needs no aggregation; None when there is none to be had."""
    aliases = {
        column.alias.casefold(): column.this
        for column in (select.expressions if isinstance(select, exp.Select) else ())
        if isinstance(column, exp.Alias) and not column.args["alias"].quoted
    }
    witness = _row_level(operand, aliases, 0)
    return None if witness.find(*_OPAQUE) else witness


def _row_level(node: Expr, aliases: dict[str, Expr], depth: int) -> Expr:
    if isinstance(node, _INTEGER_FUNCTIONS):
        return exp.Literal.number(1)
    if isinstance(node, exp.Window | exp.WithinGroup | exp.Distinct | exp.IgnoreNulls | exp.RespectNulls | exp.Ordered):
        inner: Expr = node.expressions[0] if isinstance(node, exp.Distinct) else node.this
        return _row_level(inner, aliases, depth)
    if isinstance(node, exp.AggFunc) and isinstance(node.this, Expr):
        return _row_level(node.this, aliases, depth)
    if _is_call(node, NUMBER):
        witness: Expr = node.expressions[1].copy()
        return witness
    if _is_call(node, DIVIDE):
        # A quotient is a decimal at least, and FLOAT if an operand is.
        return exp.Coalesce(
            this=node.expressions[2].copy(), expressions=[node.expressions[3].copy(), exp.Literal.number("0.5")]
        )
    if isinstance(node, exp.Column) and not node.table and depth < len(aliases):
        named = aliases.get(node.name.casefold())
        if named is not None and not any(column.name == node.name for column in named.find_all(exp.Column)):
            return exp.paren(_row_level(named, aliases, depth + 1), copy=False)
    copied = node.copy()
    for child in list(copied.iter_expressions()):
        child.replace(_row_level(child, aliases, depth))
    return copied
