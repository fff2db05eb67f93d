"""Read CREATE PROCEDURE and CREATE FUNCTION.

Source of the clauses and their order: Snowflake's reference of both commands. COPY GRANTS comes before RETURNS, the
properties after it in any order but once each, AS last.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from local_stack.endpoint.errors import compilation_error, invalid_property
from local_stack.endpoint.features.procedures.definition import Parameter, Routine, RoutineKind
from local_stack.endpoint.language.quoting import identifier_value, string_value
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.language.types import read_type
from local_stack.endpoint.statements import unsupported

MAXIMUM_BODY_BYTES = 1_000_000
_RUNTIMES = frozenset({"3.9", "3.10", "3.11", "3.12", "3.13", "3.14"})
_RIGHTS = ("OWNER", "CALLER")


@dataclass(frozen=True)
class CreateRoutine:
    """Hold a definition. name: one to three parts; the routine's own name is the last of them."""

    name: tuple[str, ...]
    routine: Routine
    or_replace: bool = False
    or_alter: bool = False
    if_not_exists: bool = False
    copy_grants: bool = False


def parse_create(sql: str) -> CreateRoutine | None:
    """CREATE … PROCEDURE or FUNCTION; None for any other statement.

    Raises SqlError 001003 where the grammar is not Snowflake's; 000002 names what only the stand-in lacks.
    """
    reader = Reader(sql)
    if not reader.accept("CREATE"):
        return None
    or_replace = reader.accept("OR", "REPLACE")
    or_alter = not or_replace and reader.accept("OR", "ALTER")
    temporary = secure = False
    while word := reader.accept_any("TEMP", "TEMPORARY", "SECURE", "SCOPED"):
        temporary, secure = temporary or word != "SECURE", secure or word == "SECURE"
    if reader.looking_at("AGGREGATE", "FUNCTION") or reader.looking_at("EXTERNAL", "FUNCTION"):
        raise unsupported(f"CREATE {reader.token.upper} FUNCTION")
    kind = reader.accept_any("PROCEDURE", "FUNCTION")
    if kind is None:
        return None
    if_not_exists = reader.accept("IF", "NOT", "EXISTS")
    if if_not_exists and or_replace:
        raise compilation_error("options IF NOT EXISTS and OR REPLACE are incompatible.", 2123, "42601")
    name = reader.name()
    parameters = read_parameters(reader)
    copy_grants = reader.accept("COPY", "GRANTS")
    routine = read_routine(reader, "PROCEDURE" if kind == "PROCEDURE" else "FUNCTION", name[-1], parameters)
    reader.expect_end()
    routine = replace(routine, temporary=temporary, secure=secure)
    return CreateRoutine(name, routine, or_replace, or_alter, if_not_exists, copy_grants)


def read_parameters(reader: Reader) -> tuple[Parameter, ...]:
    """Read (name TYPE [DEFAULT expression], …)."""
    parameters: list[Parameter] = []
    for _ in reader.items():
        if reader.looking_at("OUT") or reader.looking_at("INOUT"):
            raise unsupported("OUT arguments of a procedure")
        if reader.looking_at("IN") and reader.peek(2).text not in (",", ")"):
            reader.accept("IN")
        name, kind, default = reader.identifier(), read_type(reader), None
        if reader.accept("DEFAULT") or reader.accept(":="):
            default = reader.expression(",", ")")
        elif any(p.default is not None for p in parameters):
            raise compilation_error(
                f"Required argument '{name}' must not follow an argument with a default value.", 1003, "42000"
            )
        if any(p.name == name for p in parameters):
            raise compilation_error(f"duplicate argument name '{name}'", 2011, "42601")
        parameters.append(Parameter(name, kind.declared, default))
    return tuple(parameters)


def read_routine(reader: Reader, kind: RoutineKind, name: str, parameters: tuple[Parameter, ...]) -> Routine:
    """Read from RETURNS to the body."""
    reader.expect("RETURNS")
    returns, columns = _returns(reader)
    clauses = _Clauses(kind)
    while not reader.at_end() and not reader.looking_at("AS") and not _at_call(reader):
        clauses.read(reader)
    body = None
    if reader.accept("AS"):
        body = _body(reader, clauses.values.get("language", "SQL"))
    routine = Routine(kind, name, parameters, returns, columns, body=body, **clauses.values)
    _check(routine)
    return routine


def _at_call(reader: Reader) -> bool:
    """Return an anonymous procedure's definition ends where its CALL begins."""
    return reader.looking_at("CALL")


def _returns(reader: Reader) -> tuple[str, tuple[tuple[str, str], ...]]:
    if reader.accept("TABLE"):
        return "", tuple((item.identifier(), read_type(item).declared) for item in reader.items())
    declared = read_type(reader).declared
    if not reader.accept("NOT", "NULL"):
        reader.accept("NULL")
    return declared, ()


def _body(reader: Reader, language: str) -> str:
    if reader.token.kind in ("string", "dollar"):
        text = string_value(reader.next().text)
    elif language == "SQL":
        text = reader.rest()
    else:
        raise reader.unexpected()
    if len(text.encode()) > MAXIMUM_BODY_BYTES:
        raise compilation_error("Procedure definition exceeds the maximum size of 1 MB.", 2140, "42601")
    return text


