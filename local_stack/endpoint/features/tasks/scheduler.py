"""Start the graphs of started root tasks when their schedules say so, while the endpoint is up."""

from __future__ import annotations

import datetime as dt
import logging
import threading
import time
from collections.abc import Hashable

from local_stack.endpoint.features.tasks import store
from local_stack.endpoint.features.tasks.definition import Task
from local_stack.endpoint.features.tasks.history import TaskHistory, TaskRun
from local_stack.endpoint.features.tasks.run import GraphRequest, GraphRun
from local_stack.endpoint.language.schedule import Clock, DueTimes
from local_stack.endpoint.sessions import Sessions

log = logging.getLogger("local_stack.endpoint.tasks")


class GraphRunner:
    """Run graphs on background threads: one run of a graph at a time; a second one waits or is skipped."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions, self.history = sessions, TaskHistory(sessions.engine.catalog)
        self._locks: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()
        self._threads: set[threading.Thread] = set()
        self._last_group = 0
        self._runs: set[GraphRun] = set()

    def start(self, request: GraphRequest) -> bool:
        """Start a graph's run. A scheduled one is skipped while another is under way. Whether it was started."""
        with self._guard:
            lock = self._locks.setdefault(request.root.id, threading.Lock())
            if request.scheduled_from == "SCHEDULE" and not _overlaps(request.root) and lock.locked():
                return False
            group = self._next_group(request)
            thread = threading.Thread(
                target=self._run, args=(request, group, lock), name=f"graph {request.root.name}", daemon=True
            )
            self._threads.add(thread)
        run = self._scheduled(request, group)
        if not request.earlier:
            self.history.record(run)
        thread.start()
        return True

    def _next_group(self, request: GraphRequest) -> int:
        if request.earlier:
            return request.earlier[0].graph_run_group_id
        self._last_group = max(self._last_group + 1, time.time_ns() // 1_000_000)
        return self._last_group

    def _scheduled(self, request: GraphRequest, group: int) -> TaskRun:
        root = request.root
        return TaskRun(
            name=root.name, database_name=root.database, schema_name=root.schema, query_text=root.body, state="SCHEDULED",
            scheduled_time=request.scheduled_time, root_task_id=root.id, graph_run_group_id=group, run_id=group,
            scheduled_from=request.scheduled_from, config=request.config, task_id=root.id,
        )  # fmt: skip

    def _run(self, request: GraphRequest, group: int, lock: threading.Lock) -> None:
        try:
            with lock:
                tasks = store.same_schema(request.root, self.sessions.engine.catalog)
                if request.root.full_name in tasks:
                    run = GraphRun(self.sessions, self.history, request, tasks, group)
                    self._runs.add(run)
                    try:
                        run.run()
                    finally:
                        self._runs.discard(run)
        except Exception:
            log.exception("the run of task graph %s broke off", request.root.full_name)
        finally:
            with self._guard:
                self._threads.discard(threading.current_thread())

    def cancel(self, task: Task) -> None:
        """Cancel what a task is executing; with nothing under way nothing happens."""
        for run in list(self._runs):
            run.cancel(task)

    def wait(self, seconds: float) -> None:
        """Wait for the runs under way."""
        deadline = time.monotonic() + seconds
        for thread in list(self._threads):
            thread.join(max(0.0, deadline - time.monotonic()))


def _overlaps(root: Task) -> bool:
    policy = root.properties.get("OVERLAP_POLICY")
    return policy in ("ALLOW_CHILD_OVERLAP", "ALLOW_ALL_OVERLAP") or bool(
        root.properties.get("ALLOW_OVERLAPPING_EXECUTION")
    )


class Scheduler:
    """Start the graphs of the started root tasks that have a schedule."""

    def __init__(self, runner: GraphRunner) -> None:
        self._runner = runner
        self._due = DueTimes()
        self._clock = Clock("task scheduler", self.fire_due)

    def start(self) -> None:
        self._clock.start()

    def stop(self) -> None:
        self._clock.stop()

    def tasks_changed(self) -> None:
        self._clock.wake()

    def fire_due(self, now: dt.datetime) -> float:
        """Start every root that is due; seconds until the next one."""
        tasks = store.all_tasks(self._runner.sessions.engine.catalog)
        roots = {
            (task.id, task.properties["SCHEDULE"], task.last_committed_on): task
            for task in tasks.values()
            if task.is_root and task.is_started and "SCHEDULE" in task.properties
        }
        schedules: dict[Hashable, str] = {key: str(key[1]) for key in roots}
        for key, moment in self._due.take(schedules, now).items():
            root = roots[key]  # type: ignore[index]
            if not self._runner.start(GraphRequest(root, moment, "SCHEDULE", root.properties.get("CONFIG"))):
                log.info(
                    "run of %s at %s skipped: the one before is still under way", root.full_name, moment.isoformat()
                )
        return self._due.pause(now)
