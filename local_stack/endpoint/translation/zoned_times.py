"""Rewrite what is done with a TIMESTAMP_TZ, which DuckDB sees as an INTERVAL (zoned.py), in statements that may have one.

Functions of a time take its own clock's time, those that move it keep its offset, and what it is compared with becomes one.
The macros (engine/macros/zoned.py) leave every other type as it is, so that a column's type need not be known here.
See: https://docs.snowflake.com/en/sql-reference/data-types-datetime
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import Expr, exp

from local_stack.endpoint.engine.bindings import Bind
from local_stack.endpoint.language.names import SchemaName
from local_stack.endpoint.translation.context import Context, replace_each
from local_stack.endpoint.translation.written_values import cast, column_types, convert_written
from local_stack.endpoint.zoned import DUCKDB_TYPE

_HOME = "_fs_global.main._sf_"
_ZONED = exp.DType.INTERVAL
_CLOCKS = {exp.DType.TIMESTAMP, exp.DType.TIMESTAMPNTZ, exp.DType.DATE, exp.DType.TIME}
_MAKERS = (f"{_HOME}tz".upper(), f"{_HOME}convert_timezone".upper(), "TO_TIMESTAMP_TZ", "TRY_TO_TIMESTAMP_TZ")
_OF_A_CLOCK = (
    exp.Year, exp.Quarter, exp.Month, exp.Week, exp.WeekOfYear, exp.YearOfWeek, exp.YearOfWeekIso, exp.Day, exp.DayOfMonth,
    exp.DayOfWeek, exp.DayOfWeekIso, exp.DayOfYear, exp.Hour, exp.Minute, exp.Second, exp.Dayname, exp.Monthname, exp.LastDay,
    exp.NextDay, exp.PreviousDay, exp.TsOrDsToDate, exp.TsOrDsToTime, exp.MonthsBetween, exp.Date,
)  # fmt: skip
_CLOCK_FUNCTIONS = {
    "TO_TIMESTAMP",
    "TO_TIMESTAMP_NTZ",
    "TRY_TO_TIMESTAMP",
    "TRY_TO_TIMESTAMP_NTZ",
    "TO_DATE",
    "TO_TIME",
    "TIME",
}
_MOVED = (exp.TimestampTrunc, exp.DateTrunc, exp.DateAdd, exp.DateSub, exp.TimestampAdd, exp.TimeSlice, exp.AddMonths)
_COMPARED = (
    exp.EQ,
    exp.NEQ,
    exp.GT,
    exp.GTE,
    exp.LT,
    exp.LTE,
    exp.NullSafeEQ,
    exp.NullSafeNEQ,
    exp.EqualNull,
    exp.Nullif,
)
_CHOSEN = (exp.Coalesce, exp.Greatest, exp.Least)
# What is written as text. A value of an OBJECT is the expression of a PropertyEQ.
_JOINED = (
    exp.DPipe, exp.Concat, exp.ConcatWs, exp.Array, exp.ArrayAgg, exp.ObjectAgg, exp.GroupConcat, exp.MD5, exp.PropertyEQ,
)  # fmt: skip
_NEVER = (
    exp.Literal, exp.Null, exp.Boolean, exp.CurrentTimestamp, exp.CurrentDate, exp.Star, exp.Interval, exp.AtTimeZone,
    exp.Order, exp.Distinct,
)  # fmt: skip
_DAYS = {"YEAR", "QUARTER", "MONTH", "WEEK", "DAY"}
_OFFSET_PARTS = {"TZH": "hour", "TIMEZONE_HOUR": "hour", "TZM": "minute", "TIMEZONE_MINUTE": "minute"}


def zoned_types(expression: Expr, _: Context) -> Expr:
    """Name the type as DuckDB does. From here on TIMESTAMPTZ is DuckDB's, a TIMESTAMP_LTZ."""
    for kind in expression.find_all(exp.DataType):
        if kind.this != exp.DType.TIMESTAMPTZ:
            continue
        kind.set("this", _ZONED)
        kind.set("expressions", None)
        column = kind.parent
        default = column.find(exp.DefaultColumnConstraint) if isinstance(column, exp.ColumnDef) else None
        if default is not None:
            default.set("this", cast(default.this, _ZONED))
    return expression


