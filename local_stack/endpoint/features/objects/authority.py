"""Decide who may grant and revoke.

These are the owner, a role that was granted the privilege with the grant option, and a role with MANAGE GRANTS. In a
managed access schema it is the schema's owner.
See: https://docs.snowflake.com/en/sql-reference/sql/grant-privilege, grant-ownership, grant-role
"""

from __future__ import annotations

from collections.abc import Iterable

from local_stack.endpoint.engine.access import holders_of
from local_stack.endpoint.engine.grants import OWNERSHIP, Grant, Holder
from local_stack.endpoint.errors import insufficient
from local_stack.endpoint.features.objects.securables import Securable
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import SqlError

_OUTSIDE_SCHEMAS = frozenset({"ACCOUNT", "DATABASE", "SCHEMA", "DATABASE ROLE"})


def require_grantor(privileges: Iterable[str], target: Securable, future: str, session: Session) -> None:
    """Raise SqlError 003001 where the session may not grant or revoke these privileges."""
    if not session.grants.enforced or session.access.manages_grants:
        return
    access = session.access
    if future:
        if not (future == "SCHEMA" and is_managed(target.name, session) and access.owns("SCHEMA", target.name)):
            raise insufficient(future, target.name.rsplit(".", 1)[-1])
        return
    schema = schema_of(target)
    if schema is not None and is_managed(schema, session):
        allowed = access.owns("SCHEMA", schema)
    else:
        allowed = access.owns(target.kind, target.name) or all(
            access.may_pass_on(privilege, target.kind, target.name) for privilege in privileges
        )
    if not allowed:
        raise insufficient(target.kind, target.name.rsplit(".", 1)[-1])


def require_new_owner(target: Securable, new: Holder, session: Session) -> None:
    """Raise SqlError 003001 where an object in a managed access schema would leave its schema owner's control.

    See: https://docs.snowflake.com/en/user-guide/security-access-control-configure (managed access schemas)
    """
    schema = schema_of(target)
    if not session.grants.enforced or schema is None or not is_managed(schema, session):
        return
    owner = session.grants.owner("SCHEMA", schema)
    if new != owner and owner not in holders_of(session.grants, new) and not session.access.manages_grants:
        raise insufficient(target.kind, target.name.rsplit(".", 1)[-1])


def require_no_dependents(target: Securable, session: Session) -> None:
    """Raise SqlError 003036 where another grantee holds privileges that would outlive the old owner."""
    for grant in session.grants.on(target.kind, target.name):
        if grant.privilege != OWNERSHIP:
            raise SqlError(
                f"SQL execution error: Dependent grant of privilege '{grant.privilege}' on securable '{target.name}' to role "
                f"'{grant.grantee}' exists. It must be revoked first. More than one dependent grant may exist: use 'SHOW GRANTS' "
                "command to view them. To revoke all dependent grants while transferring object ownership, use convenience "
                "command 'GRANT OWNERSHIP ON <target_objects> TO <target_role> REVOKE CURRENT GRANTS'.",
                3036,
                "0A000",
            )


def dependents(grant: Grant, session: Session) -> list[Grant]:
    """Return the grants that the grantee made by the option of this grant, and those that follow from them."""
    found: list[Grant] = []
    waiting = [grant]
    while waiting:
        current = waiting.pop()
        if not current.grant_option:
            continue
        passed = [
            g
            for g in session.grants.on(current.on, current.name)
            if g.privilege == current.privilege and g.granted_by == current.grantee and g not in found and g != grant
        ]
        found += passed
        waiting += passed
    return found


def schema_of(target: Securable) -> str | None:
    """Return the schema that holds an object. Return None where the object is not in a schema."""
    parts = target.name.split(".", 2)
    return ".".join(parts[:2]) if target.kind not in _OUTSIDE_SCHEMAS and len(parts) == 3 else None


def is_managed(schema: str, session: Session) -> bool:
    """Return whether a schema ('DB.SCHEMA') has managed access."""
    database, _, name = schema.partition(".")
    stored = session.catalog.get("SCHEMA", database, name, "")
    return stored is not None and bool(stored.definition.get("managed_access"))
