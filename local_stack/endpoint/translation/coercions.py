"""Convert values beside those of another type, where DuckDB does it otherwise than Snowflake or not at all.

Text beside a number, a date or a time becomes one in CASE, DECODE, IFF, COALESCE, NVL, NVL2, GREATEST and LEAST, and in a
column of UNION, INTERSECT and EXCEPT; where one computes, a number. A column that is a VARIANT becomes a FLOAT where one
computes. A VARIANT becomes text there and in comparisons with
text, and where a function or an operator takes text. Text that becomes a time may have any form that AUTO detects. Where a
type cannot be told from the query and its tables, nothing is converted.
See: https://docs.snowflake.com/en/sql-reference/functions/coalesce (usage notes) and …/data-type-conversion
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sqlglot import Expr, exp

from local_stack.endpoint.translation.casts import AS_TEXT
from local_stack.endpoint.translation.context import Context
from local_stack.endpoint.translation.result_columns import Scope, scopes
from local_stack.endpoint.translation.value_types import (
    ARRAY,
    CHOICES,
    FLOAT,
    NUMBER,
    OBJECT,
    TEXT,
    VARIANT,
    branches,
    cast_type,
)

_WHOLE = re.compile(r"\s*[+-]?\d+(?:\.(\d*))?\s*")
_COMPARED = (
    exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ, exp.EqualNull, exp.Nullif, exp.In,
    exp.Between, exp.Case, exp.DecodeCase,
)  # fmt: skip
_COMPUTED = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod)
# Functions of numbers alone: text in them becomes a NUMBER, or a FLOAT.
_OF_NUMBERS = (exp.Abs, exp.Ceil, exp.Floor, exp.Round, exp.Sign, exp.Neg)
_OF_FLOATS = (
    exp.Exp, exp.Pow, exp.Sin, exp.Cos, exp.Tan, exp.Asin, exp.Acos, exp.Atan, exp.Radians, exp.Degrees,
)  # fmt: skip
_WITH_FORMAT = (exp.TsOrDsToDate, exp.TsOrDsToTime, exp.StrToTime)
_READ = (exp.Cast, exp.UnixToTime, exp.Anonymous, *_WITH_FORMAT)
_ORDERED = (exp.Ordered, exp.Min, exp.Max)
_TIMES = ("DATE", "TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ")
_TIMESTAMP_FUNCTIONS = {
    f"{verb}{suffix}" for verb in ("TO_TIMESTAMP", "TRY_TO_TIMESTAMP") for suffix in ("", "_NTZ", "_LTZ", "_TZ")
}
_DETECTED = re.compile(
    r"\s*(\d\d?/\d\d?/\d{4}|\d\d?-[A-Za-z]{3}-\d{4}|[A-Za-z]{3},? |\d+\s*$|\d{4}-\d\d?-\d\d?[ T]\d\d?\s*$)"
)
# A VARIANT in them is text; so are numbers and times, which DuckDB writes otherwise.
_OF_TEXT = (
    exp.DPipe, exp.Concat, exp.ConcatWs, exp.Like, exp.ILike, exp.RegexpLike, exp.RegexpReplace, exp.RegexpExtract,
    exp.RegexpCount, exp.Contains, exp.StartsWith, exp.EndsWith, exp.StrPosition, exp.Split, exp.SplitPart, exp.Strtok,
    exp.Upper, exp.Lower, exp.Initcap, exp.Length, exp.Trim, exp.Left, exp.Right, exp.Substring, exp.Replace, exp.Pad,
    exp.Repeat, exp.Reverse, exp.Translate, exp.GroupConcat, exp.Levenshtein, exp.MD5, exp.SHA, exp.SHA2,
    exp.ToBinary,
)  # fmt: skip
_REWRITTEN = (VARIANT, FLOAT, "TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ")
_KEPT = (None, TEXT, VARIANT, ARRAY, OBJECT, "BINARY")  # what text beside it stays text


def coercions(expression: Expr, context: Context) -> Expr:
    """Cast what is converted. Runs on Snowflake's tree."""
    root = expression.expression if isinstance(expression, exp.Create | exp.Insert) else expression
    changes = isinstance(root, exp.Query | exp.Update | exp.Merge | exp.Delete)
    if not changes or not root.find(
        *CHOICES, *_COMPARED, *_COMPUTED, *_OF_TEXT, *_OF_NUMBERS, *_OF_FLOATS, *_READ, *_ORDERED, exp.SetOperation
    ):
        return expression
    _without_automatic_formats(root)
    found = {id(one.select): one for one in scopes(root, context.columns)}
    for scope in found.values():
        for node in scope.nodes(*CHOICES, *_COMPARED, *_COMPUTED, *_OF_TEXT, *_OF_NUMBERS, *_OF_FLOATS):
            if isinstance(node, _OF_TEXT):
                _as_text(scope, node)
            if isinstance(node, (*_OF_NUMBERS, *_OF_FLOATS)):
                _of_text(scope, node, NUMBER if isinstance(node, _OF_NUMBERS) else FLOAT)
            if isinstance(node, _COMPUTED):
                _as_numbers(scope, node)
            if isinstance(node, _COMPARED):
                for compared in _compared(node):
                    _convert_compared([_beside(value, scope, found) for value in compared])
            if isinstance(node, CHOICES) and not isinstance(node.parent, exp.Case):
                values = [(scope, branch) for branch in branches(node)]
                _convert(values)
        _read_times(scope, context)
        _order(scope)
    for united in root.find_all(exp.SetOperation):
        if not isinstance(united.parent, exp.SetOperation):
            for columns in _columns(united):
                _convert([(found[id(value.parent)], value) for value in columns])
    return expression


