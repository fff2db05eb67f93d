"""Keep routines: lasting ones in the endpoint's registry, temporary ones with their session."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from local_stack.endpoint.engine.catalog import StoredObject
from local_stack.endpoint.errors import compilation_error, existing_object, missing_object, unknown_function
from local_stack.endpoint.features.procedures.call import Argument
from local_stack.endpoint.features.procedures.create import CreateRoutine
from local_stack.endpoint.features.procedures.definition import Routine, RoutineKind
from local_stack.endpoint.language.names import SchemaName
from local_stack.endpoint.language.quoting import quote_name
from local_stack.endpoint.language.types import SqlType
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import SqlError

_TEMPORARY = "temporary_routines"


@dataclass(frozen=True)
class FoundRoutine:
    """Hold a routine and where it lives. created_on: UTC."""

    database: str
    schema: str
    routine: Routine
    created_on: dt.datetime

    @property
    def full_name(self) -> str:
        return f"{quote_name(self.database)}.{quote_name(self.schema)}.{quote_name(self.routine.name)}"

    @property
    def securable(self) -> tuple[str, str]:
        """Return what grants on it name: its kind and full name with the signature."""
        return self.routine.kind, f"{self.database}.{self.schema}.{self.routine.stored_name}"


def create(statement: CreateRoutine, session: Session) -> FoundRoutine | None:
    """Store a routine. None where IF NOT EXISTS found one. Raises SqlError 002002 where one of this signature exists."""
    place = session.resolve(statement.name)
    routine = statement.routine
    existing = find_signature(routine.kind, place, routine.argument_types, session)
    if existing is not None and statement.if_not_exists:
        return None
    if existing is not None and not (statement.or_replace or statement.or_alter):
        raise existing_object(f"{place}{routine.argument_types}")
    session.require_schema(place)
    return store(place, routine, session)


def store(place: SchemaName, routine: Routine, session: Session) -> FoundRoutine:
    """Keep a routine: for the session if temporary, else for good."""
    if routine.temporary:
        kept: dict[tuple[str, str, str, str], FoundRoutine] = session.attributes.setdefault(_TEMPORARY, {})
        found = FoundRoutine(place.database, place.schema, routine, dt.datetime.now(dt.UTC))
        kept[(routine.kind, place.database, place.schema, routine.stored_name)] = found
        return found
    stored = session.catalog.put(routine.kind, place.database, place.schema, routine.stored_name, routine.to_document())
    return _found(stored)


def list_routines(kind: RoutineKind, session: Session) -> list[FoundRoutine]:
    """Return every routine of a kind that the session sees: its temporary ones first."""
    return temporary(kind, session) + lasting(kind, session)


def temporary(kind: RoutineKind, session: Session) -> list[FoundRoutine]:
    """Return the session's own routines of a kind."""
    return [found for found in session.attributes.get(_TEMPORARY, {}).values() if found.routine.kind == kind]


def lasting(kind: RoutineKind, session: Session) -> list[FoundRoutine]:
    """Return the account's routines of a kind."""
    return [_found(stored) for stored in session.catalog.objects(kind)]


def overloads(kind: RoutineKind, place: SchemaName, session: Session) -> list[FoundRoutine]:
    """Return every routine of this name, one per signature; a temporary one hides a lasting one of the same signature."""
    found: dict[str, FoundRoutine] = {}
    for candidate in list_routines(kind, session):
        if (candidate.database, candidate.schema, candidate.routine.name) == (place.database, place.schema, place.name):
            found.setdefault(candidate.routine.argument_types, candidate)
    return list(found.values())


def find_signature(kind: RoutineKind, place: SchemaName, argument_types: str, session: Session) -> FoundRoutine | None:
    for candidate in overloads(kind, place, session):
        if candidate.routine.argument_types == argument_types:
            return candidate
    return None


def require(kind: RoutineKind, parts: tuple[str, ...], argument_types: str, session: Session) -> FoundRoutine:
    """Return the routine of this name and signature. Raises SqlError where there is none."""
    found = find_signature(kind, session.resolve(parts), argument_types, session)
    if found is None:
        raise missing_object(kind, ".".join(parts) + argument_types)
    return found


def replace_definition(found: FoundRoutine, routine: Routine, session: Session) -> None:
    """Store a changed definition in place of an old one; a new name or schema is a rename."""
    drop(found, session)
    if routine.temporary:
        key = (routine.kind, found.database, found.schema, routine.stored_name)
        session.attributes[_TEMPORARY][key] = FoundRoutine(found.database, found.schema, routine, found.created_on)
    else:
        session.catalog.put(routine.kind, found.database, found.schema, routine.stored_name, routine.to_document())


