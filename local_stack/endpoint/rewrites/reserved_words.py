"""Column and table names that are free words in Snowflake and reserved in DuckDB."""

from __future__ import annotations

from sqlglot import Expr, exp

from local_stack.endpoint.rewrites.context import Context

_RESERVED_IN_DUCKDB_ONLY = frozenset(
    {
        "ANALYSE", "ANALYZE", "ASYMMETRIC", "AT", "DEFERRABLE", "DESC", "DESCRIBE", "DO", "END", "INITIALLY", "LAMBDA",
        "OFFSET", "ONLY", "PIVOT_LONGER", "PIVOT_WIDER", "PLACING", "REFERENCES", "RETURNING", "SHOW", "SUMMARIZE",
        "SYMMETRIC", "VARIADIC", "WINDOW",
    }
)  # fmt: skip


def reserved_words(expression: Expr, context: Context) -> Expr:
    """The rewrite: such names are quoted."""
    del context
    for name in expression.find_all(exp.Identifier):
        if not name.args.get("quoted") and str(name.this).upper() in _RESERVED_IN_DUCKDB_ONLY:
            name.set("quoted", True)
    return expression
