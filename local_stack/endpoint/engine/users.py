"""Know users and their roles: which they may use, and with which they log in.

Whoever has not been created by CREATE USER is the first user of a new account: an administrator of it, without secondary
roles, so that the role in use is the one whose rights count.
See: https://docs.snowflake.com/en/sql-reference/sql/create-user, use-secondary-roles
"""

from __future__ import annotations

from typing import Any

from local_stack.endpoint.engine.access import SYSTEM_ROLES, inherited
from local_stack.endpoint.engine.engine import Engine
from local_stack.endpoint.engine.grants import Holder
from local_stack.endpoint.language.names import stored_name
from local_stack.endpoint.statements import SqlError

ALL_ROLES = "ALL"
FIRST_USERS_ROLE = "ACCOUNTADMIN"
# Runs tasks and alerts, as their owner.
SYSTEM_USER = "SYSTEM"


def available_roles(engine: Engine, user: str) -> frozenset[Holder]:
    """Return the roles that a user may use, and the user, who may hold privileges too."""
    granted = [g.target for g in engine.grants.to(("USER", user)) if g.on == "ROLE" and g.privilege == "USAGE"]
    if engine.catalog.get("USER", "", "", user) is None:
        granted += [("ROLE", FIRST_USERS_ROLE), ("ROLE", "ORGADMIN")]
    return inherited(engine.grants, [*granted, ("USER", user)])


def log_in_roles(engine: Engine, user: str, wanted: str) -> dict[str, Any]:
    """Return the role and the secondary roles of a new session. wanted: the role in the connection, or ''.

    Raises SqlError 390186 or 390189 for a role that is not granted to the user, or does not exist.
    """
    if user == SYSTEM_USER:
        return {"role": wanted}
    wanted = stored_name(wanted)
    stored = engine.catalog.get("USER", "", "", user)
    properties = stored.definition["properties"] if stored else {"DEFAULT_ROLE": FIRST_USERS_ROLE}
    role = wanted or properties.get("DEFAULT_ROLE") or "PUBLIC"
    if engine.grants.enforced and ("ROLE", role) not in available_roles(engine, user):
        known = role in SYSTEM_ROLES or engine.catalog.get("ROLE", "", "", role) is not None
        raise _not_granted(role, known, bool(wanted))
    default = [ALL_ROLES] if stored else []
    secondary = properties.get("DEFAULT_SECONDARY_ROLES", default)
    return {"role": role, "secondary_roles": tuple(str(name).upper() for name in secondary)}


def _not_granted(role: str, known: bool, asked_for: bool) -> SqlError:
    if not asked_for:
        return SqlError(
            f"User's configured default role '{role}' is not granted to this user. Contact your local system administrator, or "
            "attempt to login using a CLI client with a connect string selecting another role, e.g. PUBLIC.",
            390184,
            "08001",
        )
    if known:
        return SqlError(
            f"Role '{role}' specified in the connect string is not granted to this user. Contact your local system "
            "administrator, or attempt to login with another role, e.g. PUBLIC.",
            390186,
            "08001",
        )
    return SqlError(
        f"Role '{role}' specified in the connect string does not exist or not authorized. Contact your local system "
        "administrator, or attempt to login with another role, e.g. PUBLIC.",
        390189,
        "08001",
    )
