"""Read the parts of object definitions that are not `NAME = value` properties."""

from __future__ import annotations

from typing import Any

from local_stack.endpoint.errors import compilation_error
from local_stack.endpoint.language.options import bare_texts
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.language.schedule import check_schedule
from local_stack.endpoint.language.types import read_type
from local_stack.endpoint.statements import SqlError, unsupported


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


# https://docs.snowflake.com/en/user-guide/data-engineering/dbt-projects-on-snowflake-dbt-core-versions
_DBT_VERSIONS = ("1.9.4", "1.10.15", "1.11.11")


def dbt_version(reader: Reader) -> str:
    """Read a version of dbt, quoted or bare. Raises SqlError for one that Snowflake does not have."""
    given = reader.string() if reader.token.kind == "string" else _word(reader)
    if given not in _DBT_VERSIONS:
        raise compilation_error(
            f"invalid value [{given}] for parameter 'DBT_VERSION'; supported versions: {', '.join(_DBT_VERSIONS)}",
            1008,
            "22023",
        )
    return given


def dbt_target(reader: Reader) -> str:
    """Read the name of a target, quoted or bare."""
    return reader.string() if reader.token.kind == "string" else _word(reader)


def dbt_source(reader: Reader) -> dict[str, Any]:
    """Read FROM '@stage/path', also bare."""
    reader.expect("FROM")
    return {"SOURCE": reader.string() if reader.token.kind == "string" else _word(reader)}


def _word(reader: Reader) -> str:
    """Read everything up to white space, as it stands."""
    first = last = reader.next()
    while not reader.at_end() and reader.token.start == last.end:
        last = reader.next()
    return reader.sql[first.start : last.end]


def deployed_source(reader: Reader) -> dict[str, Any] | None:
    """Read {DEPLOY | ADD VERSION} FROM '@stage/path' of ALTER DBT PROJECT. Return None for another change.

    An object has one version, the live one, which both replace.
    """
    if not (reader.accept("DEPLOY") or reader.accept("ADD", "VERSION")):
        return None
    if not reader.looking_at("FROM"):
        raise unsupported("ALTER DBT PROJECT … ADD VERSION with an alias")
    found = dbt_source(reader)
    reader.expect_end()
    return found


BODY_STARTS = {
    "MASKING POLICY": frozenset({"AS"}),
    "ROW ACCESS POLICY": frozenset({"AS"}),
    "RESOURCE MONITOR": frozenset({"TRIGGERS"}),
    "TAG": frozenset({"ALLOWED_VALUES"}),
    "ALERT": frozenset({"IF"}),
    "DBT PROJECT": frozenset({"FROM"}),
}
BODY_REQUIRED = frozenset({"MASKING POLICY", "ROW ACCESS POLICY", "ALERT", "DBT PROJECT"})


def missing_body(kind: str) -> SqlError:
    return compilation_error(f"Incomplete definition of a {kind.lower()}.", 1003, "42000")
