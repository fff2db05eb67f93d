"""Run a task graph: every task in its own session, in dependency order, with retries, the finalizer last."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace

from local_stack.endpoint.engine import cancellation
from local_stack.endpoint.engine.catalog import Catalog
from local_stack.endpoint.engine.users import SYSTEM_USER
from local_stack.endpoint.errors import as_sql_error
from local_stack.endpoint.features.tasks import context, graph, store
from local_stack.endpoint.features.tasks.context import TaskContext
from local_stack.endpoint.features.tasks.definition import Task
from local_stack.endpoint.features.tasks.history import TaskHistory, TaskRun
from local_stack.endpoint.language.quoting import quote_name, quote_string
from local_stack.endpoint.session import Session
from local_stack.endpoint.sessions import Sessions
from local_stack.endpoint.statements import SqlError

_PARALLEL_TASKS = 4


@dataclass(frozen=True)
class GraphRequest:
    """Hold what starts a graph. scheduled_from: SCHEDULE, EXECUTE TASK or EXECUTE TASK RETRY LAST.

    earlier: the runs of the attempt that is retried.
    """

    root: Task
    scheduled_time: dt.datetime
    scheduled_from: str
    config: str | None = None
    earlier: tuple[TaskRun, ...] = ()


@dataclass(eq=False)
class GraphRun:
    """Run one graph. tasks: those of the root's schema, as they were when it started."""

    sessions: Sessions
    history: TaskHistory
    request: GraphRequest
    tasks: dict[str, Task]
    group_id: int
    states: dict[str, TaskRun] = field(default_factory=dict)
    attempt: int = 1
    executing: dict[str, cancellation.Cancellation] = field(default_factory=dict)

    def run(self) -> None:
        """Run to the end: the attempts, what a failure does to the root, the finalizer."""
        root = self.request.root
        order = graph.descendants(self.tasks, root)
        taking_part = self._taking_part(order)
        if self.request.earlier:
            self.states = {run.task_id: run for run in self.request.earlier}
            self.attempt = max(run.attempt_number for run in self.request.earlier) + 1
        first = self.attempt
        while True:
            self._run_attempt([task for task in taking_part if not self._is_done(task)])
            if not self._failed() or self.attempt - first >= root.retries:
                break
            self.attempt += 1
        if note_result(root, not self._failed(), self.sessions.engine.catalog):
            for run in [run for run in self.states.values() if run.state == "FAILED"]:
                self._record(replace(run, state="FAILED_AND_AUTO_SUSPENDED"))
        last = graph.finalizer(self.tasks, root.full_name)
        if last is not None and last.is_started:
            self._run_task(last, ())

    def cancel(self, task: Task) -> None:
        """Cancel the task where it is executing."""
        if (running := self.executing.get(task.id)) is not None:
            running.request(cancellation.canceled())

    def _taking_part(self, order: list[Task]) -> list[Task]:
        """Leave out suspended tasks, and tasks all of whose predecessors do not take part. The root always does."""
        taking: dict[str, Task] = {}
        for task in order:
            if task.full_name == self.request.root.full_name or (
                task.is_started and any(name in taking for name in task.after)
            ):
                taking[task.full_name] = task
        return list(taking.values())

    def _is_done(self, task: Task) -> bool:
        run = self.states.get(task.id)
        return run is not None and (run.state == "SUCCEEDED" or (run.state == "SKIPPED" and run.error_code is None))

    def _failed(self) -> bool:
        return any(run.state.startswith("FAILED") or run.error_code is not None for run in self.states.values())

    def _run_attempt(self, tasks: list[Task]) -> None:
        waiting = {task.full_name: task for task in tasks}
        running: dict[Future[None], str] = {}
        with ThreadPoolExecutor(_PARALLEL_TASKS, thread_name_prefix="task") as pool:
            while waiting or running:
                open_names = set(waiting) | set(running.values())
                for name in [n for n, t in waiting.items() if not any(p in open_names for p in t.after)]:
                    task = waiting.pop(name)
                    predecessors = tuple(p for p in task.after if p in self.tasks and self.tasks[p].id in self.states)
                    running[pool.submit(self._run_task, task, predecessors)] = name
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    running.pop(future)
                    future.result()

    def _run_task(self, task: Task, predecessors: tuple[str, ...]) -> None:
        """Run one task. Its outcome is in the history and in self.states, never raised."""
        run = self._entry(task)
        blocking = [p for p in predecessors if self.states[self.tasks[p].id].state != "SUCCEEDED"]
        if blocking:
            failed = [p for p in blocking if self.states[self.tasks[p].id].error_code is not None]
            cause = f"Predecessor task {failed[0]} did not succeed." if failed else None
            self._finish(run, "SKIPPED", error_code=91105 if failed else None, error_message=cause)
            return
        session: Session | None = None
        try:
            session = open_task_session(self.sessions, task)
            details = self._context(task)
            context.enter(session, details)
            if task.when and not session.execute(f"SELECT ({task.when})::BOOLEAN").scalar():
                self._finish(run, "SKIPPED")
                return
            run = self._record(replace(run, state="EXECUTING", query_start_time=dt.datetime.now(dt.UTC)))
            with cancellation.statement() as running:
                self.executing[task.id] = running
                outcome_id = run_with_timeout(running, task, lambda: session.execute(task.body).query_id)
            self._finish(replace(run, query_id=outcome_id, return_value=details.return_value), "SUCCEEDED")
        except Exception as error:
            failure = as_sql_error(error)
            if failure.errno == cancellation.canceled().errno:
                self._finish(run, "CANCELLED", error_message=failure.message)
            else:
                self._finish(run, "FAILED", error_code=failure.errno, error_message=failure.message)
        finally:
            self.executing.pop(task.id, None)
            if session is not None:
                session.end()

    def _context(self, task: Task) -> TaskContext:
        values = {
            self.tasks[n].name: self.states[self.tasks[n].id].return_value
            for n in self.tasks
            if self.tasks[n].id in self.states
        }
        return TaskContext(
            task_name=task.full_name,
            root_name=self.request.root.full_name,
            scheduled_time=self.request.scheduled_time.isoformat(),
            graph_run_group_id=self.group_id,
            attempt_number=self.attempt,
            config=self.request.config,
            return_values=values,
            predecessors=tuple(name.rsplit(".", 1)[-1] for name in task.after),
        )

    def _entry(self, task: Task) -> TaskRun:
        return TaskRun(
            name=task.name, database_name=task.database, schema_name=task.schema, query_text=task.body, state="SCHEDULED",
            scheduled_time=self.request.scheduled_time, root_task_id=self.request.root.id, graph_run_group_id=self.group_id,
            run_id=self.group_id, scheduled_from=self.request.scheduled_from, attempt_number=self.attempt,
            condition_text=task.when or None, config=self.request.config, task_id=task.id,
        )  # fmt: skip

    def _record(self, run: TaskRun) -> TaskRun:
        self.states[run.task_id] = run
        return self.history.record(run)

    def _finish(
        self, run: TaskRun, state: str, error_code: int | None = None, error_message: str | None = None
    ) -> None:
        now = dt.datetime.now(dt.UTC)
        self._record(replace(run, state=state, completed_time=now, error_code=error_code, error_message=error_message))


