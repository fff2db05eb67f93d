"""GRANT and REVOKE, recorded: who has which privilege on what. Nothing is enforced."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

from local_stack.endpoint.engine.catalog import StoredObject
from local_stack.endpoint.errors import compilation_error
from local_stack.endpoint.features.objects import securables
from local_stack.endpoint.features.objects.securables import Securable
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import Result

_KIND = "GRANT"


@dataclass(frozen=True)
class Grant:
    """One privilege. on: the object's kind; name: its full name, or the scope of a future grant ('DB.SCHEMA').
    to: ROLE, DATABASE ROLE or USER. future: 'SCHEMA' or 'DATABASE' for a future grant in that scope."""

    privilege: str
    on: str
    name: str
    to: str
    grantee: str
    grant_option: bool = False
    granted_by: str = ""
    future: str = ""

    @property
    def key(self) -> str:
        identity = "\x1f".join((self.privilege, self.on, self.name, self.to, self.grantee, self.future))
        return hashlib.sha256(identity.encode()).hexdigest()


def all_grants(session: Session) -> list[tuple[Grant, StoredObject]]:
    return [(Grant(**stored.definition), stored) for stored in session.catalog.objects(_KIND)]


def _add(grants: Iterable[Grant], session: Session) -> None:
    for grant in grants:
        existing = session.catalog.get(_KIND, "", "", grant.key)
        if existing is not None:
            session.catalog.update(existing, asdict(grant))
        else:
            session.catalog.put(_KIND, "", "", grant.key, asdict(grant))


def forget(condition: Callable[[Grant], bool], session: Session) -> None:
    """Remove every grant for which the condition holds."""
    for grant, stored in all_grants(session):
        if condition(grant):
            session.catalog.drop(_KIND, "", "", stored.name)


def forget_object(kind: str, full_name: str, session: Session) -> None:
    """The object was dropped or replaced: its grants go with it."""
    forget(lambda g: g.on == kind and g.name == full_name and not g.future, session)


def forget_grantee(kind: str, full_name: str, session: Session) -> None:
    forget(lambda g: g.to == kind and g.grantee == full_name, session)


def rename_object(kind: str, old: str, new: str, session: Session) -> None:
    moved = [g for g, _ in all_grants(session) if g.on == kind and g.name == old and not g.future]
    forget_object(kind, old, session)
    _add([Grant(**{**asdict(g), "name": new}) for g in moved], session)


def owner_of(kind: str, full_name: str, session: Session) -> str | None:
    """The role that was granted OWNERSHIP last, if any was."""
    return next(
        (
            g.grantee
            for g, _ in all_grants(session)
            if (g.privilege, g.on, g.name) == ("OWNERSHIP", kind, full_name) and not g.future
        ),
        None,
    )


def grant(reader: Reader, session: Session) -> Callable[[], Result]:
    """GRANT … TO …"""
    if reader.looking_at("ROLE") or reader.looking_at("DATABASE", "ROLE"):
        return _grant_role(reader, session, revoke=False)
    privileges, targets, future = _privileges_on(reader, session)
    reader.expect("TO")
    to, grantee = _grantee(reader, session)
    option = reader.accept("WITH", "GRANT", "OPTION")
    if privileges == ["OWNERSHIP"]:
        _ownership_tail(reader)
    reader.expect_end()

    def run() -> Result:
        found = targets()
        for target in found:
            if privileges == ["OWNERSHIP"]:
                _remove_owner(target, future, session)
            _add(
                [
                    Grant(p, target.kind, target.name, to, grantee, option, session.role, future)
                    for p in _expand(privileges, target.kind)
                ],
                session,
            )
        if not future and len(found) != 1:
            return Result.status(f"Statement executed successfully. {len(found)} objects affected.")
        return Result.succeeded()

    return run


def _remove_owner(target: Securable, future: str, session: Session) -> None:
    """An object has one owner."""
    forget(lambda g: (g.privilege, g.on, g.name, g.future) == ("OWNERSHIP", target.kind, target.name, future), session)


def revoke(reader: Reader, session: Session) -> Callable[[], Result]:
    """REVOKE … FROM …"""
    if reader.looking_at("ROLE") or reader.looking_at("DATABASE", "ROLE"):
        return _grant_role(reader, session, revoke=True)
    option_only = reader.accept("GRANT", "OPTION", "FOR")
    privileges, targets, future = _privileges_on(reader, session)
    reader.expect("FROM")
    to, grantee = _grantee(reader, session)
    reader.accept_any("RESTRICT", "CASCADE")
    reader.expect_end()

    def run() -> Result:
        for target in targets():
            wanted = set(_expand(privileges, target.kind))

            def affected(g: Grant, target: Securable = target, wanted: set[str] = wanted) -> bool:
                identity = (g.on, g.name, g.to, g.grantee, g.future)
                return g.privilege in wanted and identity == (target.kind, target.name, to, grantee, future)

            kept = [
                Grant(**{**asdict(g), "grant_option": False})
                for g, _ in all_grants(session)
                if option_only and affected(g)
            ]
            forget(affected, session)
            _add(kept, session)
        return Result.succeeded()

    return run


def _expand(privileges: list[str], kind: str) -> list[str]:
    if privileges != ["ALL"]:
        return privileges
    return sorted(p for p in securables.PRIVILEGES[kind] if p != "OWNERSHIP")


def _privileges_on(reader: Reader, session: Session) -> tuple[list[str], Callable[[], list[Securable]], str]:
    """The privileges, what they are on (found when run), and the scope's kind of future grants."""
    start = reader.token
    privileges = [p.strip().upper() for p in _privilege_list(reader)]
    if privileges in (["ALL PRIVILEGES"], ["ALL"]):
        privileges = ["ALL"]
    reader.expect("ON")
    kind, targets, future = securables.read_targets(reader, session)
    allowed = securables.PRIVILEGES[kind]
    for privilege in privileges:
        fits = privilege in allowed or (privilege.startswith("CREATE ") and kind == "SCHEMA")
        if privilege != "ALL" and not fits:
            raise compilation_error(f"Privilege {privilege} cannot be granted on {kind}.", 3008, "42601")
    del start
    return privileges, targets, future


