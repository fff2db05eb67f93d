"""Find tasks in the registry, and change them under the graph's rules."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import replace
from typing import Any

from local_stack.endpoint.engine.catalog import Catalog, StoredObject
from local_stack.endpoint.errors import compilation_error, existing_object, missing_object
from local_stack.endpoint.features.objects import store
from local_stack.endpoint.features.tasks import graph
from local_stack.endpoint.features.tasks.create import PROPERTIES, AlterTask, CreateTask, check_properties
from local_stack.endpoint.features.tasks.definition import Task
from local_stack.endpoint.language.names import SchemaName
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import Result

_KIND = "TASK"


def now_text() -> str:
    return dt.datetime.now(dt.UTC).isoformat()


def all_tasks(catalog: Catalog, database: str | None = None, schema: str | None = None) -> dict[str, Task]:
    found = [Task.from_document(stored.definition) for stored in catalog.objects(_KIND, database, schema)]
    return {task.full_name: task for task in found}


def same_schema(task: Task, catalog: Catalog) -> dict[str, Task]:
    return all_tasks(catalog, task.database, task.schema)


def created_on(task: Task, catalog: Catalog) -> dt.datetime:
    stored = catalog.get(_KIND, task.database, task.schema, task.name)
    return stored.created_on if stored is not None else dt.datetime.now(dt.UTC)


def find(parts: tuple[str, ...], session: Session) -> Task | None:
    place = session.resolve(parts)
    stored = session.catalog.get(_KIND, place.database, place.schema, place.name)
    return Task.from_document(stored.definition) if stored is not None else None


def require(parts: tuple[str, ...], session: Session) -> Task:
    """Return a task. Raises SqlError 002003."""
    task = find(parts, session)
    if task is None:
        raise missing_object("Task", ".".join(parts))
    return task


def save(task: Task, catalog: Catalog) -> None:
    """Store a task; one that exists keeps its creation time."""
    stored = catalog.get(_KIND, task.database, task.schema, task.name)
    if stored is None:
        catalog.put(_KIND, task.database, task.schema, task.name, task.to_document())
    else:
        catalog.update(stored, task.to_document())


def create(statement: CreateTask, session: Session) -> Result:
    """Store a new task, suspended."""
    place = session.resolve(statement.name)
    session.require_schema(place)
    existing = find(statement.name, session)
    if existing is not None and statement.if_not_exists:
        return Result.existed(place.name)
    if existing is not None and not (statement.or_replace or statement.or_alter):
        raise existing_object(str(place))
    _check_warehouse(statement.properties, session)
    tasks = all_tasks(session.catalog, place.database, place.schema)
    task = _defined(statement, place, existing if statement.or_alter else None, session)
    if existing is not None:
        alone = (
            existing.is_root
            and not graph.children(tasks, existing.full_name)
            and not graph.finalizer(tasks, existing.full_name)
        )
        if statement.or_alter or not alone:
            graph.require_suspended_root(tasks, existing)
    graph.check(tasks, task)
    if not task.is_root:
        graph.require_suspended_root({**tasks, task.full_name: task}, task)
    if existing is not None and statement.or_replace:
        session.catalog.drop(_KIND, task.database, task.schema, task.name)
    save(task, session.catalog)
    if existing is not None and statement.or_alter:
        return Result.status(f"Task {place.name} successfully altered.")
    return Result.created("Task", place.name)


def _defined(statement: CreateTask, place: SchemaName, existing: Task | None, session: Session) -> Task:
    def full(parts: tuple[str, ...]) -> str:
        found = session.resolve(parts)
        return f"{found.database}.{found.schema}.{found.name}"

    task = Task(
        id=str(uuid.uuid4()), database=place.database, schema=place.schema, name=place.name, body=statement.body,
        properties=statement.properties, parameters=statement.parameters, after=tuple(full(a) for a in statement.after),
        finalize=full(statement.finalize) if statement.finalize else "", when=statement.when, owner=session.role,
        last_committed_on=now_text(),
    )  # fmt: skip
    if existing is None:
        return task
    return replace(task, id=existing.id, owner=existing.owner, state=existing.state)


def _check_warehouse(properties: dict[str, Any], session: Session) -> None:
    if "WAREHOUSE" in properties:
        store.require_warehouse(properties["WAREHOUSE"], session)


def alter(statement: AlterTask, session: Session) -> None:
    """ALTER TASK. Raises SqlError; nothing for a missing task with IF EXISTS."""
    task = find(statement.name, session)
    if task is None and statement.if_exists:
        return
    task = require(statement.name, session)
    tasks = same_schema(task, session.catalog)
    if not (task.is_root and statement.verb in ("RESUME", "SUSPEND")):
        graph.require_suspended_root(tasks, task)
    changed = _altered(task, statement, session)
    check_properties(changed.properties, bool(changed.after), bool(changed.finalize), changed.when)
    graph.check(tasks, changed)
    save(changed, session.catalog)


def _altered(task: Task, statement: AlterTask, session: Session) -> Task:
    now = now_text()
    match statement.verb:
        case "RESUME":
            return replace(task, state="started", failures=0, last_committed_on=now)
        case "SUSPEND":
            return replace(task, state="suspended", last_suspended_on=now, last_suspended_reason="USER_SUSPENDED")
        case "SET":
            return _with_properties(task, statement.properties, session)
        case "UNSET":
            return _without_properties(task, statement.names)
        case "ADD AFTER":
            return replace(task, after=(*task.after, *_full_names(statement, session)), last_committed_on=now)
        case "REMOVE AFTER":
            removed = _full_names(statement, session)
            if missing := [name for name in removed if name not in task.after]:
                raise compilation_error(f"Task {missing[0]} is no predecessor of {task.full_name}.", 91090, "42601")
            return replace(task, after=tuple(a for a in task.after if a not in removed), last_committed_on=now)
        case "MODIFY AS":
            return replace(task, body=statement.text, last_committed_on=now)
    return replace(task, when=statement.text, last_committed_on=now)


def _full_names(statement: AlterTask, session: Session) -> tuple[str, ...]:
    found = [session.resolve(parts) for parts in statement.tasks]
    return tuple(f"{place.database}.{place.schema}.{place.name}" for place in found)


def _with_properties(task: Task, values: dict[str, Any], session: Session) -> Task:
    _check_warehouse(values, session)
    finalize = task.finalize
    if "FINALIZE" in values:
        place = session.resolve(tuple(str(values["FINALIZE"]).split(".")))
        finalize = f"{place.database}.{place.schema}.{place.name}"
    properties = {**task.properties, **{k: v for k, v in values.items() if k in PROPERTIES and k != "FINALIZE"}}
    parameters = {**task.parameters, **{k: v for k, v in values.items() if k not in PROPERTIES}}
    return replace(task, properties=properties, parameters=parameters, finalize=finalize, last_committed_on=now_text())


def _without_properties(task: Task, names: tuple[str, ...]) -> Task:
    return replace(
        task,
        properties={k: v for k, v in task.properties.items() if k not in names},
        parameters={k: v for k, v in task.parameters.items() if k not in names},
        finalize="" if "FINALIZE" in names else task.finalize,
        last_committed_on=now_text(),
    )


def drop(parts: tuple[str, ...], session: Session) -> None:
    """DROP TASK: its children lose it as predecessor, its finalizer becomes a task of its own."""
    task = require(parts, session)
    tasks = same_schema(task, session.catalog)
    if not task.is_root:
        graph.require_suspended_root(tasks, task)
    session.catalog.drop(_KIND, task.database, task.schema, task.name)
    for other in tasks.values():
        if task.full_name in other.after:
            save(replace(other, after=tuple(a for a in other.after if a != task.full_name)), session.catalog)
        if other.finalize == task.full_name:
            save(replace(other, finalize=""), session.catalog)


def resume_graph(root: Task, session: Session) -> None:
    """Resume everything after a task, then the task itself: SYSTEM$TASK_DEPENDENTS_ENABLE."""
    tasks = same_schema(root, session.catalog)
    last = graph.finalizer(tasks, root.full_name)
    for task in [*reversed(graph.descendants(tasks, root)), *([last] if last else [])]:
        if task.full_name != root.full_name:
            save(replace(task, state="started", last_committed_on=now_text()), session.catalog)
    save(replace(root, state="started", failures=0, last_committed_on=now_text()), session.catalog)


def stored(task: Task, catalog: Catalog) -> StoredObject | None:
    return catalog.get(_KIND, task.database, task.schema, task.name)