def open_task_session(sessions: Sessions, task: Task) -> Session:
    """Open a session of the task's own: its schema, role, warehouse and session parameters."""
    session = sessions.open(
        quote_name(task.database), quote_name(task.schema), user=SYSTEM_USER,
        role=sessions.engine.grants.owner("TASK", task.full_name)[1],
        warehouse=task.properties.get("WAREHOUSE"),
    )  # fmt: skip
    for name, value in task.parameters.items():
        literal = quote_string(value) if isinstance(value, str) else str(value).upper()
        session.execute(f"ALTER SESSION SET {name} = {literal}")
    return session


def run_with_timeout(running: cancellation.Cancellation, task: Task, action: Callable[[], str]) -> str:
    """Run a task's statement; after USER_TASK_TIMEOUT_MS it is canceled. Raises SqlError 000630."""
    seconds = task.timeout_ms / 1000
    expired = SqlError(f"Statement reached its task timeout of {seconds:g} second(s) and was canceled.", 630, "57014")
    with cancellation.time_limit(running, seconds, expired):
        return action()


def note_result(root: Task, succeeded: bool, catalog: Catalog) -> bool:
    """Count failed runs in a row; suspend the root after too many. Whether this run was one too many."""
    current = store.all_tasks(catalog, root.database, root.schema).get(root.full_name)
    if current is None:
        return False
    failures = 0 if succeeded else current.failures + 1
    changed = replace(current, failures=failures)
    suspends = bool(current.suspend_after) and failures >= current.suspend_after and current.is_started
    if suspends:
        changed = replace(
            changed,
            state="suspended",
            last_suspended_on=store.now_text(),
            last_suspended_reason="SUSPENDED_DUE_TO_ERRORS",
        )
    if changed != current:
        store.save(changed, catalog)
    return suspends
