"""Hold what a task's session knows of its run, and answer the SYSTEM$ functions that ask for it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import SqlError, unsupported

_ATTRIBUTE = "task_context"


@dataclass
class TaskContext:
    """Hold one task's run. return_values: of the tasks that ran before it, by name. config: the graph's, JSON text."""

    task_name: str
    root_name: str
    scheduled_time: str
    graph_run_group_id: int
    attempt_number: int
    config: str | None
    return_values: dict[str, str | None] = field(default_factory=dict)
    predecessors: tuple[str, ...] = ()
    last_successful: str | None = None
    return_value: str | None = None


def current(session: Session) -> TaskContext | None:
    found: TaskContext | None = session.attributes.get(_ATTRIBUTE)
    return found


def enter(session: Session, context: TaskContext) -> None:
    session.attributes[_ATTRIBUTE] = context


def _inside(session: Session, function: str) -> TaskContext:
    context = current(session)
    if context is None:
        raise SqlError(f"Function {function} can only be called from a task.", 91100, "P0000")
    return context


def task_name(session: Session) -> str | None:
    context = current(session)
    return context.task_name if context else None


def predecessor_value(session: Session, arguments: list[str]) -> str | None:
    context = _inside(session, "SYSTEM$GET_PREDECESSOR_RETURN_VALUE")
    if not arguments:
        if len(context.predecessors) != 1:
            raise SqlError("The predecessor must be named when a task has not exactly one.", 91101, "P0000")
        return context.return_values.get(context.predecessors[0])
    name = arguments[0].rsplit(".", 1)[-1]
    if name not in context.predecessors:
        raise SqlError(
            f"Task '{arguments[0]}' is no predecessor of {context.task_name} (names are upper-case).", 91102, "P0000"
        )
    return context.return_values.get(name)


def graph_config(session: Session, arguments: list[str]) -> str | None:
    context = _inside(session, "SYSTEM$GET_TASK_GRAPH_CONFIG")
    if context.config is None or not arguments:
        return context.config
    value = json.loads(context.config)
    for part in arguments[0].split("."):
        if not isinstance(value, dict) or part not in value:
            return None
        value = value[part]
    return value if isinstance(value, str) else json.dumps(value)


def runtime_info(session: Session, arguments: list[str]) -> str | None:
    context = _inside(session, "SYSTEM$TASK_RUNTIME_INFO")
    known: dict[str, str | None] = {
        "CURRENT_TASK_NAME": context.task_name.rsplit(".", 1)[-1],
        "CURRENT_ROOT_TASK_NAME": context.root_name.rsplit(".", 1)[-1],
        "CURRENT_ROOT_TASK_UUID": None,
        "CURRENT_TASK_GRAPH_ORIGINAL_SCHEDULED_TIMESTAMP": context.scheduled_time,
        "CURRENT_TASK_GRAPH_RUN_GROUP_ID": str(context.graph_run_group_id),
        "LAST_SUCCESSFUL_TASK_GRAPH_RUN_GROUP_ID": context.last_successful,
        "LAST_SUCCESSFUL_TASK_GRAPH_ORIGINAL_SCHEDULED_TIMESTAMP": None,
    }
    if not arguments or arguments[0].upper() not in known:
        raise SqlError(f"Invalid argument of SYSTEM$TASK_RUNTIME_INFO: {arguments}.", 1008, "22023")
    name = arguments[0].upper()
    if name in ("CURRENT_ROOT_TASK_UUID", "LAST_SUCCESSFUL_TASK_GRAPH_ORIGINAL_SCHEDULED_TIMESTAMP"):
        raise unsupported(f"SYSTEM$TASK_RUNTIME_INFO('{name}')")
    return known[name]


def set_return_value(session: Session, arguments: list[str]) -> str:
    context = _inside(session, "SYSTEM$SET_RETURN_VALUE")
    if len(arguments) != 1:
        raise SqlError("SYSTEM$SET_RETURN_VALUE takes one string.", 939, "22023")
    if len(arguments[0]) > 10 * 1024:
        raise SqlError("The return value of a task is at most 10 kB.", 1008, "22023")
    context.return_value = arguments[0]
    return "Return value set."
