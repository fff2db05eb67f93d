"""Procedures in SQL, and scripting blocks on their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from local_stack.endpoint.features.procedures.definition import Routine
from local_stack.endpoint.features.procedures.frames import running
from local_stack.endpoint.features.procedures.python.running import table_statement
from local_stack.endpoint.features.procedures.registry import FoundRoutine
from local_stack.endpoint.features.procedures.scripting.run import Answer, literal, run_block
from local_stack.endpoint.language.quoting import quote_name
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import Result, Statement


def run_sql(found: FoundRoutine, arguments: Sequence[Any], session: Session, reads_only: bool = False) -> Statement:
    """Run a SQL procedure; the statement that gives its result."""
    routine = found.routine
    bound = {p.name: (value, p.type) for p, value in zip(routine.parameters, arguments, strict=True)}
    with running(found, session, reads_only):
        answer = run_block(str(routine.body), session, bound)
    if answer.table is not None:
        return table_statement(routine, answer.table.query_id, [column.name for column in answer.table.columns])
    return _scalar(routine, answer)


def _scalar(routine: Routine, answer: Answer) -> Statement:
    text = literal(answer.value, answer.kind)
    if routine.returns in ("VARIANT", "OBJECT", "ARRAY"):
        text = text if answer.kind or answer.value is None else f"TO_VARIANT({text})"
        return Statement(f"SELECT {text}::{routine.returns} AS {quote_name(routine.name)}")
    returns = routine.returns or "VARCHAR"
    return Statement(f"SELECT CAST({text} AS {returns}) AS {quote_name(routine.name)}")


def run_anonymous(sql: str, session: Session) -> Result | Statement:
    """A block that a client sends by itself."""
    answer = run_block(sql, session, {})
    if answer.table is not None:
        return Statement(f"SELECT * FROM TABLE(RESULT_SCAN('{answer.table.query_id}'))")
    return Statement(f'SELECT {literal(answer.value, answer.kind)} AS "anonymous block"')
