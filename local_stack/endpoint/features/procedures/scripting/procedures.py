"""Run procedures in SQL, and scripting blocks on their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlglot import Expr, exp

from local_stack.endpoint.features.procedures.definition import Routine
from local_stack.endpoint.features.procedures.frames import running
from local_stack.endpoint.features.procedures.python.running import table_statement
from local_stack.endpoint.features.procedures.registry import FoundRoutine
from local_stack.endpoint.features.procedures.scripting.execution import Answer
from local_stack.endpoint.features.procedures.scripting.run import run_block
from local_stack.endpoint.features.procedures.scripting.variables import Variable, cast, literal
from local_stack.endpoint.language.types import parse_type
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import Statement


def run_sql(found: FoundRoutine, arguments: Sequence[Any], session: Session, reads_only: bool = False) -> Statement:
    """Run a SQL procedure; return the statement that gives its result."""
    routine = found.routine
    bound = {p.name: Variable(value, p.type) for p, value in zip(routine.parameters, arguments, strict=True)}
    with running(found, session, reads_only):
        answer = run_block(str(routine.body), session, bound, run_anonymous)
    if answer.table is not None:
        return table_statement(routine, answer.table.query_id, [column.name for column in answer.table.columns])
    return _named(_returned(routine, answer), routine.name)


def _returned(routine: Routine, answer: Answer) -> Expr:
    return cast(literal(answer.value), parse_type(routine.returns or "VARCHAR"))


def _named(value: Expr, name: str) -> Statement:
    return Statement(exp.select(exp.alias_(value, name, quoted=True)).sql(dialect="snowflake"))


def run_anonymous(sql: str, session: Session) -> Statement:
    """Run a block that a client sends by itself; return the statement that gives its result."""
    answer = run_block(sql, session, {}, run_anonymous)
    if answer.table is not None:
        return Statement(f"SELECT * FROM TABLE(RESULT_SCAN('{answer.table.query_id}'))")
    return _named(literal(answer.value), "anonymous block")
