"""DATE_INPUT_FORMAT and TIMESTAMP_INPUT_FORMAT, of the session or of one statement: how casts read text."""

from __future__ import annotations

from sqlglot import Expr, exp

from local_stack.endpoint.rewrites.context import Context, replace_each
from local_stack.endpoint.rewrites.formats import strftime_format

_DATE = exp.DataType.Type.DATE
_TIMESTAMPS = {exp.DataType.Type.TIMESTAMP, exp.DataType.Type.TIMESTAMPNTZ}
_TIMESTAMP_FUNCTIONS = {"TO_TIMESTAMP", "TO_TIMESTAMP_NTZ", "TRY_TO_TIMESTAMP", "TRY_TO_TIMESTAMP_NTZ"}


def input_formats(expression: Expr, context: Context) -> Expr:
    """The rewrite: nothing to do while the formats are AUTO."""
    date, timestamp = context.parameter("DATE_INPUT_FORMAT"), context.parameter("TIMESTAMP_INPUT_FORMAT")
    if date.upper() == timestamp.upper() == "AUTO":
        return expression

    def replace(node: Expr) -> Expr:
        if (kind := _reads(node)) is None:
            return node
        form = date if kind == "date" else timestamp
        return node if form.upper() == "AUTO" else _read(node, kind, form)

    return replace_each(expression, replace)


def _reads(node: Expr) -> str | None:
    """What a conversion without a format of its own reads: a date or a timestamp; None for any other node."""
    if isinstance(node, exp.Cast):
        return "date" if node.to.this == _DATE else "timestamp" if node.to.this in _TIMESTAMPS else None
    if isinstance(node, exp.TsOrDsToDate):
        return None if node.args.get("format") else "date"
    called = isinstance(node, exp.Anonymous) and str(node.this).upper() in _TIMESTAMP_FUNCTIONS
    return "timestamp" if called and len(node.expressions) == 1 else None


def _read(node: Expr, kind: str, form: str) -> Expr:
    lenient = isinstance(node, exp.TryCast) or bool(node.args.get("safe")) or str(node.this).upper().startswith("TRY_")
    value: Expr = node.expressions[0] if isinstance(node, exp.Anonymous) else node.this
    macro = f"_fs_global.main._sf_{'try_' if lenient else ''}{kind}_input"
    call = exp.Anonymous(this=macro, expressions=[value.copy(), exp.Literal.string(strftime_format(form))])
    if isinstance(node.parent, exp.Select) and node.arg_key == "expressions":
        return exp.alias_(call, node.sql(dialect="snowflake").upper(), quoted=True)
    return call
