"""Window functions that rank or pick rows: they need an order, and pick from the whole partition.

Source: Snowflake's "Window function syntax and usage": these functions require ORDER BY; without an explicit frame
FIRST_VALUE, LAST_VALUE and NTH_VALUE see the whole partition (DuckDB: the rows up to the current one).
"""

from __future__ import annotations

from sqlglot import Expr, exp

from local_stack.endpoint.grammar import compilation_error
from local_stack.endpoint.rewrites.context import Context

_PICKING: dict[type[Expr], str] = {
    exp.FirstValue: "FIRST_VALUE",
    exp.LastValue: "LAST_VALUE",
    exp.NthValue: "NTH_VALUE",
}
_ORDERED: dict[type[Expr], str] = {
    exp.RowNumber: "ROW_NUMBER",
    exp.Rank: "RANK",
    exp.DenseRank: "DENSE_RANK",
    exp.Ntile: "NTILE",
    exp.PercentRank: "PERCENT_RANK",
    exp.CumeDist: "CUME_DIST",
    exp.Lag: "LAG",
    exp.Lead: "LEAD",
    **_PICKING,
}


def windows(expression: Expr, _: Context) -> Expr:
    """The rewrite. Raises SqlError where the order is missing."""
    for window in expression.find_all(exp.Window):
        function = window.this
        while isinstance(function, exp.IgnoreNulls | exp.RespectNulls):
            function = function.this
        name = _ORDERED.get(type(function))
        if name is None or window.args.get("alias"):
            continue
        if not window.args.get("order"):
            raise compilation_error(
                f"Window function type [{name}] requires ORDER BY in window specification.", 2303, "0A000"
            )
        if type(function) in _PICKING and not window.args.get("spec"):
            window.set(
                "spec",
                exp.WindowSpec(
                    kind="ROWS",
                    start="UNBOUNDED",
                    start_side="PRECEDING",
                    end="UNBOUNDED",
                    end_side="FOLLOWING",
                ),
            )
    return expression
