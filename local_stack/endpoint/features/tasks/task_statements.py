"""Answer CREATE, ALTER, DROP, SHOW, DESCRIBE and EXECUTE TASK, and the SYSTEM$ functions of tasks."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import replace

from local_stack.endpoint.errors import compilation_error, missing_object
from local_stack.endpoint.features.session.functions import Function
from local_stack.endpoint.features.tasks import context, listing, store
from local_stack.endpoint.features.tasks.create import parse_alter_task, parse_create_task
from local_stack.endpoint.features.tasks.definition import Task
from local_stack.endpoint.features.tasks.run import GraphRequest
from local_stack.endpoint.features.tasks.scheduler import GraphRunner, Scheduler
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.language.tokens import leading_words
from local_stack.endpoint.session import Session
from local_stack.endpoint.sessions import Sessions
from local_stack.endpoint.statements import Result, SqlError, Statement, unsupported


class Tasks:
    """Answer statements about tasks. The scheduler runs between start and stop."""

    def __init__(self) -> None:
        self._runner: GraphRunner | None = None
        self._scheduler: Scheduler | None = None

    def start(self, sessions: Sessions) -> None:
        self._runner = GraphRunner(sessions)
        self._runner.history.close_interrupted()
        self._scheduler = Scheduler(self._runner)
        self._scheduler.start()

    def stop(self) -> None:
        if self._scheduler is not None:
            self._scheduler.stop()
        if self._runner is not None:
            self._runner.wait(5)

    def handle(self, statement: Statement, session: Session) -> Result | None:
        text = statement.text.strip().removesuffix(";").rstrip()
        action = self._action(text, session)
        if action is None:
            return None
        if statement.describe_only and leading_words(text, 1)[0] not in ("SHOW", "DESCRIBE", "DESC"):
            return Result.status("")
        return action()

    def _action(self, text: str, session: Session) -> Callable[[], Result] | None:
        reader = Reader(text)
        match reader.next().upper:
            case "CREATE":
                created = parse_create_task(text)
                return None if created is None else self._change(session, lambda: store.create(created, session))
            case "ALTER":
                return self._alter(text, session)
            case "DROP":
                reader.expect("TASK")
                return self._drop(reader, session)
            case "SHOW":
                reader.accept("TERSE")
                reader.expect("TASKS")
                return lambda: listing.show(reader, session)
            case "EXECUTE":
                reader.expect("TASK")
                return self._execute(reader, session)
        reader.expect("TASK")  # DESCRIBE
        parts = reader.name()
        reader.expect_end()
        return lambda: listing.describe(store.require(parts, session), session)

    def _alter(self, text: str, session: Session) -> Callable[[], Result] | None:
        altered = parse_alter_task(text)
        if altered is None:
            return None

        def alter() -> Result:
            store.alter(altered, session)
            return Result.succeeded()

        return self._change(session, alter)

    def _change(self, session: Session, change: Callable[[], Result]) -> Callable[[], Result]:
        def run() -> Result:
            with session.lock:  # every DDL commits the open transaction
                session.transaction.commit()
            result = change()
            if self._scheduler is not None:
                self._scheduler.tasks_changed()
            return result

        return run

    def _drop(self, reader: Reader, session: Session) -> Callable[[], Result]:
        if_exists = reader.accept("IF", "EXISTS")
        parts = reader.name()
        reader.expect_end()

        def drop() -> Result:
            if if_exists and store.find(parts, session) is None:
                return Result.was_dropped(parts[-1])
            store.drop(parts, session)
            return Result.dropped(parts[-1])

        return self._change(session, drop)

    def _execute(self, reader: Reader, session: Session) -> Callable[[], Result]:
        """EXECUTE TASK name [USING CONFIG = '…' | RETRY LAST]"""
        parts = reader.name()
        config, retry = None, False
        if reader.accept("USING", "CONFIG"):
            reader.expect("=")
            config = reader.string()
        elif reader.accept("RETRY", "LAST"):
            retry = True
        reader.expect_end()

        def run() -> Result:
            task = store.require(parts, session)
            if not task.is_root:
                raise SqlError(
                    f"Task {task.full_name} is not a root task: only a root can be executed.", 91106, "42601"
                )
            if self._runner is None:
                raise SqlError("The endpoint is not serving.", 91107, "XX000")
            now = dt.datetime.now(dt.UTC)
            request = GraphRequest(task, now, "EXECUTE TASK", _merged(task.properties.get("CONFIG"), config))
            if retry:
                earlier = tuple(self._runner.history.last_graph_run(task.id))
                if not any(r.state.startswith("FAILED") for r in earlier):
                    raise SqlError(
                        f"The last run of task graph {task.full_name} did not fail: nothing to retry.", 91108, "42601"
                    )
                request = replace(
                    request, scheduled_from="EXECUTE TASK RETRY LAST", earlier=earlier, config=earlier[0].config
                )
            self._runner.start(request)
            return Result.status(f"Task {task.name} is scheduled to run immediately.")

        return run

    @property
    def called(self) -> dict[str, Function]:
        """Return the functions of tasks, by name."""
        return {
            "SYSTEM$TASK_DEPENDENTS_ENABLE": self._enable_graph,
            "SYSTEM$CURRENT_USER_TASK_NAME": lambda session, arguments: context.task_name(session),
            "SYSTEM$GET_PREDECESSOR_RETURN_VALUE": context.predecessor_value,
            "SYSTEM$GET_TASK_GRAPH_CONFIG": context.graph_config,
            "SYSTEM$TASK_RUNTIME_INFO": context.runtime_info,
            "SYSTEM$SET_RETURN_VALUE": context.set_return_value,
            "SYSTEM$STREAM_HAS_DATA": _refused("SYSTEM$STREAM_HAS_DATA"),
            "SYSTEM$USER_TASK_CANCEL_ONGOING_EXECUTIONS": self._cancel,
        }

    def _cancel(self, session: Session, arguments: list[str]) -> str:
        """See: https://docs.snowflake.com/en/sql-reference/functions/system_user_task_cancel_ongoing_executions"""
        if len(arguments) != 1:
            raise SqlError("SYSTEM$USER_TASK_CANCEL_ONGOING_EXECUTIONS takes the name of a task.", 939, "22023")
        task = _operable(arguments[0], session)
        if self._runner is not None:
            self._runner.cancel(task)
        return "SUCCESS"

    def _enable_graph(self, session: Session, arguments: list[str]) -> str:
        store.resume_graph(_operable(arguments[0], session), session)
        if self._scheduler is not None:
            self._scheduler.tasks_changed()
        return "SUCCESS"


def _operable(name: str, session: Session) -> Task:
    """Return a task. Raises SqlError 002003 where there is none, or the role may not operate it."""
    task = store.require(Reader(name).name(), session)
    if session.grants.enforced and not session.access.holds("TASK", task.full_name, "OPERATE"):
        raise missing_object("Task", name)
    return task


def _refused(name: str) -> Function:
    def refuse(session: Session, arguments: list[str]) -> str:
        raise unsupported(name)

    return refuse


def _merged(default: str | None, given: str | None) -> str | None:
    """Return the graph's configuration with that of USING CONFIG on top. Raises SqlError for what is no JSON object."""
    if given is None:
        return default
    try:
        merged = {**json.loads(default or "{}"), **json.loads(given)}
    except (ValueError, TypeError):
        raise compilation_error("CONFIG must be a JSON object.", 1008, "22023") from None
    return json.dumps(merged)
