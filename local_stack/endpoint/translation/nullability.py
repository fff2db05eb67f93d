"""Tell which expressions can be NULL: what results tell as `nullable`, on which Snowpark's schemas are built.

Only what certainly never is NULL is told so: constants, columns that are NOT NULL, COUNT and ranks, and operators and
functions that give NULL for NULL alone, over those.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import Expr, exp

NullableColumn = Callable[[Expr], bool]  # of a column, or of a position ($1), in the query at hand

_NEVER: tuple[type[Expr], ...] = (
    exp.Literal, exp.Boolean, exp.Exists, exp.Is, exp.Array, exp.Struct, exp.JSONObject, exp.Count, exp.CountIf,
    exp.ApproxDistinct, exp.RowNumber, exp.Rank, exp.DenseRank, exp.Ntile, exp.PercentRank, exp.CumeDist, exp.Seq1, exp.Seq2,
    exp.Seq4, exp.Seq8, exp.Rand, exp.CurrentDate, exp.CurrentTime, exp.CurrentTimestamp, exp.Uuid,
)  # fmt: skip
# NULL for a NULL argument, and only then.
_BY_ARGUMENTS: tuple[type[Expr], ...] = (
    exp.Paren, exp.Neg, exp.Not, exp.Cast, exp.Binary, exp.Between, exp.In, exp.DPipe, exp.Concat, exp.Upper, exp.Lower,
    exp.Trim, exp.Length, exp.Substring, exp.Left, exp.Right, exp.Replace, exp.Reverse, exp.Repeat, exp.Pad, exp.StartsWith,
    exp.EndsWith, exp.Contains, exp.Initcap, exp.Abs, exp.Ceil, exp.Floor, exp.Round, exp.Trunc, exp.Sign, exp.Sqrt, exp.Exp,
    exp.Ln, exp.Pow, exp.Sin, exp.Cos, exp.Tan, exp.Asin, exp.Acos, exp.Atan, exp.Greatest, exp.Least, exp.Year, exp.Quarter,
    exp.Month, exp.Week, exp.Day, exp.DayOfMonth, exp.DayOfWeek, exp.DayOfYear, exp.Hour, exp.Minute, exp.Second, exp.Extract,
    exp.DateTrunc, exp.TimestampTrunc, exp.DateAdd, exp.DateDiff, exp.LastDay, exp.Monthname, exp.Dayname, exp.MD5, exp.SHA,
    exp.SHA2, exp.ToChar, exp.TsOrDsToDate, exp.ToVariant, exp.BitwiseNot,
)  # fmt: skip
# They look as if they belonged to the above: a JSON null, a failed conversion and a missing key are NULL.
_SOMETIMES: tuple[type[Expr], ...] = (
    exp.TryCast, exp.JSONExtract, exp.JSONExtractScalar, exp.Bracket, exp.Dot, exp.Escape,
)  # fmt: skip


def can_be_null(node: Expr, nullable_column: NullableColumn) -> bool:
    """Return whether a value may be NULL, given which columns may."""

    def any_of(values: list[Expr]) -> bool:
        return any(can_be_null(value, nullable_column) for value in values)

    match node:
        case exp.Column() | exp.Parameter():
            return nullable_column(node)
        case exp.Alias() | exp.Window():
            return can_be_null(node.this, nullable_column)
        case exp.Coalesce():
            return all(can_be_null(value, nullable_column) for value in (node.this, *node.expressions))
        case exp.Case():
            results = [branch.args["true"] for branch in node.args["ifs"]]
            return node.args.get("default") is None or any_of([*results, node.args["default"]])
        case exp.If():
            return node.args.get("false") is None or any_of([node.args["true"], node.args["false"]])
        case exp.In() if node.args.get("query") is not None:
            return True
    if isinstance(node, _SOMETIMES) or node.args.get("safe"):
        return True
    if isinstance(node, _NEVER):
        return False
    if isinstance(node, _BY_ARGUMENTS):
        return any_of([child for child in node.iter_expressions() if not isinstance(child, exp.DataType | exp.Var)])
    return True
