"""Answer SHOW, DESCRIBE, ALTER, DROP and COMMENT of procedures and functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from local_stack.endpoint.errors import existing_object
from local_stack.endpoint.features.objects.attachments import LEVELS
from local_stack.endpoint.features.procedures import create, registry
from local_stack.endpoint.features.procedures.definition import Routine, RoutineKind
from local_stack.endpoint.features.procedures.python import access
from local_stack.endpoint.features.procedures.registry import FoundRoutine
from local_stack.endpoint.features.show import Scope
from local_stack.endpoint.language.names import SchemaName
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.language.types import read_signature
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import Column, Result

_SHOW_COLUMNS = (
    Column("created_on", "TIMESTAMP_LTZ"), Column("name"), Column("schema_name"), Column("is_builtin"), Column("is_aggregate"),
    Column("is_ansi"), Column("min_num_arguments", "FIXED"), Column("max_num_arguments", "FIXED"), Column("arguments"),
    Column("description"), Column("catalog_name"), Column("is_table_function"), Column("valid_for_clustering"),
    Column("is_secure"),
    Column("secrets"), Column("external_access_integrations"),
)  # fmt: skip
Action = Callable[[], Result]


def read_action(reader: Reader, session: Session) -> Action | None:
    """Return the action of SHOW, DESCRIBE, ALTER, DROP or COMMENT ON a routine; None for other statements."""
    match reader.next().upper:
        case "SHOW":
            return _show(reader, session)
        case "DESCRIBE" | "DESC":
            if (kind := _kind(reader)) is None:
                return None
            parts, families = reader.name(), read_signature(reader)
            reader.expect_end()
            return lambda: _describe(registry.require(kind, parts, families, session).routine)
        case "DROP":
            return _drop(reader, session)
        case "ALTER":
            return _alter(reader, session)
        case "COMMENT":
            return _comment(reader, session)
    return None


def _kind(reader: Reader) -> RoutineKind | None:
    if reader.accept("PROCEDURE"):
        return "PROCEDURE"
    return "FUNCTION" if reader.accept("FUNCTION") else None


def _show(reader: Reader, session: Session) -> Action | None:
    reader.accept("TERSE")
    reader.accept("USER")
    kind: RoutineKind
    if reader.accept("PROCEDURES"):
        kind = "PROCEDURE"
    elif reader.accept("FUNCTIONS"):
        kind = "FUNCTION"
    else:
        return None
    scope = Scope.read(reader, session, everywhere=True)

    def run() -> Result:
        found = scope.of(registry.list_routines(kind, session), lambda found: found.routine.name)
        return Result(_SHOW_COLUMNS, [_show_row(one) for one in found])

    return run


def _show_row(found: FoundRoutine) -> list[Any]:
    routine = found.routine
    return [
        found.created_on, routine.name, found.schema, "N", "N", "N", sum(p.default is None for p in routine.parameters),
        len(routine.parameters), routine.signature, routine.comment or f"user-defined {routine.kind.lower()}", found.database,
        "Y" if routine.is_table else "N", "N", "Y" if routine.secure else "N",
        ", ".join(f"'{variable}'={name}" for variable, name in routine.secrets) or None,
        ", ".join(routine.external_access_integrations) or None,
    ]  # fmt: skip


def _describe(routine: Routine) -> Result:
    properties: list[tuple[str, str | None]] = [
        ("signature", "(" + ", ".join(f"{p.name} {p.type}" for p in routine.parameters) + ")"),
        ("returns", routine.declared_return),
        ("language", routine.language),
        ("null handling", "RETURNS NULL ON NULL INPUT" if routine.strict else "CALLED ON NULL INPUT"),
        ("volatility", "VOLATILE"),
    ]
    if routine.kind == "PROCEDURE":
        properties.append(("execute as", routine.rights))
    properties.append(("body", routine.body))
    if routine.language == "PYTHON":
        properties += [
            ("imports", "[" + ", ".join(routine.imports) + "]"),
            ("handler", routine.handler),
            ("runtime_version", routine.runtime_version),
            ("packages", "[" + ",".join(f"'{p}'" for p in routine.packages) + "]"),
            ("installed_packages", "[" + ",".join(f"'{p}'" for p in access.installed(routine)) + "]"),
            ("is_aggregate", "false"),
            ("external_access_integrations", "[" + ",".join(routine.external_access_integrations) + "]"),
            ("secrets", str(dict(routine.secrets))),
        ]
    return Result((Column("property"), Column("value")), [list(pair) for pair in properties])


def _drop(reader: Reader, session: Session) -> Action | None:
    if (kind := _kind(reader)) is None:
        return None
    if_exists = reader.accept("IF", "EXISTS")
    parts, families = reader.name(), read_signature(reader)
    reader.expect_end()

    def run() -> Result:
        if if_exists and registry.find_signature(kind, session.resolve(parts), families, session) is None:
            return Result.was_dropped(parts[-1])
        found = registry.require(kind, parts, families, session)
        registry.drop(found, session)
        return Result.dropped(parts[-1])

    return run


def _comment(reader: Reader, session: Session) -> Action | None:
    if_exists = reader.accept("IF", "EXISTS")
    if not reader.accept("ON") or (kind := _kind(reader)) is None:
        return None
    parts, families = reader.name(), read_signature(reader)
    reader.expect("IS")
    text = reader.string()
    reader.expect_end()

    def run() -> Result:
        if if_exists and registry.find_signature(kind, session.resolve(parts), families, session) is None:
            return Result.succeeded()
        found = registry.require(kind, parts, families, session)
        registry.replace_definition(found, replace(found.routine, comment=text), session)
        return Result.succeeded()

    return run


def _alter(reader: Reader, session: Session) -> Action | None:
    if (kind := _kind(reader)) is None:
        return None
    if_exists = reader.accept("IF", "EXISTS")
    parts, families = reader.name(), read_signature(reader)
    if reader.accept("RENAME", "TO"):
        new = reader.name()
        reader.expect_end()
        return lambda: _rename(registry.require(kind, parts, families, session), session.resolve(new), session)
    change = _read_change(reader, kind)
    reader.expect_end()

    def run() -> Result:
        if if_exists and registry.find_signature(kind, session.resolve(parts), families, session) is None:
            return Result.succeeded()
        found = registry.require(kind, parts, families, session)
        changed = change(found.routine)
        access.check_references(changed, session)
        registry.replace_definition(found, changed, session)
        return Result.succeeded()

    return run


def _read_change(reader: Reader, kind: RoutineKind) -> Callable[[Routine], Routine]:
    if kind == "PROCEDURE" and reader.accept("EXECUTE", "AS"):
        rights = create.read_rights(reader)
        return lambda routine: replace(routine, rights=rights)
    if reader.accept("UNSET"):
        name = reader.next()
        fields: dict[str, Any] = {
            "COMMENT": "",
            "LOG_LEVEL": "",
            "TRACE_LEVEL": "",
            "SECRETS": (),
            "EXTERNAL_ACCESS_INTEGRATIONS": (),
        }
        if name.upper not in fields:
            raise reader.unexpected(name)
        return lambda routine: replace(routine, **{name.upper.lower(): fields[name.upper]})
    reader.expect("SET")
    values: dict[str, Any] = {}
    while not reader.at_end():
        if reader.accept("SECURE"):
            values["secure"] = True
            continue
        token = reader.next()
        if token.upper in ("LOG_LEVEL", "TRACE_LEVEL"):
            reader.expect("=")
            values[token.upper.lower()] = LEVELS[token.upper](reader)
        elif token.upper in ("COMMENT", "EXTERNAL_ACCESS_INTEGRATIONS", "SECRETS"):
            reader.expect("=")
            field, read = create.PROPERTIES[token.upper]
            values[field] = read(reader)
        else:
            raise reader.unexpected(token)
        reader.accept(",")
    return lambda routine: replace(routine, **values)


def _rename(found: FoundRoutine, place: SchemaName, session: Session) -> Result:
    routine = replace(found.routine, name=place.name)
    if registry.find_signature(routine.kind, place, routine.argument_types, session) is not None:
        raise existing_object(f"{place}{routine.argument_types}")
    registry.drop(found, session)
    registry.store(place, routine, session)
    return Result.succeeded()
