"""Answer SHOW and DESCRIBE of recorded objects, with the columns that Snowflake documents."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

from local_stack.endpoint.engine.access import SYSTEM_ROLES
from local_stack.endpoint.engine.authentication import KEYS, fingerprint
from local_stack.endpoint.engine.catalog import StoredObject
from local_stack.endpoint.engine.warehouses import DEFAULT_WAREHOUSE
from local_stack.endpoint.features.objects import access_tokens, show_grants, store
from local_stack.endpoint.features.objects.define import kind_at
from local_stack.endpoint.features.objects.kinds import KINDS, ObjectKind
from local_stack.endpoint.features.show import Scope
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import Column, Result

_CREATED = Column("created_on", "TIMESTAMP_LTZ")
_EPOCH = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
HIDDEN = "********"


Choose = Callable[[Sequence[StoredObject]], list[StoredObject]]


def show(reader: Reader, session: Session) -> Callable[[], Result] | None:
    """Answer SHOW <kinds> … Return None where the kind is not recorded."""
    if reader.accept("FUTURE", "GRANTS"):
        return show_grants.future(reader, session)
    if reader.accept("GRANTS"):
        return show_grants.present(reader, session)
    if (tokens := access_tokens.show(reader, session)) is not None:
        return tokens
    reader.accept("TERSE")
    for kind in sorted(KINDS, key=lambda k: -len(k.plural.split())):
        if kind.kind == "INTEGRATION":
            continue
        if reader.accept(*kind.plural.split()):
            chosen = _choice(reader, session)
            return lambda kind=kind: _listing(kind, chosen, session)  # type: ignore[misc]
    for category in (*[k.type for k in KINDS if k.type], ""):
        if reader.accept(*[word for word in category.split("_") if word], "INTEGRATIONS"):
            chosen = _choice(reader, session)
            return lambda category=category: _integrations(category, chosen, session)  # type: ignore[misc]
    return None


def _choice(reader: Reader, session: Session) -> Choose:
    """Read the rest of a SHOW, and return what chooses among the objects of its kind."""
    scope = Scope.read(reader, session, everywhere=True)
    return lambda found: scope.of(found, attrgetter("name"))


def _listing(kind: ObjectKind, chosen: Choose, session: Session) -> Result:
    found = chosen([*_built_in(kind, session), *session.catalog.objects(kind.kind)])
    places = {"account": (), "database": ("database_name",), "schema": ("database_name", "schema_name")}[kind.place]
    extra = [
        name for name in (*kind.readers, *_BODY_COLUMNS.get(kind.name, ())) if name not in ("COMMENT", *kind.secret)
    ]
    columns = (
        _CREATED, Column("name"), *(Column(place) for place in places), *(Column(name.lower()) for name in extra),
        *([Column("state")] if kind.name in ("ALERT", "WAREHOUSE") else []), Column("owner"), Column("comment"),
        Column("owner_role_type"),
    )  # fmt: skip
    rows = [_listed(stored, places, extra, kind, session) for stored in found]
    return Result(columns, rows)


def _built_in(kind: ObjectKind, session: Session) -> list[StoredObject]:
    """Return the objects of a kind that exist without having been created."""
    if kind.name == "ROLE":
        return [StoredObject("ROLE", "", "", name, {"properties": {}, "owner": ""}, _EPOCH) for name in SYSTEM_ROLES]
    default = DEFAULT_WAREHOUSE
    if kind.name == "WAREHOUSE" and session.catalog.get("WAREHOUSE", "", "", default) is None:
        definition = {"properties": dict(kind.defaults), "owner": "SYSADMIN"}
        return [StoredObject("WAREHOUSE", "", "", default, definition, _EPOCH)]
    return []


_BODY_COLUMNS = {"ALERT": ("CONDITION", "ACTION"), "RESOURCE MONITOR": ("TRIGGERS",), "TAG": ("ALLOWED_VALUES",)}


def _listed(
    stored: StoredObject, places: tuple[str, ...], extra: Sequence[str], kind: ObjectKind, session: Session
) -> list[Any]:
    values = stored.definition["properties"]
    state: list[Any] = []
    if kind.name in ("ALERT", "WAREHOUSE"):
        state = [stored.definition.get("state", "STARTED")]
    owner = (
        ""
        if kind.name == "ROLE" and stored.name in SYSTEM_ROLES
        else session.grants.owner(stored.kind, stored.full_name)[1]
    )
    located = [stored.database, stored.schema][: len(places)]
    return [
        stored.created_on, stored.name, *located, *(shown(values.get(name)) for name in extra), *state, owner,
        values.get("COMMENT", ""), "ROLE",
    ]  # fmt: skip


def shown(value: Any) -> str | None:
    """Return a property's value as SHOW and DESCRIBE print it."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(" ".join(str(part) for part in item) if isinstance(item, list) else str(item) for item in value)
    if isinstance(value, dict):
        return ",".join(f"{k}={v}" for k, v in value.items())
    return str(value)


