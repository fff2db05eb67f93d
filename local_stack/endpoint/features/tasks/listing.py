"""SHOW TASKS, DESCRIBE TASK, and the table functions over tasks and their history."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from local_stack.endpoint.errors import compilation_error
from local_stack.endpoint.features.objects import grants
from local_stack.endpoint.features.objects.show import read_filter
from local_stack.endpoint.features.tasks import graph, history, store
from local_stack.endpoint.features.tasks.definition import Task
from local_stack.endpoint.language.quoting import quote_string
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
        grants.owner_of("TASK", task.full_name, session) or task.owner, values.get("COMMENT", ""), values.get("WAREHOUSE"),
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
    chosen = read_filter(Reader(text[: -len("ROOT ONLY")] if root_only else text), session)
    tasks = store.all_tasks(session.catalog)
    found = [
        task
        for task in tasks.values()
        if chosen.database in (None, task.database)
        and chosen.schema in (None, task.schema)
        and chosen.matches(task.name)
        and not (root_only and not task.is_root)
    ]
    return Result(COLUMNS, [row(task, tasks, session) for task in found[: chosen.limit]])


def describe(task: Task, session: Session) -> Result:
    return Result(COLUMNS, [row(task, store.same_schema(task, session.catalog), session)])


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    return quote_string(value.isoformat() if hasattr(value, "isoformat") else str(value))


def values_query(columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> str:
    """A subquery that gives these rows."""
    selected = [
        "SELECT "
        + ", ".join(f"{_literal(v)}::{_sql_type(c)} AS {c.name.upper()}" for c, v in zip(columns, row, strict=True))
        for row in rows
    ]
    if not selected:
        selected = [
            "SELECT " + ", ".join(f"NULL::{_sql_type(c)} AS {c.name.upper()}" for c in columns) + " WHERE FALSE"
        ]
    return "(" + " UNION ALL ".join(selected) + ")"


def _sql_type(column: Column) -> str:
    return "VARCHAR" if column.type == "TEXT" else column.type


def task_dependents(arguments: dict[str, str], session: Session) -> str:
    """TASK_DEPENDENTS(TASK_NAME => 't' [, RECURSIVE => TRUE]): the task and what comes after it."""
    if "TASK_NAME" not in arguments:
        raise compilation_error("Missing argument TASK_NAME of TASK_DEPENDENTS.", 938, "22023")
    name = Reader(Reader(arguments["TASK_NAME"]).string()).name()
    root = store.require(name, session)
    tasks = store.same_schema(root, session.catalog)
    found = graph.descendants(tasks, root)
    if arguments.get("RECURSIVE", "TRUE").upper() == "FALSE":
        found = [
            task for task in found if task is root or task.full_name == root.full_name or root.full_name in task.after
        ]
    last = graph.finalizer(tasks, root.full_name)
    return values_query(COLUMNS, [row(task, tasks, session) for task in [*found, *([last] if last else [])]])


_HISTORY_ARGUMENTS = frozenset(
    {
        "SCHEDULED_TIME_RANGE_START",
        "SCHEDULED_TIME_RANGE_END",
        "RESULT_LIMIT",
        "TASK_NAME",
        "ERROR_ONLY",
        "ROOT_TASK_ID",
    }
)


def task_history(arguments: dict[str, str], session: Session) -> str:
    """TASK_HISTORY([SCHEDULED_TIME_RANGE_START => …, …]): the newest runs first, 100 unless RESULT_LIMIT says otherwise."""
    del session
    if unknown := sorted(set(arguments) - _HISTORY_ARGUMENTS):
        raise compilation_error(f"Invalid argument {unknown[0]} of TASK_HISTORY.", 938, "22023")
    conditions = ["TRUE"]
    if start := arguments.get("SCHEDULED_TIME_RANGE_START"):
        conditions.append(f"scheduled_time >= ({start})::TIMESTAMP_LTZ")
    if end := arguments.get("SCHEDULED_TIME_RANGE_END"):
        conditions.append(f"scheduled_time <= ({end})::TIMESTAMP_LTZ")
    if name := arguments.get("TASK_NAME"):
        conditions.append(f"name = UPPER(SPLIT_PART({name}, '.', -1))")
    if root := arguments.get("ROOT_TASK_ID"):
        conditions.append(f"root_task_id = {root}")
    if arguments.get("ERROR_ONLY", "FALSE").upper() == "TRUE":
        conditions.append("state LIKE 'FAILED%'")
    limit = int(arguments.get("RESULT_LIMIT", "100"))
    if not 1 <= limit <= 10_000:
        raise compilation_error(f"invalid value [{limit}] for RESULT_LIMIT: 1 to 10000.", 1008, "22023")
    columns = ", ".join(name for name in history.COLUMNS if name != "task_id")
    return (
        f"(SELECT {columns} FROM {history.TABLE} WHERE {' AND '.join(conditions)}"
        f" ORDER BY scheduled_time DESC, COALESCE(query_start_time, scheduled_time) DESC LIMIT {limit})"
    )


def complete_task_graphs(arguments: dict[str, str], session: Session) -> str:
    """COMPLETE_TASK_GRAPHS([RESULT_LIMIT => n, ROOT_TASK_NAME => 't', ERROR_ONLY => TRUE]): finished runs of graphs."""
    del session
    conditions = ["r.task_id = r.root_task_id"]
    if name := arguments.get("ROOT_TASK_NAME"):
        conditions.append(f"r.name = UPPER(SPLIT_PART({name}, '.', -1))")
    outer = "first_error_code IS NOT NULL" if arguments.get("ERROR_ONLY", "FALSE").upper() == "TRUE" else "TRUE"
    limit = int(arguments.get("RESULT_LIMIT", "1000"))
    return (
        "(SELECT * FROM (SELECT r.name AS root_task_name, r.database_name, r.schema_name,"
        " CASE WHEN COUNT(t.error_code) > 0 THEN 'FAILED' ELSE 'SUCCEEDED' END AS state,"
        " MIN(CASE WHEN t.state LIKE 'FAILED%' THEN t.name END) AS first_error_task_name,"
        " MIN(CASE WHEN t.state LIKE 'FAILED%' THEN t.error_code END) AS first_error_code,"
        " MIN(CASE WHEN t.state LIKE 'FAILED%' THEN t.error_message END) AS first_error_message,"
        " MIN(r.scheduled_time) AS scheduled_time, MIN(t.query_start_time) AS query_start_time,"
        " MAX(t.completed_time) AS completed_time, r.root_task_id, MAX(r.graph_version) AS graph_version, r.run_id,"
        f" MAX(t.attempt_number) AS attempt_number, r.graph_run_group_id FROM {history.TABLE} r"
        f" JOIN (SELECT * FROM {history.TABLE} QUALIFY ROW_NUMBER() OVER (PARTITION BY task_id, graph_run_group_id"
        " ORDER BY attempt_number DESC) = 1) t"
        " ON t.root_task_id = r.root_task_id AND t.graph_run_group_id = r.graph_run_group_id"
        f" WHERE {' AND '.join(conditions)} GROUP BY r.name, r.database_name, r.schema_name, r.root_task_id, r.run_id,"
        " r.graph_run_group_id HAVING COUNT_IF(t.completed_time IS NULL) = 0)"
        f" WHERE {outer} ORDER BY scheduled_time DESC LIMIT {limit})"
    )
