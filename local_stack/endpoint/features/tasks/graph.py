"""Hold the rules of task graphs, over the tasks of one schema. Nothing is stored here."""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter

from local_stack.endpoint.errors import compilation_error
from local_stack.endpoint.features.tasks.definition import Task
from local_stack.endpoint.statements import SqlError

Tasks = Mapping[str, Task]
MAXIMUM_TASKS = 1000
MAXIMUM_PREDECESSORS = 100


def children(tasks: Tasks, name: str) -> list[Task]:
    """Return the tasks that come directly after one."""
    return [task for task in tasks.values() if name in task.after]


def finalizer(tasks: Tasks, root: str) -> Task | None:
    return next((task for task in tasks.values() if task.finalize == root), None)


def root_of(tasks: Tasks, task: Task) -> Task:
    """Return the root of the graph a task belongs to (itself, for a root)."""
    seen: set[str] = set()
    while not task.is_root:
        seen.add(task.full_name)
        parent = task.finalize or task.after[0]
        if parent not in tasks or parent in seen:
            return task
        task = tasks[parent]
    return task


def descendants(tasks: Tasks, root: Task) -> list[Task]:
    """Return the root and everything after it, predecessors first, without the finalizer."""
    names = _reachable(tasks, root.full_name)
    order = TopologicalSorter({name: [p for p in tasks[name].after if p in names] for name in names})
    try:
        return [tasks[name] for name in order.static_order()]
    except CycleError as error:
        raise _cycle(error.args[1][0]) from None


def _reachable(tasks: Tasks, start: str) -> list[str]:
    found = [start]
    for name in found:
        found.extend(child.full_name for child in children(tasks, name) if child.full_name not in found)
    return found


def check(tasks: Tasks, task: Task) -> None:
    """Raise SqlError where a task does not fit into the graphs of its schema, which may hold an older version of it."""
    changed = {**tasks, task.full_name: task}
    for name in (*task.after, *([task.finalize] if task.finalize else [])):
        if name.rsplit(".", 1)[0] != f"{task.database}.{task.schema}":
            raise compilation_error(
                f"Task {task.full_name} and task {name} must be in the same schema, as all tasks of a graph.",
                91086,
                "42601",
            )
        if name not in changed:
            raise compilation_error(f"Task '{name}' does not exist or not authorized.", 2003, "02000")
    if len(set(task.after)) != len(task.after):
        raise compilation_error("A predecessor is named twice.", 91087, "42601")
    if len(task.after) > MAXIMUM_PREDECESSORS:
        raise compilation_error(f"A task can have at most {MAXIMUM_PREDECESSORS} predecessors.", 91087, "42601")
    if task.full_name in _ancestors(changed, task):
        raise _cycle(task.full_name)
    roots = {root_of(changed, changed[name]).full_name for name in task.after}
    if len(roots) > 1:
        raise compilation_error(
            f"Predecessors of one task must share one root task, not {sorted(roots)}.", 91084, "42601"
        )
    if task.finalize:
        if not changed[task.finalize].is_root:
            raise compilation_error(
                f"Task {task.finalize} is no root task: it cannot have a finalizer.", 91096, "42601"
            )
        other = finalizer({k: v for k, v in changed.items() if k != task.full_name}, task.finalize)
        if other is not None:
            raise compilation_error(
                f"Root task {task.finalize} already has a finalizer: {other.full_name}.", 91097, "42601"
            )
        if children(changed, task.full_name):
            raise compilation_error("A finalizer task cannot have child tasks.", 91098, "42601")
    for name in task.after:
        if changed[name].finalize:
            raise compilation_error(f"Task {name} is a finalizer: it cannot have child tasks.", 91098, "42601")
    if len(_reachable(changed, root_of(changed, task).full_name)) > MAXIMUM_TASKS:
        raise compilation_error(f"A task graph can have at most {MAXIMUM_TASKS} tasks.", 91085, "42601")


def _ancestors(tasks: Tasks, task: Task) -> set[str]:
    found: set[str] = set()
    waiting = list(task.after)
    while waiting:
        name = waiting.pop()
        if name not in found and name in tasks:
            found.add(name)
            waiting.extend(tasks[name].after)
    return found


def require_suspended_root(tasks: Tasks, task: Task) -> None:
    """Raise SqlError 091088 where the root of a task's graph is started."""
    root = root_of(tasks, task)
    if root.is_started:
        raise SqlError(
            f"Unable to update graph with root task {root.full_name} since that root task is not suspended.",
            91088,
            "55000",
        )


def _cycle(name: str) -> SqlError:
    return compilation_error(f"Task {name} would be its own predecessor: a task graph has no cycles.", 91089, "42601")
