"""Read the parts of object definitions that are not `NAME = value` properties."""

from __future__ import annotations

from typing import Any

from local_stack.endpoint.errors import compilation_error
from local_stack.endpoint.language.options import bare_texts
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.language.schedule import check_schedule
from local_stack.endpoint.language.types import read_type
from local_stack.endpoint.statements import SqlError


def policy(reader: Reader) -> dict[str, Any]:
    """Read AS (val STRING, …) RETURNS STRING -> expression [COMMENT = '…'] [EXEMPT_OTHER_POLICIES = TRUE]."""
    reader.expect("AS")
    arguments = [[item.identifier(), read_type(item).declared] for item in reader.items()]
    if not arguments:
        raise compilation_error("A policy needs at least one argument.", 1003, "42000")
    reader.expect("RETURNS")
    returned = read_type(reader).declared
    reader.expect("->")
    body = reader.expression("COMMENT", "EXEMPT_OTHER_POLICIES")
    values: dict[str, Any] = {"ARGUMENTS": arguments, "RETURNS": returned, "BODY": body}
    while not reader.at_end():
        if reader.accept("COMMENT", "="):
            values["COMMENT"] = reader.string()
        else:
            reader.expect("EXEMPT_OTHER_POLICIES", "=")
            values["EXEMPT_OTHER_POLICIES"] = reader.boolean()
    return values


def check_policy(kind: str, values: dict[str, Any]) -> None:
    """Raise SqlError where a policy returns the wrong type.

    A masking policy returns the type of its first argument. A row access policy returns a boolean.
    """
    if kind == "MASKING POLICY" and values["RETURNS"] != values["ARGUMENTS"][0][1]:
        raise compilation_error(
            f"Masking policy function argument and return type mismatch: argument {values['ARGUMENTS'][0][1]}, "
            f"return {values['RETURNS']}.",
            2040,
            "42601",
        )
    if kind == "ROW ACCESS POLICY" and values["RETURNS"] != "BOOLEAN":
        raise compilation_error("A row access policy must return BOOLEAN.", 2040, "42601")


def triggers(reader: Reader) -> dict[str, Any]:
    """Read TRIGGERS ON n PERCENT DO {SUSPEND | SUSPEND_IMMEDIATE | NOTIFY} …"""
    found: list[list[Any]] = []
    reader.expect("TRIGGERS")
    while reader.accept("ON"):
        percent = reader.integer()
        reader.expect("PERCENT", "DO")
        action = reader.accept_any("SUSPEND", "SUSPEND_IMMEDIATE", "NOTIFY")
        if action is None:
            raise reader.unexpected()
        found.append([percent, action])
    if not found:
        raise reader.unexpected()
    return {"TRIGGERS": found}


def allowed_values(reader: Reader) -> dict[str, Any]:
    """Read ALLOWED_VALUES 'a', 'b'."""
    reader.expect("ALLOWED_VALUES")
    return {"ALLOWED_VALUES": bare_texts(reader)}


def alert(reader: Reader) -> dict[str, Any]:
    """Read IF (EXISTS (query)) THEN statement."""
    reader.expect("IF", "(", "EXISTS", "(")
    condition = reader.expression(")")
    reader.expect(")", ")", "THEN")
    if reader.at_end():
        raise reader.unexpected()
    return {"CONDITION": condition, "ACTION": reader.rest()}


def check_alert(values: dict[str, Any]) -> None:
    """Raise SqlError for a schedule that is not valid."""
    if "SCHEDULE" in values:
        check_schedule(str(values["SCHEDULE"]), seconds=False)


BODY_STARTS = {
    "MASKING POLICY": frozenset({"AS"}),
    "ROW ACCESS POLICY": frozenset({"AS"}),
    "RESOURCE MONITOR": frozenset({"TRIGGERS"}),
    "TAG": frozenset({"ALLOWED_VALUES"}),
    "ALERT": frozenset({"IF"}),
}
BODY_REQUIRED = frozenset({"MASKING POLICY", "ROW ACCESS POLICY", "ALERT"})


def missing_body(kind: str) -> SqlError:
    return compilation_error(f"Incomplete definition of a {kind.lower()}.", 1003, "42000")