def drop(found: FoundRoutine, session: Session) -> None:
    routine = found.routine
    if routine.temporary:
        session.attributes[_TEMPORARY].pop((routine.kind, found.database, found.schema, routine.stored_name))
    else:
        session.catalog.drop(routine.kind, found.database, found.schema, routine.stored_name)


def match_arguments(
    candidates: Sequence[FoundRoutine], arguments: Sequence[Argument], types: Sequence[str | None]
) -> tuple[FoundRoutine, list[Argument | None]] | None:
    """Return the overload that takes these arguments and the argument for each of its parameters (None: its default).

    types: the family of each argument's type where it is known, for choosing among several.
    """
    fitting: list[tuple[int, FoundRoutine, list[Argument | None]]] = []
    for candidate in candidates:
        assigned = _assign(candidate.routine, arguments)
        if assigned is None:
            continue
        by_argument = {id(a): t for a, t in zip(arguments, types, strict=True)}
        if not all(
            _converts(by_argument[id(argument)], parameter.sql_type)
            for argument, parameter in zip(assigned, candidate.routine.parameters, strict=True)
            if argument is not None
        ):
            continue
        cost = sum(
            _cost(by_argument[id(argument)], parameter.sql_type)
            for argument, parameter in zip(assigned, candidate.routine.parameters, strict=True)
            if argument is not None
        )
        fitting.append((cost + assigned.count(None), candidate, assigned))
    if not fitting:
        return None
    _, chosen, assigned_arguments = min(fitting, key=lambda entry: entry[0])
    return chosen, assigned_arguments


def _assign(routine: Routine, arguments: Sequence[Argument]) -> list[Argument | None] | None:
    """Return the argument of each parameter. Return None where they do not fit the signature."""
    assigned: list[Argument | None] = [None] * len(routine.parameters)
    if len(arguments) > len(routine.parameters):
        return None
    names = [p.name for p in routine.parameters]
    for index, argument in enumerate(arguments):
        if argument.name is not None:
            if argument.name not in names:
                return None
            index = names.index(argument.name)
        assigned[index] = argument
    missing = any(a is None and p.default is None for a, p in zip(assigned, routine.parameters, strict=True))
    return None if missing else assigned


_NUMERIC = ("NUMBER", "FLOAT")
_SEMI = ("VARIANT", "OBJECT", "ARRAY")


def _converts(given: str | None, wanted: SqlType) -> bool:
    """Return whether Snowflake coerces the one to the other (its table "Data type conversion")."""
    return given is None or not (
        (given in _NUMERIC and _is_time(wanted.family)) or (_is_time(given) and wanted.family in (*_NUMERIC, "BOOLEAN"))
    )


def _is_time(family: str) -> bool:
    return family in ("DATE", "TIME", "BINARY") or family.startswith("TIMESTAMP")


def _cost(given: str | None, wanted: SqlType) -> int:
    """Return how far a type is from a parameter's: 0 the same, then as Snowflake coerces."""
    if given is None or given == wanted.family:
        return 0
    if given in _NUMERIC and wanted.family in _NUMERIC:
        return 1
    if given.startswith("TIMESTAMP") and wanted.family.startswith("TIMESTAMP"):
        return 1
    if wanted.family in _SEMI:
        return 4
    return 2 if given == "VARCHAR" else 3


def find_function(
    parts: tuple[str, ...],
    arguments: Sequence[Argument],
    session: Session,
    types: Callable[[], Sequence[str | None]] | None = None,
) -> tuple[FoundRoutine, list[Argument | None]] | None:
    """Return the function that a query calls so, and the argument for each of its parameters; None where there is none.

    types: asked for the arguments' types where several functions have the name. Raises SqlError where none of the name takes
    these arguments.
    """
    try:
        candidates = overloads("FUNCTION", session.resolve(parts), session)
    except SqlError:
        return None
    known = types() if types is not None and len(candidates) > 1 else [None] * len(arguments)
    matched = match_arguments(candidates, arguments, known)
    if matched is None and candidates:
        raise unknown_routine(".".join(parts), [])
    return matched


def unknown_routine(name: str, types: Sequence[str | None], known: bool = False) -> SqlError:
    """Return Snowflake's error for a name that does not exist, or (known) for arguments that no overload takes."""
    if known:
        shown = ", ".join(t or "NULL" for t in types)
        return compilation_error(
            f"error line 1 at position 5\nInvalid argument types for function '{name}': ({shown})", 1044, "42P13"
        )
    return unknown_function(name)


def _found(stored: StoredObject) -> FoundRoutine:
    return FoundRoutine(stored.database, stored.schema, Routine.from_document(stored.definition), stored.created_on)
