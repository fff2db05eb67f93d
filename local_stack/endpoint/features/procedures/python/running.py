"""Run a procedure in a worker, on its caller's session, and give its result or its error Snowflake's form."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from local_stack.endpoint.errors import compilation_error
from local_stack.endpoint.features.procedures import events
from local_stack.endpoint.features.procedures.arguments import from_handler
from local_stack.endpoint.features.procedures.definition import Routine
from local_stack.endpoint.features.procedures.frames import running
from local_stack.endpoint.features.procedures.python import access
from local_stack.endpoint.features.procedures.python.workers import CallRequest, SessionTarget, WorkerProcess
from local_stack.endpoint.features.procedures.registry import FoundRoutine
from local_stack.endpoint.language.quoting import identifier, quote_name, quote_string
from local_stack.endpoint.language.types import SqlType, parse_type
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import Column, ColumnType, Result, SqlError, Statement

_COLUMN_TYPES: dict[str, ColumnType] = {
    "NUMBER": "FIXED",
    "FLOAT": "REAL",
    "BOOLEAN": "BOOLEAN",
    "DATE": "DATE",
    "TIME": "TIME",
    "BINARY": "BINARY",
    "TIMESTAMP_NTZ": "TIMESTAMP_NTZ",
    "TIMESTAMP_LTZ": "TIMESTAMP_LTZ",
    "TIMESTAMP_TZ": "TIMESTAMP_LTZ",
    "VARIANT": "VARIANT",
    "OBJECT": "VARIANT",
    "ARRAY": "VARIANT",
}


def run_python(
    found: FoundRoutine, arguments: Sequence[Any], session: Session, workers: WorkerProcess, reads_only: bool = False
) -> Result | Statement:
    """Run a handler. A table comes back as the statement that reads it. Raises SqlError 100357 with the traceback."""
    routine = found.routine
    if routine.strict and any(argument is None for argument in arguments):
        return scalar_result(routine, None)
    folder = Path(tempfile.mkdtemp(prefix="procedure-"))
    try:
        imports = access.place_imports(routine, folder, session)
        with running(found, session, reads_only):
            request = CallRequest(
                target=_target(session),
                handler=routine.handler,
                code=routine.body,
                imports=imports,
                folder=str(folder),
                arguments=list(arguments),
                returns="TABLE" if routine.is_table else parse_type(routine.returns).family,
                secrets=access.secret_values(routine, session),
                allowed_hosts=access.allowed_hosts(routine, session),
                packages=list(routine.packages),
                levels=events.levels(found, session),
            )
            answer = workers.call(request)
            events.keep(answer.get("events", ()), found, session)
            if "error" in answer:
                raise interpreter_error(routine, str(answer["error"]))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if routine.is_table:
        return table_statement(routine, str(answer["query_id"]), list(answer["columns"]))
    return scalar_result(routine, answer["value"])


def _target(session: Session) -> SessionTarget:
    host, port = session.engine.address
    return SessionTarget(
        host, port, session.token, session.master_token, session.user, session.role, session.warehouse,
        session.database, session.schema,
    )  # fmt: skip


def interpreter_error(routine: Routine, trace: str) -> SqlError:
    """Return Snowflake's form of a failed handler."""
    return SqlError(
        f"Python Interpreter Error:\n{trace}\n in function {routine.name} with handler {routine.handler}",
        100357,
        "P0000",
    )


def result_column(name: str, kind: SqlType) -> Column:
    return Column(name, _COLUMN_TYPES.get(kind.family, "TEXT"), kind.scale)


def scalar_result(routine: Routine, text: str | None) -> Result:
    """Return one row, one column named after the procedure."""
    kind = parse_type(routine.returns)
    return Result((result_column(routine.name, kind),), [[from_handler(text, kind)]])


def table_statement(routine: Routine, query_id: str, columns: Sequence[str]) -> Statement:
    """Return the query over the rows of a returned DataFrame, under the declared names and types."""
    source = f"TABLE(RESULT_SCAN({quote_string(query_id)}))"
    if not routine.columns:
        return Statement(f"SELECT * FROM {source}")
    if len(columns) != len(routine.columns):
        raise compilation_error(
            f"Procedure {routine.name} returned {len(columns)} columns, but declares {len(routine.columns)}.",
            90257,
            "P0000",
        )
    selected = ", ".join(
        f"CAST({_written(column)} AS {kind}) AS {quote_name(name)}"
        for column, (name, kind) in zip(columns, routine.columns, strict=True)
    )
    return Statement(f"SELECT {selected} FROM {source}")


def _written(column: str) -> str:
    return identifier(column.strip('"'))