def typed_binds(expression: Expr, binds: Sequence[Bind]) -> Expr:
    """Read the binds that are a TIMESTAMP_TZ, which are text with an offset, as one."""
    zoned = {str(number) for number, (kind, _) in enumerate(binds, start=1) if kind == "TIMESTAMP_TZ"}
    if not zoned:
        return expression

    def replace(node: Expr) -> Expr:
        return cast(node, exp.DType.TIMESTAMPTZ) if isinstance(node, exp.Placeholder) and node.name in zoned else node

    return replace_each(expression, replace)


def converted_times(expression: Expr, _: Context) -> Expr:
    """Rewrite CONVERT_TIMEZONE with two arguments, which gives a TIMESTAMP_TZ; and the functions that make one of parts.

    See: https://docs.snowflake.com/en/sql-reference/functions/convert_timezone
    """

    def replace(node: Expr) -> Expr:
        if isinstance(node, exp.ConvertTimezone):
            return _converted(node)
        if isinstance(node, exp.TimestampTzFromParts):
            return _from_parts(node)
        if isinstance(node, exp.StrToTime) and _is_zoned(node.args.get("target_type")):
            read = node.copy()
            read.set("target_type", None)
            return _call("tz_of_text", cast(read, exp.DType.TIMESTAMPLTZ), node.this.copy())
        return node

    return replace_each(expression, replace)


def _converted(node: exp.ConvertTimezone) -> Expr:
    value, zone = node.args["timestamp"], node.args["target_tz"]
    if node.args.get("source_tz") is not None:
        node.set("timestamp", _clock(value))
        return node
    if isinstance(node.parent, exp.Cast) and node.parent.to.this in (exp.DType.TIMESTAMP, exp.DType.TIMESTAMPNTZ):
        instant = value if isinstance(value, exp.CurrentTimestamp) else _call("zoned", value)
        return exp.AtTimeZone(this=instant, zone=zone)
    return _call("convert_timezone", zone, value)


def _from_parts(node: exp.TimestampTzFromParts) -> Expr:
    moment = exp.Anonymous(
        this="make_timestamp", expressions=[node.args[name] for name in ("year", "month", "day", "hour", "min", "sec")]
    )
    if (nanos := node.args.get("nano")) is not None:
        moment = _call("with_nanoseconds", moment, nanos)
    zone = node.args.get("zone")
    return _call("tz", moment) if zone is None else _call("tz_in", zone, exp.AtTimeZone(this=moment, zone=zone.copy()))


def zoned_times(expression: Expr, context: Context) -> Expr:
    """Rewrite functions, comparisons and what is written to columns, where the statement may have a TIMESTAMP_TZ."""
    has_one = _has_one(expression, context)
    convert_written(expression, context, texts=not has_one)
    return replace_each(expression, _replace) if has_one else expression


def _has_one(expression: Expr, context: Context) -> bool:
    """Return whether a type, a function or a table's column of the statement is a TIMESTAMP_TZ."""
    for node in expression.walk():
        if isinstance(node, exp.DataType) and node.this == _ZONED:
            return True
        if isinstance(node, exp.Anonymous) and str(node.this).upper().startswith(_MAKERS):
            return True
        if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
            if node.catalog == "temp" and node.db == "main" and node.name.startswith("_result_"):
                if DUCKDB_TYPE in column_types(SchemaName("temp", "main", node.name), context).values():
                    return True
            elif "TIMESTAMP_TZ" in context.session.semi_structured(node).values():
                return True
    return False


