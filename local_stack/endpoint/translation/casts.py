"""Rewrite casts whose meaning differs, and the types that they name."""

from __future__ import annotations

from sqlglot import Expr, exp

from local_stack.endpoint.translation.arrays import is_array, is_zoned
from local_stack.endpoint.translation.context import Context, replace_each
from local_stack.endpoint.translation.tables import text_length
from local_stack.endpoint.translation.times import output_formats

_TEXT = {exp.DataType.Type.VARCHAR, exp.DataType.Type.TEXT, exp.DataType.Type.NVARCHAR, exp.DataType.Type.CHAR}

_FITTING = "_fs_global.main._sf_fitting"
AS_TEXT = "_fs_global.main._sf_text"
_OURS = {AS_TEXT, "_fs_global.main._sf_formatted", "_fs_global.main._sf_integer"}
_TRUTH = "_fs_global.main._sf_boolean"
_INTEGERS = {exp.DataType.Type.INT128}
_ZONED = {exp.DataType.Type.TIMESTAMPTZ, exp.DataType.Type.TIMESTAMPLTZ}


def casts(expression: Expr, context: Context) -> Expr:
    """Rewrite casts that mean something else in DuckDB: to text (a VARIANT string has no quotes, timestamps have
    Snowflake's format; one that is longer than VARCHAR(n) is an error) and to integers (they round half away from zero).
    Runs after fakesnow's transforms. The macros are in functions.py.
    """
    formats = output_formats(context)

    def replace(node: Expr) -> Expr:
        if not isinstance(node, exp.Cast):
            return node
        length = text_length(node.to)
        if length is not None and type(node) is exp.Cast and not isinstance(node.parent, exp.ColumnDef):
            text = exp.Cast(this=node.this, to=exp.DataType.build("TEXT"))
            return exp.Anonymous(this=_FITTING, expressions=[replace(text), exp.Literal.number(length)])
        if node.to.this in _ZONED and not isinstance(node.this, exp.Null):
            macro = f"_fs_global.main._sf_{'try_' if isinstance(node, exp.TryCast) else ''}zoned"
            return exp.Anonymous(this=macro, expressions=[node.this])
        if node.to.this == exp.DType.BOOLEAN and not isinstance(node.this, exp.Null | exp.Boolean | exp.Predicate):
            truth = exp.Anonymous(this=_TRUTH, expressions=[node.this])
            return exp.Anonymous(this="TRY", expressions=[truth]) if isinstance(node, exp.TryCast) else truth
        if isinstance(node.this, exp.Literal | exp.Null):
            return node
        if isinstance(node.this, exp.Anonymous) and str(node.this.this) in _OURS:
            return node
        if node.to.this in _TEXT and not isinstance(node.parent, exp.ColumnDef):
            if isinstance(node.this.unnest(), exp.JSONExtractScalar):
                return node
            macro = f"_fs_global.main._sf_{'formatted' if formats else 'text'}"
            return exp.Cast(this=exp.Anonymous(this=macro, expressions=[node.this, *formats]), to=node.to)
        if type(node) is exp.Cast and node.to.this in _INTEGERS and not _is_plain(node.this):
            return exp.Cast(this=exp.Anonymous(this="_fs_global.main._sf_integer", expressions=[node.this]), to=node.to)
        return node

    return replace_each(expression, replace)


def _is_plain(node: Expr) -> bool:
    """Return whether DuckDB converts it as Snowflake does: a literal, or arithmetic of literals and casts to integers.

    Such a node needs no macro. The macro repeats its argument, so each level of nested calls would double the statement.
    """
    if isinstance(node, exp.Neg | exp.Paren):
        return _is_plain(node.this)
    return isinstance(node, exp.Literal) or _is_integral(node)


def _is_integral(node: Expr) -> bool:
    if isinstance(node, exp.Neg | exp.Paren):
        return _is_integral(node.this)
    if isinstance(node, exp.Add | exp.Sub | exp.Mul):
        return _is_integral(node.this) and _is_integral(node.expression)
    return (isinstance(node, exp.Literal) and node.is_int) or (type(node) is exp.Cast and node.to.this in _INTEGERS)


TRY_TIMESTAMP = "_fs_global.main._sf_try_timestamp"
_TIMESTAMPS = {exp.DataType.Type.TIMESTAMP, exp.DataType.Type.TIMESTAMPNTZ}


def try_casts(expression: Expr, _: Context) -> Expr:
    """Let TRY_CAST to a timestamp give NULL. fakesnow turns every cast to a timestamp into its own function, which
    raises.
    """

    def replace(node: Expr) -> Expr:
        if isinstance(node, exp.TryCast) and node.to.this in _TIMESTAMPS:
            return exp.Anonymous(this=TRY_TIMESTAMP, expressions=[node.this])
        return node

    return replace_each(expression, replace)


# Casts to VARIANT, ARRAY and OBJECT wrap a value ('a'::VARIANT is a VARIANT string; parsing is PARSE_JSON's).

_SEMI_STRUCTURED = {exp.DataType.Type.VARIANT, exp.DataType.Type.OBJECT}


def variants(expression: Expr, _: Context) -> Expr:
    """Wrap values in macros (variants.py). A PARSE_JSON under the cast, and NULL, stay what they are."""

    def replace(node: Expr) -> Expr:
        if not isinstance(node, exp.ToVariant):
            if type(node) is not exp.Cast or node.to.this not in _SEMI_STRUCTURED:
                return node
            if isinstance(node.this, exp.JSONExtract) and node.to.this == exp.DataType.Type.VARIANT:
                return node.this  # a VARIANT already: DuckDB would parse it again
            if isinstance(node.this, exp.Null | exp.ParseJSON | exp.JSONExtract):
                return node
        if (isinstance(node, exp.Cast) and node.to.this != exp.DataType.Type.VARIANT) or is_array(node.this):
            return exp.Anonymous(this="to_json", expressions=[node.this])
        suffix = "_tz" if is_zoned(node.this) else ""
        return exp.Anonymous(this=f"_fs_global.main._sf_variant{suffix}", expressions=[node.this])

    return replace_each(expression, replace)


def parsed_json(expression: Expr, _: Context) -> Expr:
    """Rewrite PARSE_JSON and TRY_PARSE_JSON of text, or of a VARIANT that holds text.

    The macros are in functions.py. With the parameter 'd' keys may be repeated.

    Source: https://docs.snowflake.com/en/sql-reference/functions/parse_json. Runs after fakesnow's transforms.
    """

    def replace(node: Expr) -> Expr:
        if not isinstance(node, exp.ParseJSON):
            return node
        macro = "_sf_try_parse_json" if node.args.get("safe") else "_sf_parse_json"
        if (parameter := node.expression) is not None and parameter.name == "d":
            macro += "_last"
        return exp.Anonymous(this=f"_fs_global.main.{macro}", expressions=[node.this])

    return replace_each(expression, replace)
