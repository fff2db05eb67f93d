"""Tell of which type a value is before DuckDB has seen it: what it is cast to in order to stay as it is, without digits."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import Expr, exp

CHOICES = (exp.Case, exp.If, exp.Coalesce, exp.DecodeCase, exp.Nvl2, exp.Greatest, exp.Least)
TEXT, NUMBER, FLOAT = "VARCHAR", "NUMBER", "FLOAT"
# By what DuckDB and sqlglot call the types.
_TYPES = {
    **dict.fromkeys(("DECIMAL", "HUGEINT", "BIGINT", "INTEGER", "INT", "SMALLINT", "TINYINT"), NUMBER),
    **dict.fromkeys(("DOUBLE", "FLOAT"), FLOAT),
    **dict.fromkeys(("VARCHAR", "TEXT", "CHAR"), TEXT),
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMPNTZ"), "TIMESTAMP_NTZ"),
    **dict.fromkeys(("TIMESTAMP WITH TIME ZONE", "TIMESTAMPLTZ"), "TIMESTAMP_LTZ"),
    **{name: name for name in ("DATE", "TIME", "BOOLEAN")},
}
_OF_NUMBERS = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.Neg, exp.Abs, exp.Round)
_FUNCTIONS: dict[type[Expr], str] = {
    **dict.fromkeys((exp.Count, exp.CountIf, exp.Length, exp.RowNumber, exp.Rank, exp.DenseRank, exp.DateDiff), NUMBER),
    **dict.fromkeys((exp.Concat, exp.DPipe, exp.Upper, exp.Lower, exp.Initcap, exp.Substring, exp.Trim), TEXT),
    **dict.fromkeys((exp.Replace, exp.Left, exp.Right), TEXT),
}


def cast_type(name: str) -> str | None:
    """Return a type by DuckDB's name, or sqlglot's; None for one that nothing is converted to."""
    return _TYPES.get(name.partition("(")[0])


def type_of(value: Expr, of_column: Callable[[Expr], str | None]) -> str | None:
    """Return a value's type, None where it cannot be told."""
    value = value.unalias().unnest()
    match value:
        case exp.Column() | exp.Parameter():
            return of_column(value)
        case exp.Literal():
            return TEXT if value.is_string else NUMBER
        case exp.Cast():
            return cast_type(value.to.this.value)
    if isinstance(value, CHOICES):
        types = [kind for branch in branches(value) if (kind := type_of(branch, of_column))]
        return next((kind for kind in types if kind != TEXT), TEXT if types else None)
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
