"""Answer the statements about procedures and functions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlglot import Expr

from local_stack.endpoint.features.procedures import listing, registry, table_calls
from local_stack.endpoint.features.procedures.arguments import argument_types, evaluate
from local_stack.endpoint.features.procedures.call import Argument, Call, parse_call
from local_stack.endpoint.features.procedures.create import CreateRoutine, parse_create
from local_stack.endpoint.features.procedures.functions import Functions
from local_stack.endpoint.features.procedures.python import access
from local_stack.endpoint.features.procedures.python.running import result_column, run_python
from local_stack.endpoint.features.procedures.python.workers import WorkerProcess
from local_stack.endpoint.features.procedures.registry import FoundRoutine
from local_stack.endpoint.features.procedures.scripting.parse import is_block
from local_stack.endpoint.features.procedures.scripting.procedures import run_anonymous, run_sql
from local_stack.endpoint.features.procedures.table_functions import TableFunctions
from local_stack.endpoint.features.rights.effects import record_creation
from local_stack.endpoint.features.rights.judge import Need, judge
from local_stack.endpoint.features.session.functions import Function
from local_stack.endpoint.language.parse import parse
from local_stack.endpoint.language.quoting import string_value
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.language.tokens import leading_words
from local_stack.endpoint.language.types import parse_type
from local_stack.endpoint.session import Session
from local_stack.endpoint.sessions import Sessions
from local_stack.endpoint.statements import Result, SqlError, Statement

_ROUTINE_WORDS = frozenset({"PROCEDURE", "PROCEDURES", "FUNCTION", "FUNCTIONS"})
# What Snowpark asks for by itself.
CALLED: dict[str, Function] = {
    "SYSTEM$GET_DEFAULT_PYTHON_ARTIFACT_REPOSITORY": lambda session, arguments: (
        "snowflake.snowpark.pypi_shared_repository"
    ),
}


class Procedures:
    """Answer CREATE, CALL, SHOW, DESCRIBE, ALTER and DROP of procedures and functions, and run scripting blocks."""

    def __init__(self) -> None:
        self._workers = WorkerProcess()
        self._functions = Functions(self._workers)
        self.rewrites = (TableFunctions(self._workers).rewrite,)

    def start(self, sessions: Sessions) -> None:
        """Warm up Python where there is something for it to run; else the first routine in Python does."""
        kept = (stored for kind in ("PROCEDURE", "FUNCTION") for stored in sessions.engine.catalog.objects(kind))
        if any(stored.definition.get("language") == "PYTHON" for stored in kept):
            self._workers.start()

    def stop(self) -> None:
        self._functions.stop()
        self._workers.stop()

    def handle(self, statement: Statement, session: Session) -> Result | Statement | None:
        text = statement.text.strip().removesuffix(";").rstrip()
        words = leading_words(text, 6)
        first = words[0] if words else ""
        if first in ("SHOW", "DESCRIBE", "DESC", "DROP", "ALTER", "COMMENT") and _ROUTINE_WORDS & set(words):
            return self._listing(text, first, statement, session)
        if first == "CREATE" and _ROUTINE_WORDS & set(words) and (created := parse_create(text)) is not None:
            return self._create(created, statement, session)
        if first in ("CALL", "WITH") and (call := parse_call(text, statement.binds)) is not None:
            return self._call(call, statement, session)
        if first in ("BEGIN", "DECLARE") and is_block(text):
            return Result.status("") if statement.describe_only else run_anonymous(text, session)
        if words[:2] == ("EXECUTE", "IMMEDIATE"):
            return self._execute_immediate(text, statement, session)
        return None

    def function_names(self, session: Session) -> frozenset[str]:
        """Return the names of the account's functions that the session may see."""
        return self._functions.names(session)

    def parsed(self, sql: str, session: Session) -> Expr | None:
        """Return a statement's tree where it calls a function that another database has built in; None elsewhere."""
        names = self._functions.mistaken(sql, session)
        return parse(sql, names) if names else None

    def expand(self, tree: Expr, statement: Statement, session: Session) -> Expr:
        """Put procedures' rows and functions' SQL in the place of their calls. Raises SqlError."""
        tree = table_calls.expand(tree, lambda call: self._table_call(call, statement, session))
        return self._functions.expand(tree, session)

    def _listing(self, text: str, first: str, statement: Statement, session: Session) -> Result | None:
        action = listing.read_action(Reader(text), session)
        if action is None:
            return None
        if first in ("DROP", "ALTER", "COMMENT"):
            if statement.describe_only:
                return Result.status("")
            _commit(session)
        return action()

    def _create(self, created: CreateRoutine, statement: Statement, session: Session) -> Result:
        routine = created.routine
        if statement.describe_only:
            return Result.status("")
        access.check_references(routine, session)
        _require_replaceable(created, session)
        if not routine.temporary:
            _commit(session)
        found = registry.create(created, session)
        if found is None:
            return Result.existed(routine.name)
        if routine.language == "PYTHON":
            self._workers.start()
        if routine.kind == "FUNCTION":
            self._functions.created(found, session)
        if not routine.temporary and not (created.or_alter and session.grants.has_owner(*found.securable)):
            place = (found.database, found.schema, routine.stored_name)
            record_creation(routine.kind, place, session, keeps_grants=created.copy_grants)
        return Result.created(routine.kind.capitalize(), routine.name)

    def _call(self, call: Call, statement: Statement, session: Session) -> Result | Statement:
        types = argument_types(call.arguments, statement, session)
        found, assigned = _find(call, types, session)
        routine = found.routine
        if statement.describe_only:
            if routine.is_table:
                return Result(tuple(result_column(name, parse_type(kind)) for name, kind in routine.columns))
            return Result((result_column(routine.name, parse_type(routine.returns)),))
        return self._run(found, assigned, statement, session, reads_only=False)

    def _run(
        self,
        found: FoundRoutine,
        assigned: Sequence[Argument | None],
        statement: Statement,
        session: Session,
        reads_only: bool,
    ) -> Result | Statement:
        routine = found.routine
        if routine.language == "SQL":
            values = evaluate(routine.parameters, assigned, statement, session, as_json=False)
            return run_sql(found, values, session, reads_only)
        values = evaluate(routine.parameters, assigned, statement, session)
        return run_python(found, values, session, self._workers, reads_only)

    def _table_call(self, call: Call, statement: Statement, session: Session) -> Statement | None:
        """Return the query for TABLE(call); None where no procedure has this name."""
        try:
            candidates = registry.overloads("PROCEDURE", session.resolve(call.name), session)
        except SqlError:
            return None
        if not candidates:
            return None
        types = argument_types(call.arguments, statement, session)
        found, assigned = _find(call, types, session)
        table_calls.check_static(found.routine)
        if statement.describe_only:
            return table_calls.empty_rows(found.routine)
        query = self._run(found, assigned, statement, session, reads_only=True)
        return query if isinstance(query, Statement) else None

    def _execute_immediate(self, text: str, statement: Statement, session: Session) -> Result | Statement:
        """EXECUTE IMMEDIATE {'…' | $$…$$ | $variable} [USING (…)]"""
        reader = Reader(text)
        reader.expect("EXECUTE", "IMMEDIATE")
        if reader.token.kind not in ("string", "dollar"):
            raise reader.unexpected()
        inner = string_value(reader.next().text)
        reader.expect_end()
        if statement.describe_only:
            return Result.status("")
        if is_block(inner):
            return run_anonymous(inner, session)
        outcome = session.execute(inner)
        return Statement(f"SELECT * FROM TABLE(RESULT_SCAN('{outcome.query_id}'))")


def _require_replaceable(created: CreateRoutine, session: Session) -> None:
    """Raise SqlError 003001 or 002003 where another role owns the routine that a CREATE would replace."""
    name, kind = session.resolve(created.name), created.routine.kind
    place = (name.database, name.schema, created.routine.stored_name)
    if session.grants.enforced and session.grants.has_owner(kind, ".".join(place)):
        judge(Need(kind, place, ("OWNERSHIP",)), session)


def _commit(session: Session) -> None:
    """Commit the open transaction, as every DDL does."""
    with session.lock:
        session.transaction.commit()


def _find(call: Call, types: list[str | None], session: Session) -> tuple[FoundRoutine, list[Argument | None]]:
    if call.anonymous is not None:
        place = FoundRoutine(session.database or "", session.schema or "", call.anonymous, dt.datetime.now(dt.UTC))
        candidates = [place]
    else:
        candidates = registry.overloads("PROCEDURE", session.resolve(call.name), session)
    matched = registry.match_arguments(candidates, call.arguments, types)
    if matched is None:
        raise registry.unknown_routine(".".join(call.name), types, known=bool(candidates))
    return matched
