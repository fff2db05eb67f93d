"""Run several statements in one request (MULTI_STATEMENT_COUNT): each runs on its own; the client then asks for each result.

Source: Snowflake's parameter reference, MULTI_STATEMENT_COUNT: 1 by default, 0 for any number; another number must be met.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from local_stack.endpoint.engine.bindings import Bind
from local_stack.endpoint.language.text import count_placeholders, statements
from local_stack.endpoint.outcome import Outcome, from_result
from local_stack.endpoint.statements import Column, Result, SqlError, Statement

if TYPE_CHECKING:
    from local_stack.endpoint.session import Session

# What the clients look for in the parent's only row.
_DONE = "Multiple statements executed successfully."


def wanted_count(statement: Statement, session: Session) -> int:
    """Return how many statements the request may hold; 0 for any number."""
    return int(session.parameter("MULTI_STATEMENT_COUNT", statement.parameters))


def run_all(statement: Statement, session: Session, count: int, query_id: str) -> tuple[tuple[str, ...], Outcome]:
    """Run a request's statements in order. Return the query id of each, and the outcome of the whole.

    A statement that fails ends the run; those before it have happened. Raises SqlError.
    """
    texts = statements(statement.text)
    if count not in (0, len(texts)):
        raise SqlError(
            f"Actual statement count {len(texts)} did not match the desired statement count {count}.", 8, "0A000"
        )
    ids: list[str] = []
    binds: Sequence[Bind] = statement.binds
    for text in texts:
        taken = count_placeholders(text)
        outcome = session.run(Statement(text, tuple(binds[:taken]), parameters=statement.parameters))
        binds = binds[taken:]
        ids.append(outcome.query_id)
    whole = replace(from_result(Result((Column("multiple statement execution"),), [[_DONE]])), query_id=query_id)
    session.keep(whole)
    return tuple(ids), whole
