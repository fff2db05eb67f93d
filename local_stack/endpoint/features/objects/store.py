"""Find and name objects in the registry, and know the objects that always exist."""

from __future__ import annotations

from typing import Any

from local_stack.endpoint.engine.access import SYSTEM_ROLES
from local_stack.endpoint.engine.catalog import StoredObject
from local_stack.endpoint.engine.warehouses import DEFAULT_WAREHOUSE, warehouse_exists
from local_stack.endpoint.errors import missing_object
from local_stack.endpoint.features.objects.kinds import ObjectKind
from local_stack.endpoint.language.names import SchemaName
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import SqlError


def locate(kind: ObjectKind, parts: tuple[str, ...], session: Session) -> tuple[str, str, str]:
    """Return database, schema and name of an object of this kind. A part that the kind does not have is ''."""
    if kind.place == "account":
        if len(parts) > 1:
            raise SqlError(f"SQL compilation error:\nInvalid identifier '{'.'.join(parts)}'.", 1003, "42000")
        return "", "", parts[0]
    if kind.place == "database":
        if len(parts) == 2:
            return parts[0], "", parts[1]
        if len(parts) == 1 and session.database:
            return session.database, "", parts[0]
        raise SqlError(f"SQL compilation error:\nInvalid identifier '{'.'.join(parts)}'.", 1003, "42000")
    found = session.resolve(parts)
    return found.database, found.schema, found.name


def find(kind: ObjectKind, parts: tuple[str, ...], session: Session) -> StoredObject | None:
    stored = session.catalog.get(kind.kind, *locate(kind, parts, session))
    if stored is not None and kind.type and stored.definition.get("type") != kind.type:
        return None
    return stored


def require(kind: ObjectKind, parts: tuple[str, ...], session: Session) -> StoredObject:
    """Return the stored object. Raises SqlError 002003 where it does not exist."""
    stored = find(kind, parts, session)
    if stored is None and (kind.name, *parts) == ("WAREHOUSE", DEFAULT_WAREHOUSE):
        definition = {"properties": dict(kind.defaults), "owner": "SYSADMIN", "type": ""}
        session.catalog.put("WAREHOUSE", "", "", DEFAULT_WAREHOUSE, definition)
        stored = find(kind, parts, session)
    if stored is None:
        raise missing_object("Integration" if kind.kind == "INTEGRATION" else kind.name, ".".join(parts))
    return stored


def require_container(kind: ObjectKind, place: tuple[str, str, str], session: Session) -> None:
    if kind.place == "schema":
        session.require_schema(SchemaName(*place))
    elif kind.place == "database" and place[0] not in session.engine.databases():
        raise missing_object("Database", place[0])


def properties(stored: StoredObject) -> dict[str, Any]:
    found: dict[str, Any] = stored.definition["properties"]
    return found


def role_exists(name: str, session: Session) -> bool:
    return name in SYSTEM_ROLES or session.catalog.get("ROLE", "", "", name) is not None


def require_role(name: str, session: Session) -> None:
    if not role_exists(name, session):
        raise missing_object("Role", name)


def require_warehouse(name: str, session: Session) -> None:
    if not warehouse_exists(name, session.catalog):
        raise missing_object("Warehouse", name)
