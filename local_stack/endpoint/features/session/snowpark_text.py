"""Statements of Snowpark that must be changed as text: sqlglot cannot parse them, or has no tree for them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlglot import exp

from local_stack.endpoint.engine.bindings import Bind
from local_stack.endpoint.language.parse import parse
from local_stack.endpoint.language.quoting import quote_string
from local_stack.endpoint.language.text import with_literals
from local_stack.endpoint.statements import Column, Result, SqlError, Statement

if TYPE_CHECKING:
    from local_stack.endpoint.session import Session

# Statements whose `?` no database binds: names and locations. The connector's write_pandas sends them so.
_NAMES_BOUND = re.compile(
    r"^\s*(?:PUT|GET|LIST|LS|REMOVE|RM|COPY|CREATE|DROP|TRUNCATE)\b(?!.*\bAS\s+\(?\s*SELECT\b)",
    re.IGNORECASE | re.DOTALL,
)
_INFERENCE = re.compile(r"\bINFER_SCHEMA\s*\(", re.IGNORECASE)
_EXPLAIN = re.compile(r"^\s*EXPLAIN(?:\s+USING\s+(TEXT|TABULAR|JSON))?\s+(?=\S)", re.IGNORECASE)
_EMPTY_GROUPING = re.compile(r"\bGROUP\s+BY\s+(ROLLUP|CUBE)\s*\(\s*\)", re.IGNORECASE)


class SnowparkText:
    """The extension."""

    def handle(self, statement: Statement, session: Session) -> Result | Statement | None:
        text = statement.text
        if _EXPLAIN.match(text):
            return _explain(statement, session)
        if match := _EMPTY_GROUPING.search(text):
            raise SqlError(
                f"SQL compilation error:\nsyntax error line 1 at position {match.end() - 1} unexpected ')'.",
                1003,
                "42000",
            )
        if statement.binds and (_NAMES_BOUND.match(text) or _INFERENCE.search(text)):
            statement = Statement(inlined(text, statement.binds), (), statement.describe_only)
        return None if statement.text == text else statement


def inlined(text: str, binds: Sequence[Bind]) -> str:
    """The statement with its binds written as literals."""
    return with_literals(text, (_literal(kind, value) for kind, value in binds))


def _literal(kind: str, value: str | None) -> str:
    if value is None:
        return "NULL"
    return value if kind in ("FIXED", "REAL", "BOOLEAN") else quote_string(value)


def _explain(statement: Statement, session: Session) -> Result:
    """The query is compiled (an invalid one fails as in Snowflake), not run; the plan names its tables."""
    query = _EXPLAIN.sub("", statement.text)
    described = session.run(Statement(query, statement.binds, describe_only=True))
    lines = ["GlobalStats:", "    partitionsTotal=0", "    partitionsAssigned=0", "    bytesAssigned=0", "Operations:"]
    names = ", ".join(column.name for column in described.columns)
    lines.append(f"1:0     ->Result  {names}")
    for number, table in enumerate(parse(query).find_all(exp.Table), start=1):
        lines.append(f"1:{number}          ->TableScan  {table.sql(dialect='snowflake')}")
    return Result((Column("content"),), [["\n".join(lines)]])
