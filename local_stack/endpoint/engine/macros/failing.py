"""Fail from within an expression. DuckDB's error() has side effects to it: no query may refer to the alias of such a column."""

from __future__ import annotations


def failing(text: str, kind: str) -> str:
    """Write an expression of a type that fails with a text when it is evaluated; messages.py finds the text again."""
    return f"CAST(CAST({text} AS INTEGER) AS {kind})"
