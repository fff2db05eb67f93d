"""Set tags on objects and columns, and answer SYSTEM$GET_TAG.

The tags of a table, a view and its columns are in the table's note, those of other objects in the object's record, so that
they go where the object goes.
See: https://docs.snowflake.com/en/user-guide/object-tagging/work and …/sql-reference/functions/system_get_tag
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from local_stack.endpoint.engine.catalog import StoredObject
from local_stack.endpoint.errors import compilation_error, missing_object
from local_stack.endpoint.features.objects import store
from local_stack.endpoint.features.objects.define import kind_at
from local_stack.endpoint.features.objects.kinds import KINDS
from local_stack.endpoint.language.names import SchemaName
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import Result

Tags = dict[str, str]
_RELATIONS, _CONTAINERS = ("TABLE", "VIEW"), ("DATABASE", "SCHEMA")
_LONGEST_VALUE = 256


def alter_tags(reader: Reader, session: Session) -> Callable[[], Result] | None:
    """Answer ALTER <kind> [IF EXISTS] name [{MODIFY | ALTER} [COLUMN] c] {SET TAG t = 'v' [, …] | UNSET TAG t [, …]}.

    Return None for every other ALTER.
    """
    kind = reader.accept_any(*_RELATIONS, *_CONTAINERS)
    recorded = None if kind else kind_at(reader)
    if kind is None and recorded is None:
        return None
    if_exists = reader.accept("IF", "EXISTS")
    if reader.token.kind not in ("word", "quoted"):
        return None
    parts, column = reader.name(), ""
    if kind in _RELATIONS and reader.accept_any("MODIFY", "ALTER"):
        reader.accept("COLUMN")
        if reader.token.kind not in ("word", "quoted"):
            return None  # several columns in parentheses
        column = reader.identifier()
    verb = reader.accept_any("SET", "UNSET")
    if verb is None or not reader.accept("TAG"):
        return None
    given = _read(reader, verb == "SET")

    def run() -> Result:
        changes = {tag_key(name, value, session): value for name, value in given.items()}
        if recorded is not None:
            if if_exists and store.find(recorded, parts, session) is None:
                return Result.succeeded()
            stored = store.require(recorded, parts, session)
            tags = _changed(stored.definition.get("tags", {}), changes)
            session.catalog.update(stored, {**stored.definition, "tags": tags})
        elif kind in _CONTAINERS:
            _tag_container(kind, parts, changes, session)
        elif not _tag_relation(kind or "", session.resolve(parts), column, changes, session) and not if_exists:
            raise missing_object(kind or "", ".".join(parts))
        return Result.succeeded()

    return run


def _read(reader: Reader, with_values: bool) -> dict[tuple[str, ...], str | None]:
    given: dict[tuple[str, ...], str | None] = {}
    while True:
        name = reader.name()
        if with_values:
            reader.expect("=")
        given[name] = reader.string() if with_values else None
        if not reader.accept(","):
            break
    reader.expect_end()
    return given


def tag_key(parts: tuple[str, ...], value: str | None, session: Session) -> str:
    """Return what stands for a tag where its value is kept: its full name and when it was made, so that no value outlives it.

    Raises SqlError where the tag does not exist or does not allow the value.
    """
    place = session.resolve(parts)
    stored = session.catalog.get("TAG", place.database, place.schema, place.name)
    if stored is None:
        raise missing_object("Tag", ".".join(parts))
    allowed = stored.definition["properties"].get("ALLOWED_VALUES")
    if value is not None and (len(value) > _LONGEST_VALUE or (allowed and value not in allowed)):
        raise compilation_error(f"invalid value [{value}] for tag '{stored.full_name}'", 1008, "22023")
    return key_of(stored)


def key_of(tag: StoredObject) -> str:
    return f"{tag.full_name} {tag.created_on.isoformat()}"


def _changed(tags: Mapping[str, str], changes: Mapping[str, str | None]) -> Tags:
    return {name: value for name, value in {**tags, **changes}.items() if value is not None}


def _tag_container(kind: str | None, parts: tuple[str, ...], changes: dict[str, str | None], session: Session) -> None:
    place = _container(kind, parts, session)
    if not session.schema_exists(place[0], place[1] or "INFORMATION_SCHEMA"):
        raise missing_object(str(kind), ".".join(parts))
    stored = session.catalog.get(str(kind), *place, "")
    definition = stored.definition if stored else {}
    session.catalog.put(str(kind), *place, "", {**definition, "tags": _changed(definition.get("tags", {}), changes)})


def _container(kind: str | None, parts: tuple[str, ...], session: Session) -> tuple[str, str]:
    if kind == "DATABASE":
        return parts[-1], ""
    place = session.resolve((*parts, "-"))
    return place.database, place.schema


def _tag_relation(kind: str, name: SchemaName, column: str, changes: dict[str, str | None], session: Session) -> bool:
    """Change the tags of a table or view, or of a column. Return whether there is such a table or view."""
    physical = session.physical_table(name)
    with session.lock:
        if session.relation_kind(physical) != kind:
            return False
        if column:
            _require_column(physical, column, session)
        tags: dict[str, Tags] = dict(session.notes.of(name).get("tags", {}))
        tags[column] = _changed(tags.get(column, {}), changes)
        session.notes.change(name, tags=tags)
    return True


def _require_column(table: SchemaName, column: str, session: Session) -> None:
    found = session.duck.execute(
        "SELECT 1 FROM duckdb_columns() WHERE (database_name, schema_name, table_name, column_name) = (?, ?, ?, ?)",
        [table.database, table.schema, table.name, column],
    )
    if not found.fetchall():
        raise compilation_error(f"column '{column}' does not exist", 904, "42000")


def get_tag(session: Session, arguments: list[str]) -> str | None:
    """Answer SYSTEM$GET_TAG('tag', 'object', 'domain'): its value, its own or that of what contains it; None without one."""
    if len(arguments) != 3:
        raise compilation_error("Invalid number of arguments for function SYSTEM$GET_TAG", 938, "22023")
    tag, domain = tag_key(Reader(arguments[0]).name(), None, session), arguments[2].upper()
    parts = Reader(arguments[1]).name()
    for _, tags in lineage(domain, parts, session):
        if tag in tags:
            return str(tags[tag])
    return None


def lineage(domain: str, parts: tuple[str, ...], session: Session) -> list[tuple[str, Tags]]:
    """Return the domain and the tags of an object, then of what it is in, inner ones first."""
    if domain in ("COLUMN", *_RELATIONS):
        column = parts[-1] if domain == "COLUMN" else ""
        name = session.resolve(parts[:-1] if column else parts)
        with session.lock:
            physical = session.physical_table(name)
            if session.relation_kind(physical) is None:
                raise missing_object("Object", ".".join(parts))
            if column:
                _require_column(physical, column, session)
        noted = session.notes.of(name).get("tags", {})
        own = [("COLUMN", noted.get(column, {}))] if column else []
        return [*own, ("TABLE", noted.get("", {})), *_of_containers((name.database, name.schema), session)]
    if domain in _CONTAINERS:
        return _of_containers(_container(domain, parts, session), session)
    kind = next((kind for kind in KINDS if domain in (kind.name, kind.kind)), None)
    if kind is None:
        raise compilation_error(f"invalid value [{domain}] for function 'SYSTEM$GET_TAG', parameter 3", 1030, "22023")
    return [(domain, store.require(kind, parts, session).definition.get("tags", {}))]


def _of_containers(place: tuple[str, str], session: Session) -> list[tuple[str, Tags]]:
    found: list[tuple[str, Any]] = [("SCHEMA", session.catalog.get("SCHEMA", *place, ""))] if place[1] else []
    found.append(("DATABASE", session.catalog.get("DATABASE", place[0], "", "")))
    return [(domain, stored.definition.get("tags", {})) for domain, stored in found if stored is not None]
