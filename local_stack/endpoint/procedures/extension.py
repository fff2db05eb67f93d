"""The extension: which statements are about procedures and functions, and what each of them does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local_stack.endpoint.grammar import leading_words
from local_stack.endpoint.procedures import access, registry
from local_stack.endpoint.procedures.arguments import argument_types, evaluate
from local_stack.endpoint.procedures.call import Call, parse_call
from local_stack.endpoint.procedures.create import CreateRoutine, parse_create
from local_stack.endpoint.procedures.frames import refuse_forbidden
from local_stack.endpoint.procedures.registry import FoundRoutine
from local_stack.endpoint.procedures.running import result_column, run_python
from local_stack.endpoint.procedures.types import parse_type
from local_stack.endpoint.procedures.workers import WorkerProcess
from local_stack.endpoint.sessions import Session
from local_stack.endpoint.statements import Result, Statement, unsupported

if TYPE_CHECKING:
    from local_stack.endpoint.engine import Engine
import datetime as dt

from local_stack.endpoint.grammar import resolve


class Procedures:
    """CREATE, CALL, SHOW, DESCRIBE, ALTER and DROP of procedures and functions."""

    def __init__(self) -> None:
        self._workers = WorkerProcess()

    def start(self, engine: Engine) -> None:
        del engine
        self._workers.start()

    def stop(self) -> None:
        self._workers.stop()

    def handle(self, statement: Statement, session: Session) -> Result | Statement | None:
        text = statement.text.strip().removesuffix(";")
        refuse_forbidden(text, session)
        words = leading_words(text, 1)
        match words[0] if words else "":
            case "CREATE":
                created = parse_create(text)
                return None if created is None else self._create(created, statement, session)
            case "CALL" | "WITH":
                call = parse_call(text)
                if call is not None and call.name[-1].startswith("SYSTEM$"):
                    return None
                return None if call is None else self._call(call, statement, session)
        return None

    def _create(self, created: CreateRoutine, statement: Statement, session: Session) -> Result:
        routine = created.routine
        if statement.describe_only:
            return Result.status("")
        access.check_references(routine, session)
        with session.lock:
            session.transaction.commit()
        found = registry.create(created, session)
        if found is None:
            return Result.status(f"{routine.name} already exists, statement succeeded.")
        return Result.status(f"{routine.kind.capitalize()} {routine.name} successfully created.")

    def _call(self, call: Call, statement: Statement, session: Session) -> Result | Statement | None:
        types = argument_types(call.arguments, statement, session)
        found, assigned = self._find(call, types, session)
        routine = found.routine
        if statement.describe_only:
            if routine.is_table:
                return Result(tuple(result_column(name, parse_type(kind)) for name, kind in routine.columns))
            return Result((result_column(routine.name, parse_type(routine.returns)),))
        values = evaluate(routine.parameters, assigned, statement, session)
        if routine.language == "PYTHON":
            return run_python(found, values, session, self._workers)
        raise unsupported("LANGUAGE SQL")

    def _find(self, call: Call, types: list[str | None], session: Session):  # type: ignore[no-untyped-def]
        if call.anonymous is not None:
            database, schema = session.database or "", session.schema or ""
            candidates = [FoundRoutine(database, schema, call.anonymous, dt.datetime.now(dt.UTC))]
        else:
            candidates = registry.overloads("PROCEDURE", resolve(call.name, session), session)
        matched = registry.match_arguments(candidates, call.arguments, types)
        if matched is None:
            raise registry.unknown_routine("PROCEDURE", ".".join(call.name), types)
        return matched