def _replace(node: Expr) -> Expr:
    match node:
        case exp.Cast() if node.to.this in _CLOCKS and not isinstance(node.this, exp.AtTimeZone):
            node.set("this", _clock(node.this))
        case exp.Extract():
            return _extracted(node)
        case exp.Anonymous() if str(node.this).upper() in _CLOCK_FUNCTIONS and node.expressions:
            node.set("expressions", [_clock(node.expressions[0]), *node.expressions[1:]])
        case exp.DateDiff():
            apart = _clock if _unit(node) in _DAYS else _instant
            node.set("this", apart(node.this))
            node.set("expression", apart(node.expression))
        case exp.MonthsBetween():
            node.set("this", _clock(node.this))
            node.set("expression", _clock(node.expression))
        case exp.Add() | exp.Sub() if isinstance(node.expression, exp.Interval):
            return _moved(node)
        case exp.Between():
            value, low, high = node.this, node.args["low"], node.args["high"]
            node.set("this", _aligned(value, low))
            node.set("low", _aligned(low, value))
            node.set("high", _aligned(high, value))
        case exp.In() if node.expressions:
            value, listed = node.this, node.expressions
            node.set("expressions", [_aligned(one, value) for one in listed])
            node.set("this", _aligned(value, listed[0]))
        case exp.DateTrunc() if node.args.get("zone") is not None:
            return node
    if isinstance(node, _OF_A_CLOCK) and isinstance(node.this, Expr):
        node.set("this", _clock(node.this))
    elif isinstance(node, _MOVED):
        return _moved(node)
    elif isinstance(node, _COMPARED) and not _assigns(node):
        one, other = node.this, node.expression
        node.set("this", _aligned(one, other))
        node.set("expression", _aligned(other, one))
    elif isinstance(node, _CHOSEN) and node.expressions:
        first, others = node.this, node.expressions
        node.set("this", _aligned(first, others[0]))
        node.set("expressions", [_aligned(other, first) for other in others])
    elif isinstance(node, _JOINED):
        for part in list(node.iter_expressions()):
            is_name = isinstance(node, exp.PropertyEQ) and part.arg_key == "this"
            if part.arg_key in ("this", "expression", "expressions") and not is_name and _may_be(part):
                part.replace(_call("written", part.copy()))
    elif isinstance(node, exp.Case | exp.If) and not isinstance(node.parent, exp.Case):
        _align_branches(node)
    return node


def _align_branches(node: exp.Case | exp.If) -> None:
    choices = node.args["ifs"] if isinstance(node, exp.Case) else [node]
    branches = [choice.args["true"] for choice in choices]
    branches += [last for last in (node.args.get("default"), node.args.get("false")) if last is not None]
    if len(branches) < 2:
        return
    first, second = branches[0].copy(), branches[1].copy()
    branches[0].replace(_aligned(first, second))
    for branch in branches[1:]:
        branch.replace(_aligned(branch, first))


def _moved(node: Expr) -> Expr:
    """Keep the offset of what is moved by its own clock."""
    value = node.this
    if not _may_be(value):
        return node
    node.set("this", _clock(value))
    return _call("rezoned", node.copy(), value.copy())


def _extracted(node: exp.Extract) -> Expr:
    unit = node.name.upper()
    if part := _OFFSET_PARTS.get(unit):
        return _call(f"timezone_{part}", node.expression)
    node.set("expression", _instant(node.expression) if unit.startswith("EPOCH") else _clock(node.expression))
    return node


def _assigns(node: Expr) -> bool:
    """Return whether an equals sign stands in the SET of an UPDATE or a MERGE."""
    return isinstance(node.parent, exp.Update) and node.arg_key == "expressions"


def _unit(node: Expr) -> str:
    unit = node.args.get("unit")
    return unit.name.upper() if isinstance(unit, Expr) else "DAY"


def _may_be(node: Expr | None) -> bool:
    """Return whether an expression may be a TIMESTAMP_TZ: constants and casts to other types are not."""
    if isinstance(node, exp.Paren | exp.Alias):
        return _may_be(node.this)
    if isinstance(node, exp.Cast):
        return bool(node.to.this == _ZONED)
    return isinstance(node, Expr) and not isinstance(node, _NEVER)


def _clock(value: Expr) -> Expr:
    return _call("wall", value) if _may_be(value) else value


def _instant(value: Expr) -> Expr:
    return _call("instant", value) if _may_be(value) else value


def _aligned(value: Expr, other: Expr) -> Expr:
    """Make a value a TIMESTAMP_TZ where what it is compared with is one."""
    if isinstance(value, exp.Null) or isinstance(other, exp.Null) or not _may_be(other):
        return value.copy()
    if isinstance(value, exp.Query | exp.Subquery) or isinstance(other, exp.Any | exp.All | exp.Query):
        return value.copy()
    return _call("aligned", value.copy(), other.copy())


def _call(name: str, *arguments: Expr) -> exp.Anonymous:
    return exp.Anonymous(this=_HOME + name, expressions=list(arguments))


def _is_zoned(kind: object) -> bool:
    return isinstance(kind, exp.DataType) and kind.this == _ZONED
