"""Answer SHOW and DESCRIBE of recorded objects, with the columns that Snowflake documents."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from local_stack.endpoint.engine.access import SYSTEM_ROLES
from local_stack.endpoint.engine.catalog import StoredObject
from local_stack.endpoint.features.objects import access_tokens, show_grants, store
from local_stack.endpoint.features.objects.define import kind_at
from local_stack.endpoint.features.objects.kinds import KINDS, ObjectKind
from local_stack.endpoint.features.show import require_scope
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import Column, Result

_CREATED = Column("created_on", "TIMESTAMP_LTZ")
_EPOCH = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
HIDDEN = "********"


@dataclass(frozen=True)
class ShowFilter:
    """Hold LIKE, IN, STARTS WITH and LIMIT of a SHOW. `database` and `schema` are '' where they were not restricted."""

    pattern: str | None = None
    database: str | None = None
    schema: str | None = None
    prefix: str = ""
    limit: int | None = None

    def apply(self, found: Sequence[StoredObject]) -> list[StoredObject]:
        chosen = [
            stored
            for stored in found
            if (self.database is None or stored.database == self.database)
            and (self.schema is None or stored.schema == self.schema)
            and self.matches(stored.name)
        ]
        return chosen[: self.limit]

    def matches(self, name: str) -> bool:
        return (self.pattern is None or like(self.pattern, name)) and name.startswith(self.prefix)


def like(pattern: str, name: str) -> bool:
    """Return whether a name matches a pattern of SHOW … LIKE, which has % and _ and ignores case."""
    regex = "".join(".*" if c == "%" else "." if c == "_" else re.escape(c) for c in pattern)
    return re.fullmatch(regex, name, re.IGNORECASE | re.DOTALL) is not None


def read_filter(reader: Reader, session: Session) -> ShowFilter:
    """Read [LIKE 'p'] [IN {ACCOUNT | DATABASE [d] | SCHEMA [s] | name}] [STARTS WITH 'x'] [LIMIT n [FROM 'x']]."""
    pattern, database, schema, prefix, limit = None, None, None, "", None
    if reader.accept("LIKE"):
        pattern = reader.string()
    if reader.accept("IN"):
        scope = reader.accept_any("ACCOUNT", "DATABASE", "SCHEMA")
        if scope == "DATABASE":
            database = reader.identifier() if not _at_tail(reader) else session.database
        elif scope == "SCHEMA" or (scope is None):
            if scope and _at_tail(reader):
                database, schema = session.database, session.schema
            else:
                parts = reader.name()
                if scope is None and len(parts) == 1 and parts[0] in session.engine.databases():
                    database = parts[0]
                else:
                    place = session.resolve((*parts, "-"))
                    database, schema = place.database, place.schema
    require_scope(database, schema, session)
    if reader.accept("STARTS", "WITH"):
        prefix = reader.string()
    if reader.accept("LIMIT"):
        limit = reader.integer()
        if reader.accept("FROM"):
            reader.string()
    reader.expect_end()
    return ShowFilter(pattern, database, schema, prefix, limit)


def _at_tail(reader: Reader) -> bool:
    return reader.at_end() or reader.token.upper in ("STARTS", "LIMIT")


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
            chosen = read_filter(reader, session)
            return lambda kind=kind: _listing(kind, chosen, session)  # type: ignore[misc]
    for category in (*[k.type for k in KINDS if k.type], ""):
        if reader.accept(*[word for word in category.split("_") if word], "INTEGRATIONS"):
            chosen = read_filter(reader, session)
            return lambda category=category: _integrations(category, chosen, session)  # type: ignore[misc]
    return None


def _listing(kind: ObjectKind, chosen: ShowFilter, session: Session) -> Result:
    found = chosen.apply(session.catalog.objects(kind.kind))
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
    if kind.name == "ROLE":
        built_in = [
            StoredObject("ROLE", "", "", name, {"properties": {}, "owner": ""}, _EPOCH) for name in SYSTEM_ROLES
        ]
        rows = [_listed(stored, places, extra, kind, session) for stored in chosen.apply(built_in)] + rows
    if kind.name == "WAREHOUSE" and not any(stored.name == store.DEFAULT_WAREHOUSE for stored in found):
        built_in = [
            StoredObject(
                "WAREHOUSE",
                "",
                "",
                store.DEFAULT_WAREHOUSE,
                {"properties": dict(kind.defaults), "owner": "SYSADMIN"},
                _EPOCH,
            )
        ]
        rows = [_listed(stored, places, extra, kind, session) for stored in chosen.apply(built_in)] + rows
    return Result(columns, rows)


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


def _integrations(category: str, chosen: ShowFilter, session: Session) -> Result:
    columns = (Column("name"), Column("type"), Column("category"), Column("enabled"), Column("comment"), _CREATED)
    rows = []
    for stored in chosen.apply(session.catalog.objects("INTEGRATION")):
        if category and stored.definition["type"] != category:
            continue
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
        return _listing(
            chosen,
            ShowFilter(database=stored.database or None, schema=stored.schema or None, pattern=stored.name),
            session,
        )

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
    return Result(columns, rows)


def _property_type(value: Any) -> str:
    return {bool: "Boolean", int: "Integer", list: "List", dict: "Map"}.get(type(value), "String")