def _privilege_list(reader: Reader) -> list[str]:
    items = [" ".join(reader.expression(",", "ON", "TO", "FROM").split())]
    while reader.accept(","):
        items.append(" ".join(reader.expression(",", "ON", "TO", "FROM").split()))
    return items


def _ownership_tail(reader: Reader) -> None:
    if reader.accept_any("REVOKE", "COPY"):
        reader.expect("CURRENT", "GRANTS")


def _grantee(reader: Reader, session: Session) -> tuple[str, str]:
    if reader.accept("DATABASE", "ROLE"):
        return "DATABASE ROLE", securables.database_role(reader.name(), session)
    if reader.accept("USER"):
        return "USER", securables.user(reader.name(), session)
    reader.accept("ROLE")
    return "ROLE", securables.role(reader.name(), session)


def _grant_role(reader: Reader, session: Session, revoke: bool) -> Callable[[], Result]:
    if reader.accept("DATABASE", "ROLE"):
        kind, name = "DATABASE ROLE", securables.database_role(reader.name(), session)
    else:
        reader.expect("ROLE")
        kind, name = "ROLE", securables.role(reader.name(), session)
    reader.expect("FROM" if revoke else "TO")
    if not (reader.looking_at("ROLE") or reader.looking_at("USER") or reader.looking_at("DATABASE", "ROLE")):
        raise reader.unexpected()
    to, grantee = _grantee(reader, session)
    reader.expect_end()
    entry = Grant("USAGE", kind, name, to, grantee, False, session.role)

    def run() -> Result:
        if revoke:
            forget(lambda g: g.key == entry.key, session)
        else:
            if to != "USER" and (kind, name) in {("ROLE", grantee), *_ancestors(to, grantee, session)}:
                raise compilation_error(
                    f"Granting {kind.lower()} {name} to {to.lower()} {grantee} would create a cycle.", 3005, "42601"
                )
            _add([entry], session)
        return Result.succeeded()

    return run


def _ancestors(kind: str, name: str, session: Session) -> set[tuple[str, str]]:
    """Every role to which this one is granted, directly or not."""
    found: set[tuple[str, str]] = set()
    waiting = [(kind, name)]
    edges = [
        (g.on, g.name, g.to, g.grantee)
        for g, _ in all_grants(session)
        if g.on in ("ROLE", "DATABASE ROLE") and g.privilege == "USAGE"
    ]
    while waiting:
        current = waiting.pop()
        for on, role, to, grantee in edges:
            if (on, role) == current and (to, grantee) not in found:
                found.add((to, grantee))
                waiting.append((to, grantee))
    return found


def schema_scope(parts: tuple[str, ...], session: Session) -> str:
    place = session.resolve((*parts, "-"))
    return f"{place.database}.{place.schema}"
