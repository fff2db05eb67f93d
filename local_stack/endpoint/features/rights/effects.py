"""Change grants after a statement has run.

The role that creates an object owns it. Future grants become grants on the new object. An object that is gone has no
grants.
See: https://docs.snowflake.com/en/sql-reference/sql/grant-privilege (future grants), grant-ownership, drop-role
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from local_stack.endpoint.engine.grants import OWNERSHIP, Grant, Grants
from local_stack.endpoint.features.rights.heads import Head, exists
from local_stack.endpoint.outcome import Outcome
from local_stack.endpoint.session import Session

_CONTAINERS = ("SCHEMA", "DATABASE")
_HOLDERS = ("ROLE", "DATABASE ROLE", "USER")
_CREATED = ("created", "restored", "cloned")
_ROUTINES = ("PROCEDURE", "FUNCTION")
Effect = Callable[[Outcome], None]


def effect_of(head: Head, session: Session) -> Effect | None:
    """Return what to do with the grants once the statement has succeeded. Return None where there is nothing to do."""
    if head.temporary or (head.verb == "CREATE" and head.kind in _ROUTINES):
        return None  # routines are recorded where they are made, because only that code knows their signature
    match head.verb:
        case "CREATE" | "UNDROP":
            keeps = head.or_alter and exists(head, session)
            copies = head.says("COPY", "GRANTS") or not head.or_replace
            source = _source(head, session)
            return None if keeps else lambda outcome: _create(head, outcome, copies, source, session)
        case "DROP":
            return lambda _: forget(head, session)
        case "ALTER":
            return _move(head, session)
    return None


def record_creation(kind: str, place: tuple[str, ...], session: Session, keeps_grants: bool) -> None:
    """Give a new object an owner and the future grants of its schema and database.

    The session's role becomes the owner, unless a future grant names another one. With `keeps_grants`, the other grants
    on the object that it replaces stay.
    """
    grants, name = session.grants, ".".join(place)
    gone = [g for g in grants.on(kind, name) if not keeps_grants or g.privilege == OWNERSHIP]
    given = list(_future(grants, kind, place))
    owner = next((g for g in given if g.privilege == OWNERSHIP), None)
    if owner is None:
        given.append(Grant(OWNERSHIP, kind, name, "ROLE", session.role, True, session.role))
    if kind == "DATABASE ROLE":  # it uses its database without a grant
        given.append(Grant("USAGE", "DATABASE", place[0], kind, name, False, session.role))
    grants.change(gone, given)


def _future(grants: Grants, kind: str, place: tuple[str, ...]) -> Iterator[Grant]:
    """Yield the future grants for a new object.

    Those on its schema hide those on its database for the same kind of object.
    """
    scopes = [".".join(place[:2]), place[0]] if len(place) == 3 else [place[0]] if kind == "SCHEMA" else []
    for scope in scopes:
        found = [g for g in grants.future(scope) if g.on == kind]
        if found:
            yield from (replace(g, name=".".join(place), future="") for g in found)
            return


def _create(head: Head, outcome: Outcome, copies: bool, source: tuple[str, ...] | None, session: Session) -> None:
    if not str(outcome.scalar() or "").rstrip(".").endswith(_CREATED):
        return  # IF NOT EXISTS found an object
    if head.or_replace and not head.says("COPY", "GRANTS"):
        if head.kind in (*_CONTAINERS, *_HOLDERS):
            forget(head, session)
        _forget_policies(head, session)
    record_creation(head.kind, head.place, session, copies)
    if head.kind == "DATABASE":
        record_creation("SCHEMA", (*head.place, "PUBLIC"), session, False)
    if source is not None and head.kind in _CONTAINERS:
        _copy_contents(".".join(source), head.name, session)


def _source(head: Head, session: Session) -> tuple[str, ...] | None:
    source = head.named_after("CLONE") if head.kind in _CONTAINERS else None
    if source is None or head.kind == "DATABASE":
        return source
    place = session.resolve((*source, "-"))
    return place.database, place.schema


def _copy_contents(source: str, target: str, session: Session) -> None:
    """Copy the grants on what is in the source to what is in its clone.

    The role that clones owns the clone's contents.
    """
    copied = []
    for grant, _ in session.grants.all():
        if grant.name.startswith(f"{source}.") and not grant.future:
            one = replace(grant, name=target + grant.name[len(source) :])
            copied.append(replace(one, to="ROLE", grantee=session.role) if one.privilege == OWNERSHIP else one)
    session.grants.add(copied)


def forget(head: Head, session: Session) -> None:
    """Remove the grants and policies of an object that is gone, and of all that was in it.

    The session's role takes over what a dropped role owned.
    """
    grants, kind, name = session.grants, head.kind, head.name
    holder = (kind, name)

    def is_gone(grant: Grant) -> bool:
        inside = kind in _CONTAINERS and f"{grant.name}.".startswith(f"{name}.")
        return inside or (grant.target == (kind, name) and not grant.future) or grant.holder == holder

    inherited = [
        replace(g, to="ROLE", grantee=session.role)
        for g in grants.to(holder)
        if g.privilege == OWNERSHIP and not g.future
    ]
    grants.change([grant for grant, _ in grants.all() if is_gone(grant)], inherited)
    _forget_policies(head, session)


def _forget_policies(head: Head, session: Session) -> None:
    if head.kind in ("TABLE", "VIEW"):
        for reference in session.catalog.objects("POLICY REFERENCE", *head.place[:2]):
            if reference.definition["table"] == head.place[2]:
                session.catalog.drop("POLICY REFERENCE", reference.database, reference.schema, reference.name)


def _move(head: Head, session: Session) -> Effect | None:
    if (new := head.named_after("RENAME", "TO")) is not None:
        target = _renamed(head, new, session)
        return lambda _: session.grants.rename(
            head.name, ".".join(target), None if head.kind in _CONTAINERS else head.kind
        )
    if (other := head.named_after("SWAP", "WITH")) is not None:
        place = session.resolve(other)
        return lambda _: _swap(head.kind, head.name, f"{place.database}.{place.schema}.{place.name}", session.grants)
    return None


def _renamed(head: Head, new: tuple[str, ...], session: Session) -> tuple[str, ...]:
    if len(head.place) == 1:
        return new[-1:]
    if len(head.place) == 2:
        return head.place[0], new[-1]
    place = session.resolve(new)
    signature = head.place[2][head.place[2].find("(") :] if head.kind in _ROUTINES else ""
    return place.database, place.schema, place.name + signature


def _swap(kind: str, one: str, other: str, grants: Grants) -> None:
    first, second = grants.on(kind, one), grants.on(kind, other)
    grants.change([*first, *second], [replace(g, name=other) for g in first] + [replace(g, name=one) for g in second])