def detected(value: Expr, context: Context, kind: str) -> Expr:
    """Return a text that becomes a date or a timestamp: in any form that AUTO detects, where that is the input format.

    See: https://docs.snowflake.com/en/sql-reference/date-time-input-output
    """
    parameter = "DATE_INPUT_FORMAT" if kind == "DATE" else "TIMESTAMP_INPUT_FORMAT"
    plain = isinstance(value, exp.Literal) and not _DETECTED.match(value.name)
    if plain or context.parameter(parameter).upper() != "AUTO":
        return value
    return exp.Anonymous(this="_fs_global.main._sf_detected", expressions=[value.copy()])


def _without_automatic_formats(root: Expr) -> None:
    """Let a function of times without a format stand for one with 'AUTO', and a cast for TO_DATE of digits.

    See: https://docs.snowflake.com/en/sql-reference/functions/to_date
    """
    for node in list(root.find_all(*_WITH_FORMAT, exp.Anonymous)):
        if isinstance(node, exp.Anonymous):
            name, arguments = str(node.this).upper(), node.expressions
            if name in ("TO_DATE", "DATE", "TRY_TO_DATE") and len(arguments) == 1 and arguments[0].is_string:
                cast = exp.TryCast if name.startswith("TRY") else exp.Cast
                node.replace(cast(this=arguments[0].copy(), to=exp.DataType(this=exp.DType.DATE)))
        elif (form := node.args.get("format")) is None or form.name.upper() != "AUTO":
            continue
        elif isinstance(node, exp.StrToTime):
            kind = node.args["target_type"].this.value.removeprefix("TIMESTAMP")
            name = f"{'TRY_' if node.args.get('safe') else ''}TO_TIMESTAMP{f'_{kind}' if kind else ''}"
            node.replace(exp.Anonymous(this=name, expressions=[node.this.copy()]))
        else:
            node.set("format", None)


def _read_times(scope: Scope, context: Context) -> None:
    """Read text that is cast to a date or a timestamp."""
    for node in scope.nodes(*_READ):
        value: Expr = node.this
        if isinstance(node, exp.Anonymous):
            called = str(node.this).upper() in _TIMESTAMP_FUNCTIONS and len(node.expressions) == 1
            value = node.expressions[0] if called else exp.Null()
        elif node.args.get("format") or (isinstance(node, exp.Cast) and cast_type(node.to.this.value) not in _TIMES):
            continue
        if scope.type_of(value) == TEXT:
            value.replace(detected(value, context, scope.type_of(node) or ""))


def _order(scope: Scope) -> None:
    """Let VARIANTs be ordered by their values, not by their texts."""
    for node in scope.nodes(*_ORDERED, exp.GT, exp.GTE, exp.LT, exp.LTE):
        if isinstance(node, exp.Ordered) and (scope.select.args.get("distinct") or node.find_ancestor(exp.WithinGroup)):
            continue  # what distinct values are ordered by has to be among them
        operands = [node.this, node.expression] if isinstance(node, exp.Binary) else [node.this]
        if any(scope.type_of(operand) != VARIANT for operand in operands):
            continue
        if isinstance(node, exp.Min | exp.Max):
            by = f"arg_{'min' if isinstance(node, exp.Min) else 'max'}"
            node.replace(exp.Anonymous(this=by, expressions=[node.this.copy(), _by_value(node.this)]))
            continue
        for operand in operands:
            operand.replace(_by_value(operand))


