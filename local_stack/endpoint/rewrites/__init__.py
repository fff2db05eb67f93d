"""The rewrites: small functions from Snowflake's syntax tree to one that fakesnow (or DuckDB) understands.

A rewrite is `(expression, context) -> expression` over a whole statement. BEFORE run on Snowflake's tree as parsed, ahead
of fakesnow's transforms; AFTER run on their result, ahead of DuckDB. To add one: write a module here with the function,
put it in a list below, test it as SQL -> SQL and by behaviour (tests/endpoint/test_rewrite_<name>.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import Expr

from local_stack.endpoint.stages.staged_query import staged_files

if TYPE_CHECKING:
    from local_stack.endpoint.sessions import Session


@dataclass(frozen=True)
class Context:
    """What a rewrite may know: the session (its database, schema, parameters, results, temporary tables)."""

    session: Session

    @property
    def database(self) -> str | None:
        return self.session.database

    @property
    def schema(self) -> str | None:
        return self.session.schema


Rewrite = Callable[[Expr, Context], Expr]

BEFORE: list[Rewrite] = [staged_files]
AFTER: list[Rewrite] = []


def apply(rewrites: list[Rewrite], expression: Expr, context: Context) -> Expr:
    """Run rewrites in order."""
    for rewrite in rewrites:
        expression = rewrite(expression, context)
    return expression