@dataclass
class _Clauses:
    """Read the properties between RETURNS and AS, each at most once."""

    kind: RoutineKind
    values: dict[str, Any] = field(default_factory=dict)

    def read(self, reader: Reader) -> None:
        start = reader.token
        if reader.accept("CALLED", "ON", "NULL", "INPUT"):
            return self._set("strict", False, "NULL INPUT")
        if reader.accept("RETURNS", "NULL", "ON", "NULL", "INPUT") or reader.accept("STRICT"):
            return self._set("strict", True, "NULL INPUT")
        if reader.accept_any("VOLATILE", "IMMUTABLE", "MEMOIZABLE"):
            return None
        if reader.accept("LANGUAGE"):
            return self._set("language", _language(reader), "LANGUAGE")
        if reader.accept("EXECUTE", "AS"):
            if self.kind == "FUNCTION":
                raise reader.unexpected(start)
            return self._set("rights", read_rights(reader), "EXECUTE AS")
        name = start.upper
        property_reader = PROPERTIES.get(name)
        if property_reader is None or reader.peek().text != "=":
            raise reader.unexpected(start)
        reader.next()
        reader.expect("=")
        field_name, read = property_reader
        return self._set(field_name, read(reader), name)

    def _set(self, field_name: str, value: Any, clause: str) -> None:
        if field_name in self.values:
            raise compilation_error(f"duplicate property '{clause}'; only one value can be specified.", 1424, "22023")
        self.values[field_name] = value


def _language(reader: Reader) -> str:
    word = reader.accept_any("PYTHON", "SQL", "JAVASCRIPT", "JAVA", "SCALA")
    if word is None:
        raise reader.unexpected()
    if word not in ("PYTHON", "SQL"):
        raise unsupported(f"LANGUAGE {word}")
    return word


def read_rights(reader: Reader) -> str:
    """Read OWNER or CALLER. RESTRICTED CALLER needs grants of its own kind (GRANT CALLER …), which are not here."""
    if reader.accept("RESTRICTED", "CALLER"):
        raise unsupported("EXECUTE AS RESTRICTED CALLER")
    word = reader.accept_any(*_RIGHTS)
    if word is None:
        raise reader.unexpected()
    return word


def _strings(reader: Reader) -> tuple[str, ...]:
    return tuple(item.string() for item in reader.items())


def _names(reader: Reader) -> tuple[str, ...]:
    return tuple(".".join(item.name()) for item in reader.items())


def _secrets(reader: Reader) -> tuple[tuple[str, str], ...]:
    items: list[tuple[str, str]] = []
    for _ in reader.items():
        variable = reader.string()
        reader.expect("=")
        items.append((variable, ".".join(reader.name())))
    return tuple(items)


def _version(reader: Reader) -> str:
    text = reader.string() if reader.token.kind == "string" else reader.next().text
    if text not in _RUNTIMES:
        raise compilation_error(f"Unsupported Python runtime version '{text}'.", 391546, "22023")
    return text


def _level(reader: Reader) -> str:
    return reader.string() if reader.token.kind == "string" else identifier_value(reader.next())


PROPERTIES: dict[str, tuple[str, Callable[[Reader], Any]]] = {
    "RUNTIME_VERSION": ("runtime_version", _version),
    "ARTIFACT_REPOSITORY": ("artifact_repository", lambda reader: ".".join(reader.name())),
    "PACKAGES": ("packages", _strings),
    "IMPORTS": ("imports", _strings),
    "HANDLER": ("handler", Reader.string),
    "EXTERNAL_ACCESS_INTEGRATIONS": ("external_access_integrations", _names),
    "SECRETS": ("secrets", _secrets),
    "COMMENT": ("comment", Reader.string),
    "LOG_LEVEL": ("log_level", _level),
    "TRACE_LEVEL": ("trace_level", _level),
}


def _check(routine: Routine) -> None:
    """Check what Snowflake requires of a definition before it looks at any code."""
    if routine.log_level or routine.trace_level:
        raise invalid_property("LOG_LEVEL" if routine.log_level else "TRACE_LEVEL", routine.kind)
    if routine.language == "SQL":
        if routine.body is None:
            raise compilation_error(f"Missing body of SQL {routine.kind.lower()} '{routine.name}'.", 1003, "42000")
        for name in ("handler", "packages", "imports", "runtime_version"):
            if getattr(routine, name):
                raise invalid_property(name.upper(), routine.kind)
        return
    if not routine.handler:
        raise compilation_error("Missing required HANDLER property for Python " + routine.kind.lower(), 391521, "42601")
    if not routine.runtime_version:
        raise compilation_error("RUNTIME_VERSION must be specified for Python " + routine.kind.lower(), 391523, "42601")
    if routine.body is None and not routine.imports:
        raise compilation_error("IMPORTS are required where a handler's code is not inline.", 391522, "42601")
    packages = [distribution_name(package) for package in routine.packages]
    if routine.kind == "PROCEDURE" and "snowflake-snowpark-python" not in packages:
        raise compilation_error(
            "Python stored procedures must include 'snowflake-snowpark-python' in PACKAGES.", 391531, "42601"
        )


def distribution_name(requirement: str) -> str:
    """Return the package's name in a requirement ('pandas==2.2'). Raises SqlError 391546 for what is none."""
    try:
        return canonicalize_name(Requirement(requirement).name)
    except InvalidRequirement:
        raise compilation_error(f"Invalid package specification '{requirement}'.", 391546, "22023") from None
