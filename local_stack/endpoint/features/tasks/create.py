"""Read CREATE TASK and ALTER TASK.

Source: Snowflake's reference of both. Order: properties, then AFTER, WHEN, AS.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local_stack.endpoint.errors import compilation_error
from local_stack.endpoint.language.options import (
    SESSION_PARAMETERS,
    PropertyReader,
    boolean,
    integer,
    name,
    one_of,
    property_names,
    read_properties,
    text,
    word,
)
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.language.schedule import check_schedule
from local_stack.endpoint.language.tokens import leading_words
from local_stack.endpoint.statements import unsupported

PROPERTIES: dict[str, PropertyReader] = {
    "WAREHOUSE": name,
    "USER_TASK_MANAGED_INITIAL_WAREHOUSE_SIZE": word,
    "SCHEDULE": text,
    "CONFIG": text,
    "OVERLAP_POLICY": one_of("NO_OVERLAP", "ALLOW_CHILD_OVERLAP", "ALLOW_ALL_OVERLAP"),
    "ALLOW_OVERLAPPING_EXECUTION": boolean,
    "USER_TASK_TIMEOUT_MS": integer,
    "SUSPEND_TASK_AFTER_NUM_FAILURES": integer,
    "TASK_AUTO_RETRY_ATTEMPTS": integer,
    "USER_TASK_MINIMUM_TRIGGER_INTERVAL_IN_SECONDS": integer,
    "TARGET_COMPLETION_INTERVAL": text,
    "SERVERLESS_TASK_MIN_STATEMENT_SIZE": word,
    "SERVERLESS_TASK_MAX_STATEMENT_SIZE": word,
    "ERROR_INTEGRATION": name,
    "SUCCESS_INTEGRATION": name,
    "COMMENT": text,
    "FINALIZE": name,
}
_READERS: Mapping[str, PropertyReader] = {**SESSION_PARAMETERS, **PROPERTIES}
_STOPS = frozenset({"AFTER", "WHEN", "AS", "EXECUTE"})
_ROOT_ONLY = ("SCHEDULE", "CONFIG", "TASK_AUTO_RETRY_ATTEMPTS", "SUSPEND_TASK_AFTER_NUM_FAILURES", "OVERLAP_POLICY",
              "ALLOW_OVERLAPPING_EXECUTION")  # fmt: skip
_RANGES = {
    "USER_TASK_TIMEOUT_MS": (0, 604_800_000),
    "TASK_AUTO_RETRY_ATTEMPTS": (0, 30),
    "SUSPEND_TASK_AFTER_NUM_FAILURES": (0, 100_000),
}
_WHEN_FUNCTIONS = frozenset({"SYSTEM$GET_PREDECESSOR_RETURN_VALUE", "SYSTEM$STREAM_HAS_DATA"})
_OPERATORS = frozenset({"AND", "OR", "NOT", "IN", "BETWEEN", "LIKE", "IS"})


@dataclass(frozen=True)
class CreateTask:
    """Hold a CREATE TASK. properties: task properties; parameters: session parameters; after and finalize: names as written."""

    name: tuple[str, ...]
    body: str
    properties: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    after: tuple[tuple[str, ...], ...] = ()
    finalize: tuple[str, ...] = ()
    when: str = ""
    or_replace: bool = False
    or_alter: bool = False
    if_not_exists: bool = False


@dataclass(frozen=True)
class AlterTask:
    """Hold an ALTER TASK. verb: RESUME, SUSPEND, SET, UNSET, ADD AFTER, REMOVE AFTER, MODIFY AS, MODIFY WHEN, REMOVE WHEN."""

    name: tuple[str, ...]
    verb: str
    if_exists: bool = False
    properties: dict[str, Any] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    tasks: tuple[tuple[str, ...], ...] = ()
    text: str = ""


def parse_create_task(sql: str) -> CreateTask | None:
    """CREATE … TASK …; None for any other statement. Raises SqlError."""
    reader = Reader(sql)
    if not reader.accept("CREATE"):
        return None
    or_replace = reader.accept("OR", "REPLACE")
    or_alter = not or_replace and reader.accept("OR", "ALTER")
    if not reader.accept("TASK"):
        return None
    if_not_exists = reader.accept("IF", "NOT", "EXISTS")
    if if_not_exists and or_replace:
        raise compilation_error("options IF NOT EXISTS and OR REPLACE are incompatible.", 2123, "42601")
    parts = reader.name()
    reader.accept("WITH") if reader.looking_at("WITH", "TAG") else None
    values = read_properties(reader, _READERS, "TASK", _STOPS)
    after = _task_list(reader) if reader.accept("AFTER") else ()
    if reader.accept("EXECUTE"):
        raise unsupported("CREATE TASK … EXECUTE AS USER")
    when = ""
    if reader.accept("WHEN"):
        when = _when(reader)
    reader.expect("AS")
    if reader.at_end():
        raise reader.unexpected()
    finalize = tuple(str(values.pop("FINALIZE")).split(".")) if "FINALIZE" in values else ()
    properties = {k: v for k, v in values.items() if k in PROPERTIES}
    parameters = {k: v for k, v in values.items() if k not in PROPERTIES}
    check_properties(properties, has_predecessor=bool(after), is_finalizer=bool(finalize), when=when)
    return CreateTask(
        parts, reader.rest(), properties, parameters, after, finalize, when, or_replace, or_alter, if_not_exists
    )


def check_properties(properties: Mapping[str, Any], has_predecessor: bool, is_finalizer: bool, when: str) -> None:
    """Raise SqlError for what does not go together: a child or finalizer takes no schedule, a finalizer no AFTER."""
    if has_predecessor and is_finalizer:
        raise compilation_error("Finalizer task cannot have predecessors.", 91094, "42601")
    if has_predecessor or is_finalizer:
        kind = "Finalizer task" if is_finalizer else "Task with predecessors"
        for forbidden in _ROOT_ONLY:
            if forbidden in properties:
                raise compilation_error(f"{kind} cannot have {forbidden}; it belongs to the root task.", 91083, "42601")
    if is_finalizer and "SYSTEM$GET_PREDECESSOR_RETURN_VALUE" in when.upper():
        raise compilation_error("Finalizer task has no predecessors whose return value it could get.", 91095, "42601")
    if "WAREHOUSE" in properties and "USER_TASK_MANAGED_INITIAL_WAREHOUSE_SIZE" in properties:
        raise compilation_error("A task has a WAREHOUSE or is serverless, not both.", 91082, "42601")
    if "SCHEDULE" in properties:
        check_schedule(properties["SCHEDULE"])
    for name_, (low, high) in _RANGES.items():
        if name_ in properties and not low <= properties[name_] <= high:
            raise compilation_error(f"invalid value [{properties[name_]}] for parameter '{name_}'", 1008, "22023")
    if "CONFIG" in properties:
        _check_config(properties["CONFIG"])


def _check_config(config: str) -> None:
    import json

    try:
        parsed = json.loads(config)
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        raise compilation_error("CONFIG must be a JSON object.", 1008, "22023")


def _task_list(reader: Reader) -> tuple[tuple[str, ...], ...]:
    found = []
    while True:
        quoted = reader.token.kind == "string"
        found.append(tuple(reader.string().upper().split(".")) if quoted else reader.name())
        if not reader.accept(","):
            return tuple(found)


def _when(reader: Reader) -> str:
    condition = reader.expression("AS", "AFTER")
    inner = Reader(condition)
    while not inner.at_end():
        token = inner.next()
        if token.kind == "word" and inner.token.text == "(" and token.upper not in _OPERATORS:
            if token.upper not in _WHEN_FUNCTIONS:
                raise compilation_error(
                    f"Invalid expression for task condition expression: {token.text}.", 91093, "42601"
                )
            if token.upper == "SYSTEM$STREAM_HAS_DATA":
                raise unsupported("SYSTEM$STREAM_HAS_DATA")
    return condition


def parse_alter_task(sql: str) -> AlterTask | None:
    """ALTER TASK …; None for any other statement. Raises SqlError."""
    if leading_words(sql, 2) != ("ALTER", "TASK"):
        return None
    reader = Reader(sql)
    reader.expect("ALTER", "TASK")
    if_exists = reader.accept("IF", "EXISTS")
    parts = reader.name()
    verb = reader.accept_any("RESUME", "SUSPEND", "SET", "UNSET", "ADD", "REMOVE", "MODIFY")
    match verb:
        case "RESUME" | "SUSPEND":
            altered = AlterTask(parts, verb, if_exists)
        case "SET":
            values = read_properties(reader, _READERS, "TASK")
            if not values:
                raise reader.unexpected()
            altered = AlterTask(parts, "SET", if_exists, properties=values)
        case "UNSET":
            altered = AlterTask(parts, "UNSET", if_exists, names=tuple(property_names(reader, _READERS, "TASK")))
        case "ADD":
            reader.expect("AFTER")
            altered = AlterTask(parts, "ADD AFTER", if_exists, tasks=_task_list(reader))
        case "REMOVE":
            if reader.accept("WHEN"):
                altered = AlterTask(parts, "REMOVE WHEN", if_exists)
            else:
                reader.expect("AFTER")
                altered = AlterTask(parts, "REMOVE AFTER", if_exists, tasks=_task_list(reader))
        case "MODIFY":
            if reader.accept("WHEN"):
                altered = AlterTask(parts, "MODIFY WHEN", if_exists, text=_when(reader))
            else:
                reader.expect("AS")
                altered = AlterTask(parts, "MODIFY AS", if_exists, text=reader.rest())
        case _:
            raise reader.unexpected()
    reader.expect_end()
    return altered
