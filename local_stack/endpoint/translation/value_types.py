"""Tell of which type a value is before DuckDB has seen it: what it is cast to in order to stay as it is, without digits."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlglot import Expr, exp

from local_stack.endpoint.language.types import family_of

# Where a placeholder notes the type of its value, and how long it is.
_BIND, LENGTH = "bind", "length"
CHOICES = (exp.Case, exp.If, exp.Coalesce, exp.DecodeCase, exp.Nvl2, exp.Greatest, exp.Least)
TEXT, NUMBER, FLOAT, VARIANT, ARRAY, OBJECT = "VARCHAR", "NUMBER", "FLOAT", "VARIANT", "ARRAY", "OBJECT"
# By what DuckDB and sqlglot call the types.
_TYPES = {
    **dict.fromkeys(("DECIMAL", "HUGEINT", "BIGINT", "INTEGER", "INT", "SMALLINT", "TINYINT"), NUMBER),
    **dict.fromkeys(("DOUBLE", "FLOAT"), FLOAT),
    **dict.fromkeys(("VARCHAR", "TEXT", "CHAR"), TEXT),
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMPNTZ"), "TIMESTAMP_NTZ"),
    **dict.fromkeys(("TIMESTAMP WITH TIME ZONE", "TIMESTAMPLTZ"), "TIMESTAMP_LTZ"),
    **dict.fromkeys(("BLOB", "BINARY", "VARBINARY"), "BINARY"),
    **dict.fromkeys(("JSON", "VARIANT"), VARIANT),
    **{name: name for name in ("DATE", "TIME", "BOOLEAN", NUMBER, ARRAY, OBJECT)},
    **{name: name for name in ("TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ")},
    "TIMESTAMPTZ": "TIMESTAMP_TZ",
}
_OF_NUMBERS = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.Neg, exp.Abs, exp.Round)
_FUNCTIONS: dict[type[Expr], str] = {
    **dict.fromkeys((exp.Count, exp.CountIf, exp.Length, exp.RowNumber, exp.Rank, exp.DenseRank, exp.DateDiff), NUMBER),
    **dict.fromkeys((exp.Concat, exp.DPipe, exp.Upper, exp.Lower, exp.Initcap, exp.Substring, exp.Trim), TEXT),
    **dict.fromkeys((exp.Replace, exp.Left, exp.Right, exp.ToChar, exp.GroupConcat), TEXT),
    **dict.fromkeys((exp.JSONExtract, exp.Bracket, exp.GetExtract, exp.ParseJSON, exp.ToVariant), VARIANT),
    exp.CurrentTimestamp: "TIMESTAMP_LTZ",
    **dict.fromkeys((exp.CurrentDate, exp.TsOrDsToDate), "DATE"),
}
_OF_OPERAND = (exp.Min, exp.Max, exp.AnyValue, exp.Window, exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue)


def note_binds(statement: Expr, binds: Sequence[tuple[str, str | None]]) -> None:
    """Note the types of the values that a statement's placeholders are numbered by, from 1."""
    for placeholder in statement.find_all(exp.Placeholder) if binds else ():
        if placeholder.name.isdigit() and 0 < int(placeholder.name) <= len(binds):
            kind, value = binds[int(placeholder.name) - 1]
            if value is not None:
                placeholder.meta.update({_BIND: cast_type(family_of(kind)), LENGTH: len(value)})


def cast_type(name: str) -> str | None:
    """Return a type by DuckDB's name, or sqlglot's; None for one that nothing is converted to."""
    return _TYPES.get(name.partition("(")[0])


def type_of(value: Expr, of_column: Callable[[Expr], str | None]) -> str | None:
    """Return a value's type, None where it cannot be told."""
    value = value.unalias().unnest()
    match value:
        case exp.Column() | exp.Parameter():
            return of_column(value)
        case exp.Placeholder():
            return value.meta.get(_BIND)
        case exp.Literal():
            return TEXT if value.is_string else NUMBER
        case exp.Cast():
            return cast_type(value.to.this.value)
    if isinstance(value, CHOICES):
        types = [kind for branch in branches(value) if (kind := type_of(branch, of_column))]
        return next((kind for kind in types if kind not in (TEXT, VARIANT)), TEXT if TEXT in types else None)
    if isinstance(value, _OF_OPERAND):
        return type_of(value.this, of_column)
    if isinstance(value, _OF_NUMBERS):
        operands = {type_of(operand, of_column) for operand in value.iter_expressions()}
        return FLOAT if FLOAT in operands else NUMBER if operands == {NUMBER} else None
    return _FUNCTIONS.get(type(value))


def branches(choice: Expr) -> list[Expr]:
    """Return the values of which one is chosen."""
    if isinstance(choice, exp.Coalesce | exp.Greatest | exp.Least):
        return [choice.this, *choice.expressions]
    if isinstance(choice, exp.DecodeCase):
        pairs = choice.expressions[1:]
        return [*pairs[1::2], *(pairs[-1:] if len(pairs) % 2 else [])]
    choices = choice.args["ifs"] if isinstance(choice, exp.Case) else [choice]
    last = choice.args.get("default") or choice.args.get("false")
    return [one.args["true"] for one in choices] + ([last] if last is not None else [])