def _integrations(category: str, chosen: Choose, session: Session) -> Result:
    columns = (Column("name"), Column("type"), Column("category"), Column("enabled"), Column("comment"), _CREATED)
    rows = []
    integrations = session.catalog.objects("INTEGRATION")
    for stored in chosen([one for one in integrations if category in ("", one.definition["type"])]):
        values = stored.definition["properties"]
        kind = values.get("TYPE", stored.definition["type"])
        rows.append(
            [
                stored.name,
                kind,
                stored.definition["type"],
                shown(values.get("ENABLED")),
                values.get("COMMENT"),
                stored.created_on,
            ]
        )
    return Result(columns, rows)


def describe(reader: Reader, session: Session) -> Callable[[], Result] | None:
    """Answer DESCRIBE <kind> name. Return None where the kind is not recorded."""
    kind = kind_at(reader)
    if kind is None and reader.accept("INTEGRATION"):
        kind = ObjectKind(("INTEGRATION",), "INTEGRATIONS", "account", {}, stored="INTEGRATION")
    if kind is None:
        return None
    parts = reader.name()
    reader.expect_end()
    chosen = kind

    def run() -> Result:
        stored = store.require(chosen, parts, session)
        if chosen.name in ("MASKING POLICY", "ROW ACCESS POLICY"):
            return _describe_policy(stored)
        if chosen.kind == "INTEGRATION":
            chosen_kind = next(k for k in KINDS if k.kind == "INTEGRATION" and k.type == stored.definition["type"])
            return _describe_properties(stored, chosen_kind)
        if chosen.name in ("USER", "NETWORK POLICY", "AUTHENTICATION POLICY", "RESOURCE MONITOR"):
            return _describe_properties(stored, chosen)
        return _listing(chosen, lambda found: [one for one in found if one.full_name == stored.full_name], session)

    return run


def _describe_policy(stored: StoredObject) -> Result:
    values = stored.definition["properties"]
    signature = "(" + ", ".join(f"{name} {kind}" for name, kind in values["ARGUMENTS"]) + ")"
    columns = (Column("name"), Column("signature"), Column("return_type"), Column("body"))
    return Result(columns, [[stored.name, signature, values["RETURNS"], values["BODY"]]])


def _describe_properties(stored: StoredObject, kind: ObjectKind) -> Result:
    columns = (Column("property"), Column("property_type"), Column("property_value"), Column("property_default"))
    values = stored.definition["properties"]
    rows = []
    for name in kind.readers:
        if name not in values and name in ("TYPE", "COMMENT"):
            continue
        value = HIDDEN if name in kind.secret and name in values else shown(values.get(name))
        rows.append([name, _property_type(values.get(name)), value, shown(kind.defaults.get(name))])
        if name in KEYS:
            print_of_key = fingerprint(values[name]) if values.get(name) else None
            rows.append([f"{name}_FP", "String", print_of_key, None])
    return Result(columns, rows)


def _property_type(value: Any) -> str:
    return {bool: "Boolean", int: "Integer", list: "List", dict: "Map"}.get(type(value), "String")
