"""SHOW TASKS and DESCRIBE TASK."""

from __future__ import annotations

import json
from operator import attrgetter
from typing import Any

from local_stack.endpoint.features.show import Scope
from local_stack.endpoint.features.tasks import graph, store
from local_stack.endpoint.features.tasks.definition import Task
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import Column, Result

COLUMNS = (
    Column("created_on", "TIMESTAMP_LTZ"), Column("name"), Column("id"), Column("database_name"), Column("schema_name"),
    Column("owner"), Column("comment"), Column("warehouse"), Column("schedule"), Column("predecessors"), Column("state"),
    Column("definition"), Column("condition"), Column("allow_overlapping_execution"), Column("error_integration"),
    Column("last_committed_on"), Column("last_suspended_on"), Column("owner_role_type"), Column("config"),
    Column("task_relations"), Column("last_suspended_reason"), Column("success_integration"), Column("overlap_policy"),
)  # fmt: skip


def row(task: Task, tasks: graph.Tasks, session: Session) -> list[Any]:
    relations: dict[str, Any] = {"Predecessors": list(task.after)}
    if task.finalize:
        relations["FinalizedRootTask"] = task.finalize
    if (last := graph.finalizer(tasks, task.full_name)) is not None:
        relations["FinalizerTask"] = last.full_name
    values = task.properties
    policy = values.get("OVERLAP_POLICY", "NO_OVERLAP")
    return [
        store.created_on(task, session.catalog), task.name, task.id, task.database, task.schema,
        session.grants.owner("TASK", task.full_name)[1], values.get("COMMENT", ""), values.get("WAREHOUSE"),
        values.get("SCHEDULE"), json.dumps(list(task.after)), task.state, task.body, task.when or None,
        "true" if policy != "NO_OVERLAP" or values.get("ALLOW_OVERLAPPING_EXECUTION") else "false",
        values.get("ERROR_INTEGRATION"),
        task.last_committed_on or None, task.last_suspended_on or None, "ROLE", values.get("CONFIG"), json.dumps(relations),
        task.last_suspended_reason or None, values.get("SUCCESS_INTEGRATION"), policy,
    ]  # fmt: skip


def show(reader: Reader, session: Session) -> Result:
    """SHOW [TERSE] TASKS [LIKE …] [IN …] [ROOT ONLY] …; the reader is past TASKS."""
    text = reader.rest()
    root_only = text.upper().endswith("ROOT ONLY")
    scope = Scope.read(Reader(text[: -len("ROOT ONLY")] if root_only else text), session, everywhere=True)
    tasks = store.all_tasks(session.catalog)
    chosen = scope.of([task for task in tasks.values() if task.is_root or not root_only], attrgetter("name"))
    return Result(COLUMNS, [row(task, tasks, session) for task in chosen])


def describe(task: Task, session: Session) -> Result:
    return Result(COLUMNS, [row(task, store.same_schema(task, session.catalog), session)])
