"""Find and store stages and file formats by name.

A temporary object hides a permanent one of the same name, and ends with the session.
Sources: TEMPORARY in https://docs.snowflake.com/en/sql-reference/sql/create-stage (its files are removed too) and
https://docs.snowflake.com/en/sql-reference/sql/create-file-format.
"""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local_stack.endpoint.engine.catalog import StoredObject
from local_stack.endpoint.errors import existing_object
from local_stack.endpoint.language.names import SchemaName

if TYPE_CHECKING:
    from local_stack.endpoint.session import Session

STAGE = "STAGE"
FILE_FORMAT = "FILE FORMAT"
_Key = tuple[str, str, str, str]


def find(session: Session, kind: str, name: SchemaName) -> StoredObject | None:
    """Return the object that a name means in a session."""
    found = _temporary(session).get(_key(kind, name))
    return found or session.catalog.get(kind, name.database, name.schema, name.name)


def visible(session: Session, kind: str, database: str | None, schema: str | None) -> list[StoredObject]:
    """Return the objects that a session sees, ordered by name."""
    own = {
        (o.database, o.schema, o.name): o
        for o in _temporary(session).values()
        if o.kind == kind and database in (None, o.database) and schema in (None, o.schema)
    }
    others = {(o.database, o.schema, o.name): o for o in session.catalog.objects(kind, database, schema)}
    return [found for _, found in sorted({**others, **own}.items())]


def exists(session: Session, kind: str, name: SchemaName, temporary: bool) -> StoredObject | None:
    """Return the object that a CREATE of this name would conflict with.

    Temporary and permanent objects do not conflict with each other.
    """
    if temporary:
        return _temporary(session).get(_key(kind, name))
    return session.catalog.get(kind, name.database, name.schema, name.name)


def put(
    session: Session, kind: str, name: SchemaName, definition: dict[str, Any], temporary: bool, replace: bool
) -> None:
    """Store an object.

    Raises SqlError 002002 where one exists already, unless it is to be replaced.
    """
    definition["temporary"] = temporary
    if not temporary:
        session.catalog.put(kind, name.database, name.schema, name.name, definition, replace=replace)
        return
    own = _temporary(session)
    if _key(kind, name) in own and not replace:
        raise existing_object(str(name))
    if not own:
        session.at_end.append(
            lambda: shutil.rmtree(session.engine.temporary_folder(session.number), ignore_errors=True)
        )
    own[_key(kind, name)] = StoredObject(
        kind, name.database, name.schema, name.name, definition, dt.datetime.now(dt.UTC)
    )


def update(session: Session, stored: StoredObject, definition: dict[str, Any]) -> None:
    """Replace an object's definition."""
    if not is_temporary(stored):
        session.catalog.update(stored, definition)
        return
    key = (stored.kind, stored.database, stored.schema, stored.name)
    _temporary(session)[key] = StoredObject(*key, definition, stored.created_on)


def drop(session: Session, kind: str, name: SchemaName) -> bool:
    """Remove the object that a name means, and the files of an internal stage. Return False where there is none."""
    found = find(session, kind, name)
    if found is None:
        return False
    if kind == STAGE:
        shutil.rmtree(folder(session, found), ignore_errors=True)
    if _temporary(session).pop(_key(kind, name), None) is None:
        session.catalog.drop(kind, name.database, name.schema, name.name)
    return True


def folder(session: Session, stored: StoredObject) -> Path:
    """Return where an internal stage keeps its files."""
    if is_temporary(stored):
        return session.engine.temporary_folder(session.number) / stored.database / stored.schema / stored.name
    return session.engine.stage_folder(stored.database, stored.schema, stored.name)


def is_temporary(stored: StoredObject) -> bool:
    return bool(stored.definition.get("temporary"))


def _temporary(session: Session) -> dict[_Key, StoredObject]:
    found: dict[_Key, StoredObject] = session.attributes.setdefault("temporary_objects", {})
    return found


def _key(kind: str, name: SchemaName) -> _Key:
    return (kind, name.database, name.schema, name.name)
