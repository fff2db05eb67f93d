"""Answer CREATE, ALTER, DROP and COMMENT of recorded objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local_stack.endpoint.engine.access import SYSTEM_ROLES
from local_stack.endpoint.engine.catalog import StoredObject
from local_stack.endpoint.engine.warehouses import DEFAULT_WAREHOUSE
from local_stack.endpoint.errors import compilation_error, existing_object, missing_object
from local_stack.endpoint.features.objects import access_tokens, attachments, bodies, store
from local_stack.endpoint.features.objects.kinds import KINDS, ObjectKind, check_complete
from local_stack.endpoint.language.options import property_names, read_properties
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import Result, unsupported


def kind_at(reader: Reader, kinds: tuple[ObjectKind, ...] = KINDS) -> ObjectKind | None:
    """Return the kind whose words come next, and read past them."""
    for kind in sorted(kinds, key=lambda k: -len(k.words)):
        if reader.accept(*kind.words):
            return kind
    return None


def create(reader: Reader, session: Session) -> Callable[[], Result] | None:
    """Answer CREATE [OR REPLACE | OR ALTER] <kind> [IF NOT EXISTS] … Return None where the kind is not recorded."""
    or_replace = reader.accept("OR", "REPLACE")
    or_alter = not or_replace and reader.accept("OR", "ALTER")
    kind = kind_at(reader)
    if kind is None or (kind.name == "TAG" and reader.token.text == "="):
        return None
    if or_alter and not kind.or_alter:
        raise unsupported(f"CREATE OR ALTER {kind.name}")
    if_not_exists = reader.accept("IF", "NOT", "EXISTS")
    if if_not_exists and or_replace:
        raise compilation_error("options IF NOT EXISTS and OR REPLACE are incompatible.", 2123, "42601")
    parts = reader.name()
    values = _read_definition(reader, kind)
    return lambda: _store(kind, parts, values, session, or_replace, or_alter, if_not_exists)


def _read_definition(reader: Reader, kind: ObjectKind) -> dict[str, Any]:
    if kind.accepts_with:
        reader.accept("WITH")
    starts = bodies.BODY_STARTS.get(kind.name, frozenset())
    values = read_properties(reader, kind.readers, kind.name, starts)
    if kind.body is not None and not reader.at_end():
        values.update(kind.body(reader))
        if kind.name in ("TAG", "DBT PROJECT"):
            values.update(read_properties(reader, kind.readers, kind.name))
    elif kind.name in bodies.BODY_REQUIRED:
        raise bodies.missing_body(kind.name)
    reader.expect_end()
    check_complete(kind, values)
    _check_body(kind, values)
    return values


def _check_body(kind: ObjectKind, values: dict[str, Any]) -> None:
    if kind.name.endswith("ACCESS POLICY") or kind.name == "MASKING POLICY":
        bodies.check_policy(kind.name, values)
    if kind.name == "ALERT":
        bodies.check_alert(values)


def _store(
    kind: ObjectKind, parts: tuple[str, ...], values: dict[str, Any], session: Session,
    or_replace: bool, or_alter: bool, if_not_exists: bool,
) -> Result:  # fmt: skip
    place = store.locate(kind, parts, session)
    existing = session.catalog.get(kind.kind, *place)
    is_built_in = (kind.name == "ROLE" and place[2] in SYSTEM_ROLES) or (
        kind.name == "WAREHOUSE" and place[2] == DEFAULT_WAREHOUSE
    )
    if is_built_in and not if_not_exists and not or_alter:
        raise existing_object(place[2])
    if (existing is not None or is_built_in) and if_not_exists:
        return Result.existed(place[2])
    if existing is not None and not (or_replace or or_alter):
        raise existing_object(existing.full_name)
    store.require_container(kind, place, session)
    check_references(values, session)
    definition: dict[str, Any] = {"properties": {**kind.defaults, **values}, "owner": session.role, "type": kind.type}
    if kind.name == "ALERT":
        definition["state"] = existing.definition["state"] if existing is not None and or_alter else "suspended"
    if existing is not None and or_alter:
        session.catalog.update(existing, {**definition, "owner": existing.definition.get("owner", session.role)})
        return Result.status(f"{kind.name.capitalize()} {place[2]} successfully altered.")
    session.catalog.put(kind.kind, *place, definition)
    if kind.name == "WAREHOUSE":
        session.warehouse = place[2]  # a new warehouse is the current one
    return Result.created(_title(kind), place[2])


def _title(kind: ObjectKind) -> str:
    return "Integration" if kind.kind == "INTEGRATION" else kind.name.capitalize()


def check_references(values: dict[str, Any], session: Session) -> None:
    """Raise SqlError 002003 where the values name an object that does not exist."""
    if "WAREHOUSE" in values:
        store.require_warehouse(values["WAREHOUSE"], session)
    if (monitor := values.get("RESOURCE_MONITOR")) and session.catalog.get("RESOURCE MONITOR", "", "", monitor) is None:
        raise missing_object("Resource monitor", monitor)
    if (policy := values.get("NETWORK_POLICY")) and session.catalog.get("NETWORK POLICY", "", "", policy) is None:
        raise missing_object("Network policy", policy)
    references = (
        ("ALLOWED_NETWORK_RULES", "NETWORK RULE"), ("ALLOWED_NETWORK_RULE_LIST", "NETWORK RULE"),
        ("BLOCKED_NETWORK_RULE_LIST", "NETWORK RULE"), ("ALLOWED_AUTHENTICATION_SECRETS", "SECRET"),
    )  # fmt: skip
    for property_name, referred in references:
        full_names = []
        for name in values.get(property_name, []):
            place = session.resolve(tuple(name.split(".")))
            if session.catalog.get(referred, place.database, place.schema, place.name) is None:
                raise missing_object(referred, name)
            full_names.append(f"{place.database}.{place.schema}.{place.name}")
        if property_name in values:
            values[property_name] = full_names


def alter(reader: Reader, session: Session) -> Callable[[], Result] | None:
    """Answer ALTER <kind> [IF EXISTS] name … Return None where the kind is not recorded."""
    kind = kind_at(reader)
    if kind is None and reader.accept("INTEGRATION"):
        kind = _integration_named(reader, session)
    if kind is None:
        return None
    if_exists = reader.accept("IF", "EXISTS")
    parts = reader.name()
    chosen = kind
    change = _read_change(reader, chosen)

    def run() -> Result:
        stored = store.find(chosen, parts, session)
        if stored is None and if_exists:
            return Result.succeeded()
        change(store.require(chosen, parts, session), session)
        return Result.succeeded()

    return run


def _integration_named(reader: Reader, session: Session) -> ObjectKind:
    mark = reader.mark()
    reader.accept("IF", "EXISTS")
    parts = reader.name()
    reader.back_to(mark)
    stored = session.catalog.get("INTEGRATION", "", "", parts[-1])
    if stored is None:
        raise missing_object("Integration", parts[-1])
    return next(k for k in KINDS if k.kind == "INTEGRATION" and k.type == stored.definition["type"])


Change = Callable[[StoredObject, Session], None]


def _read_change(reader: Reader, kind: ObjectKind) -> Change:
    if reader.accept("RENAME", "TO"):
        new = reader.name()
        reader.expect_end()
        return lambda stored, session: _rename(kind, stored, new, session)
    if reader.accept("UNSET"):
        removed = property_names(reader, kind.readers, kind.name)
        reader.expect_end()
        return lambda stored, session: _set(kind, stored, {}, removed, session)
    if kind.name == "DBT PROJECT" and (deployed := bodies.deployed_source(reader)) is not None:
        return lambda stored, session: _set(kind, stored, deployed, [], session)
    if kind.name == "ALERT" and reader.accept_any("MODIFY"):
        return _modify_alert(reader)
    if kind.name in ("ALERT", "WAREHOUSE") and (word := reader.accept_any("RESUME", "SUSPEND")):
        if kind.name == "WAREHOUSE":
            reader.accept("IF", "SUSPENDED")
        reader.expect_end()
        return lambda stored, session: _set_state(stored, "started" if word == "RESUME" else "suspended", session)
    if kind.name == "WAREHOUSE" and reader.accept("ABORT", "ALL", "QUERIES"):
        return lambda stored, session: None
    if kind.name.endswith("POLICY") and reader.accept("SET", "BODY", "->"):
        body = reader.rest()
        return lambda stored, session: _set(kind, stored, {"BODY": body}, [], session)
    reader.expect("SET")
    start = bodies.BODY_STARTS.get(kind.name, frozenset()) - {"AS", "IF", "FROM"}
    values = read_properties(reader, kind.readers, kind.name, start)
    if kind.body is not None and not reader.at_end():
        values.update(kind.body(reader))
    if not values:
        raise reader.unexpected()
    reader.expect_end()
    return lambda stored, session: _set(kind, stored, values, [], session)


def _modify_alert(reader: Reader) -> Change:
    if reader.accept("CONDITION"):
        reader.expect("EXISTS", "(")
        condition = reader.expression(")")
        reader.expect(")")
        reader.expect_end()
        values = {"CONDITION": condition}
    else:
        reader.expect("ACTION")
        values = {"ACTION": reader.rest()}
    kind = next(k for k in KINDS if k.name == "ALERT")
    return lambda stored, session: _set(kind, stored, values, [], session)


def _set(kind: ObjectKind, stored: StoredObject, values: dict[str, Any], removed: list[str], session: Session) -> None:
    changed = {k: v for k, v in {**store.properties(stored), **values}.items() if k not in removed}
    for name in removed:
        if name in kind.defaults:
            changed[name] = kind.defaults[name]
    check_complete(kind, changed)
    _check_body(kind, changed)
    check_references(values, session)
    changed.update(values)
    session.catalog.update(stored, {**stored.definition, "properties": changed})


def _set_state(stored: StoredObject, state: str, session: Session) -> None:
    session.catalog.update(stored, {**stored.definition, "state": state})


def _rename(kind: ObjectKind, stored: StoredObject, new: tuple[str, ...], session: Session) -> None:
    place = store.locate(kind, new, session)
    if session.catalog.get(kind.kind, *place) is not None:
        raise existing_object(".".join(new))
    session.catalog.put(kind.kind, *place, stored.definition)
    session.catalog.drop(kind.kind, stored.database, stored.schema, stored.name)


def comment(reader: Reader, session: Session) -> Callable[[], Result] | None:
    """Answer COMMENT [IF EXISTS] ON <kind> name IS '…'. Return None where the kind is not recorded."""
    if_exists = reader.accept("IF", "EXISTS")
    if not reader.accept("ON"):
        return None
    kind = kind_at(reader)
    if kind is None and reader.accept("INTEGRATION"):
        kind = _integration_named(reader, session)
    if kind is None or "COMMENT" not in kind.readers:
        return None
    chosen, parts = kind, reader.name()
    reader.expect("IS")
    text = reader.string()
    reader.expect_end()

    def run() -> Result:
        if not (if_exists and store.find(chosen, parts, session) is None):
            _set(chosen, store.require(chosen, parts, session), {"COMMENT": text}, [], session)
        return Result.succeeded()

    return run


def drop(reader: Reader, session: Session) -> Callable[[], Result] | None:
    """Answer DROP <kind> [IF EXISTS] name. Return None where the kind is not recorded."""
    kind = kind_at(reader)
    if kind is None and reader.accept("INTEGRATION"):
        kind = ObjectKind(("INTEGRATION",), "INTEGRATIONS", "account", {}, stored="INTEGRATION")
    if kind is None:
        return None
    chosen = kind
    if_exists = reader.accept("IF", "EXISTS")
    parts = reader.name()
    reader.expect_end()

    def run() -> Result:
        stored = store.find(chosen, parts, session)
        if stored is None and if_exists:
            return Result.was_dropped(parts[-1])
        stored = store.require(chosen, parts, session)
        _refuse_used(stored, session)
        session.catalog.drop(stored.kind, stored.database, stored.schema, stored.name)
        if stored.kind == "USER":
            access_tokens.forget_user(stored.name, session)
            attachments.forget_user(stored.name, session)
        if stored.kind == "WAREHOUSE":
            for other in session.registry.opened():
                other.warehouse = None if other.warehouse == stored.name else other.warehouse
        return Result.dropped(stored.name)

    return run


def _refuse_used(stored: StoredObject, session: Session) -> None:
    """Refuse to drop a policy that is set on a column or table, as Snowflake does."""
    for reference in session.catalog.objects("POLICY REFERENCE"):
        if reference.definition["policy"] == stored.full_name and reference.definition["policy_kind"] == stored.kind:
            raise compilation_error(
                f"Policy {stored.name} cannot be dropped/replaced as it is associated with one or more entities.",
                3544,
                "23001",
            )