def _by_value(value: Expr) -> Expr:
    return exp.Anonymous(this="_fs_global.main._sf_order", expressions=[value.copy()])


def _compared(node: Expr) -> Iterator[list[Expr]]:
    """Yield the values that a node compares with each other."""
    match node:
        case exp.EQ() if isinstance(node.parent, exp.Update) and node.arg_key == "expressions":
            return  # an assignment
        case exp.In():
            query = node.args.get("query")
            yield [node.this, *node.expressions, *([query] if query is not None else [])]
        case exp.Between():
            yield [node.this, node.args["low"], node.args["high"]]
        case exp.Case():
            if node.this is not None:
                yield [node.this, *(branch.this for branch in node.args["ifs"])]
        case exp.DecodeCase():
            yield [node.expressions[0], *node.expressions[1:-1:2]]
        case _:
            yield [node.this, node.expression]


def _beside(value: Expr, scope: Scope, found: dict[int, Scope]) -> tuple[Scope, Expr]:
    """Return a value in its scope: of a subquery the column that it selects."""
    query = value.unnest()
    if isinstance(query, exp.Select) and id(query) in found and len(query.selects) == 1:
        return found[id(query)], query.selects[0]
    return scope, value


def _as_text(scope: Scope, node: Expr) -> None:
    for operand in list(node.iter_expressions()):
        if not isinstance(operand, exp.Literal) and scope.type_of(operand) in _REWRITTEN:
            _cast(operand, TEXT, scope)


def _of_text(scope: Scope, node: Expr, wanted: str) -> None:
    """Convert the operands of a function of numbers that are text."""
    for operand in [node.args.get("this"), node.args.get("expression")]:
        if isinstance(operand, Expr) and scope.type_of(operand) == TEXT:
            _cast(operand, wanted, scope)


def _as_numbers(scope: Scope, node: exp.Binary) -> None:
    for operand in (node.this, node.expression):
        if isinstance(operand, exp.Column | exp.Bracket | exp.GetExtract) and scope.type_of(operand) == VARIANT:
            _cast(operand, FLOAT, scope)
    values = [(scope, node.this), (scope, node.expression)]
    types = {scope.type_of(value) for _, value in values}
    if types == {TEXT}:
        for _, value in values:
            _cast(value, NUMBER, scope)
    elif types <= {NUMBER, FLOAT, TEXT}:
        _convert(values)


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
    others = [str(kind) for kind in types if kind not in _KEPT]
    if not others:
        _convert_variants(values)
    elif TEXT in types:
        wanted = FLOAT if FLOAT in others else others[0]
        for (scope, value), kind in zip(values, types, strict=True):
            if kind == TEXT:
                _cast(value, wanted, scope)


def _convert_compared(values: Sequence[tuple[Scope, Expr]]) -> None:
    """Cast a VARIANT beside text, and a constant text beside a time that has another form than DuckDB reads."""
    times = [kind for scope, value in values if (kind := scope.type_of(value)) in _TIMES]
    for scope, value in values:
        if times and isinstance(value, exp.Literal) and value.is_string and _DETECTED.match(value.name):
            _cast(value, str(times[0]), scope)
    _convert_variants(values)


def _convert_variants(values: Sequence[tuple[Scope, Expr]]) -> None:
    """Cast those that are a VARIANT to text where another one is text."""
    types = [scope.type_of(value) for scope, value in values]
    if TEXT in types:
        for (scope, value), kind in zip(values, types, strict=True):
            if kind == VARIANT:
                _cast(value, TEXT, scope)


def _cast(value: Expr, wanted: str, scope: Scope) -> None:
    """Convert a value: text to NUMBER(18, 5), or a constant to as many digits as it has.

    A VARIANT by which groups are made stays in the expression as it is: DuckDB finds the group by it.
    """
    if isinstance(value, exp.Alias):
        value = value.this
    if wanted == NUMBER:
        digits = _WHOLE.fullmatch(value.name) if isinstance(value, exp.Literal) else None
        wanted = f"NUMBER(38, {len(digits[1] or '')})" if digits else "NUMBER(18, 5)"
    cast: Expr = exp.Cast(this=value.copy(), to=exp.DataType.build(wanted, dialect="snowflake"))
    if wanted == TEXT and scope.select.args.get("group") is not None:
        cast = exp.Anonymous(this=AS_TEXT, expressions=[value.copy()])
    if isinstance(value, exp.Column) and isinstance(value.parent, exp.Select):
        cast = exp.alias_(cast, value.this.copy())
    value.replace(cast)
