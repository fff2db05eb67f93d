"""Answer GRANT and REVOKE of privileges, ownership and roles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from local_stack.endpoint.engine.access import holders_of
from local_stack.endpoint.engine.grants import OWNERSHIP, Grant
from local_stack.endpoint.errors import compilation_error, insufficient
from local_stack.endpoint.features.objects import securables
from local_stack.endpoint.features.objects.authority import (
    dependents,
    require_grantor,
    require_new_owner,
    require_no_dependents,
)
from local_stack.endpoint.features.objects.securables import Securable
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import Result, SqlError


def grant(reader: Reader, session: Session) -> Callable[[], Result]:
    """Answer GRANT … TO …"""
    if reader.looking_at("ROLE") or reader.looking_at("DATABASE", "ROLE"):
        return _grant_role(reader, session, revoke=False)
    privileges, targets, future = _privileges_on(reader, session)
    reader.expect("TO")
    to, grantee = read_grantee(reader, session)
    option = reader.accept("WITH", "GRANT", "OPTION")
    current = _ownership_tail(reader) if privileges == [OWNERSHIP] else ""
    reader.expect_end()

    def run() -> Result:
        found = targets()
        for target in found:
            require_grantor(_expand(privileges, target.kind), target, future, session)
        for target in found:
            if privileges == [OWNERSHIP] and not future:
                _give(target, to, grantee, current, session)
            else:
                given = (
                    Grant(p, target.kind, target.name, to, grantee, option, session.role, future)
                    for p in _expand(privileges, target.kind)
                )
                session.grants.add(given)
        if not future and len(found) != 1:
            return Result.status(f"Statement executed successfully. {len(found)} objects affected.")
        return Result.succeeded()

    return run


def _give(target: Securable, to: str, grantee: str, current: str, session: Session) -> None:
    """Change an object's owner. `current` says what happens to other grants on the object: COPY or REVOKE."""
    require_new_owner(target, (to, grantee), session)
    if not current and (to, grantee) == session.grants.owner(target.kind, target.name):
        return  # nothing changes hands: schemachange's demo repeats its set-up
    if not current:
        require_no_dependents(target, session)
    others = [g for g in session.grants.on(target.kind, target.name) if g.privilege != OWNERSHIP or g.to != to]
    old = [g for g in session.grants.on(target.kind, target.name) if g.privilege == OWNERSHIP]
    kept = [replace(g, granted_by=grantee) for g in others if g.privilege != OWNERSHIP and current == "COPY"]
    owner = Grant(OWNERSHIP, target.kind, target.name, to, grantee, True, grantee)
    session.grants.change([*old, *others], [owner, *kept])


def revoke(reader: Reader, session: Session) -> Callable[[], Result]:
    """Answer REVOKE … FROM …"""
    if reader.looking_at("ROLE") or reader.looking_at("DATABASE", "ROLE"):
        return _grant_role(reader, session, revoke=True)
    option_only = reader.accept("GRANT", "OPTION", "FOR")
    privileges, targets, future = _privileges_on(reader, session)
    reader.expect("FROM")
    to, grantee = read_grantee(reader, session)
    cascade = reader.accept_any("RESTRICT", "CASCADE") == "CASCADE"
    reader.expect_end()
    if privileges == [OWNERSHIP] and not future:
        raise compilation_error("OWNERSHIP cannot be revoked. Use GRANT OWNERSHIP to transfer it.", 3008, "42601")

    def run() -> Result:
        for target in targets():
            wanted = set(_expand(privileges, target.kind))
            require_grantor(wanted, target, future, session)
            held = session.grants.future(target.name) if future else session.grants.on(target.kind, target.name)
            gone = [g for g in held if g.privilege in wanted and g.on == target.kind and g.holder == (to, grantee)]
            passed_on = [one for grant in gone if not future for one in dependents(grant, session)]
            if passed_on and not cascade:
                raise _dependent(passed_on[0])
            kept = [replace(g, grant_option=False) for g in gone] if option_only else []
            session.grants.change([*gone, *passed_on], kept)
        return Result.succeeded()

    return run


def _dependent(grant: Grant) -> SqlError:
    return SqlError(
        f"SQL execution error: Dependent grant of privilege '{grant.privilege}' on securable '{grant.name}' to role "
        f"'{grant.grantee}' exists. It must be revoked first. More than one dependent grant may exist: use 'SHOW GRANTS' command "
        "to view them. To revoke all dependent grants, use CASCADE.",
        3036,
        "0A000",
    )


def _expand(privileges: list[str], kind: str) -> list[str]:
    if privileges != ["ALL"]:
        return privileges
    return sorted(p for p in securables.PRIVILEGES[kind] if p != "OWNERSHIP")


def _privileges_on(reader: Reader, session: Session) -> tuple[list[str], Callable[[], list[Securable]], str]:
    """Return the privileges, what they are on, and the scope's kind of future grants.

    What they are on is a function, which finds the objects when the statement runs.
    """
    start = reader.token
    known = {privilege for of_kind in securables.PRIVILEGES.values() for privilege in of_kind}
    privileges = [p.strip().upper() for p in _privilege_list(reader)]
    if privileges in (["ALL PRIVILEGES"], ["ALL"]):
        privileges = ["ALL"]
    for privilege in privileges:
        if privilege not in known and privilege != "ALL" and not privilege.startswith("CREATE "):
            raise reader.unexpected(start)
    reader.expect("ON")
    kind, targets, future = securables.read_targets(reader, session)
    allowed = securables.PRIVILEGES[kind]
    for privilege in privileges:
        fits = privilege in allowed or (privilege.startswith("CREATE ") and kind == "SCHEMA")
        if privilege != "ALL" and not fits:
            raise compilation_error(f"Privilege {privilege} cannot be granted on {kind}.", 3008, "42601")
    return privileges, targets, future


def _privilege_list(reader: Reader) -> list[str]:
    items = [" ".join(reader.expression(",", "ON", "TO", "FROM").split())]
    while reader.accept(","):
        items.append(" ".join(reader.expression(",", "ON", "TO", "FROM").split()))
    return items


def _ownership_tail(reader: Reader) -> str:
    word = reader.accept_any("REVOKE", "COPY") or ""
    if word:
        reader.expect("CURRENT", "GRANTS")
    return word


def read_grantee(reader: Reader, session: Session) -> tuple[str, str]:
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
    to, grantee = read_grantee(reader, session)
    reader.expect_end()
    entry = Grant("USAGE", kind, name, to, grantee, False, session.role)

    def run() -> Result:
        if session.grants.enforced and not (session.access.manages_grants or session.access.owns(kind, name)):
            raise insufficient(kind, name.rsplit(".", 1)[-1])
        if revoke:
            session.grants.change([entry], ())
            return Result.succeeded()
        if to != "USER" and (kind, name) in {("ROLE", grantee), *holders_of(session.grants, (to, grantee))}:
            raise compilation_error(
                f"Granting {kind.lower()} {name} to {to.lower()} {grantee} would create a cycle.", 3005, "42601"
            )
        session.grants.add([entry])
        return Result.succeeded()

    return run


def schema_scope(parts: tuple[str, ...], session: Session) -> str:
    place = session.resolve((*parts, "-"))
    return f"{place.database}.{place.schema}"
