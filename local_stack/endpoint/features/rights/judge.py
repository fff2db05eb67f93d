"""Decide whether a session may do what a statement needs.

Snowflake refuses in two ways. An object on which a role has no privilege does not exist for the role. An object that
the role sees, but may not use in this way, gives an error about privileges.
See: https://docs.snowflake.com/en/user-guide/security-access-control-privileges
"""

from __future__ import annotations

from dataclasses import dataclass

from local_stack.endpoint.engine.access import RELATION, Access
from local_stack.endpoint.engine.grants import ACCOUNT
from local_stack.endpoint.errors import insufficient, missing_object
from local_stack.endpoint.session import Session

# The databases that everyone may use, and the schema that everyone may use in every database.
_FREE_DATABASES = frozenset({"SNOWFLAKE", "SNOWFLAKE_SAMPLE_DATA", "MEMORY", "SYSTEM", "TEMP", "_FS_GLOBAL"})
_FREE_SCHEMA = "INFORMATION_SCHEMA"
_MISSING = {RELATION: "Object"}


@dataclass(frozen=True)
class Need:
    """Hold what a statement needs: one of these privileges on an object, or any privilege where none is named.

    `place` holds the parts of the object's name. With `primary`, secondary roles do not count. `shown` is the name in
    messages.
    """

    kind: str
    place: tuple[str, ...]
    privileges: tuple[str, ...] = ()
    primary: bool = False
    shown: str = ""

    @property
    def name(self) -> str:
        return ".".join(self.place)


def on_account(*privileges: str) -> Need:
    """Return the need of a privilege on the account.

    The primary role must have it, because it will own what is created.
    """
    return Need("ACCOUNT", (ACCOUNT,), privileges, primary=True)


def judge(need: Need, session: Session) -> None:
    """Raise SqlError 002003 or 003001 where the session's roles lack what is needed."""
    access = session.primary_access if need.primary else session.access
    if need.kind == "ACCOUNT":
        if not access.holds("ACCOUNT", ACCOUNT, *need.privileges):
            raise insufficient("ACCOUNT", ACCOUNT)
        return
    if is_free(need.place) or (need.kind, *need.place) in session.attributes.get("temporary_objects", ()):
        return
    _require_reach(need, session.access)
    if need.privileges and access.holds(need.kind, need.name, *need.privileges):
        return
    if not session.access.sees(need.kind, need.name):
        raise missing_object(_MISSING.get(need.kind, need.kind), need.shown or need.name)
    if need.privileges:
        raise insufficient(_relation(need, session) if need.kind == RELATION else need.kind, need.place[-1])


def is_free(place: tuple[str, ...]) -> bool:
    """Return whether a place is one where no privileges are needed."""
    return place[0].upper() in _FREE_DATABASES or (len(place) > 1 and place[1].upper() == _FREE_SCHEMA)


def _require_reach(need: Need, access: Access) -> None:
    """Raise SqlError 002003 where the session may not see the database or schema that holds the object."""
    if len(need.place) == 1:
        return
    database, schema = need.place[0], ".".join(need.place[:2])
    if not access.sees("DATABASE", database):
        raise missing_object("Database", database)
    if len(need.place) > 2 and not access.sees("SCHEMA", schema):
        raise missing_object("Schema", schema)


def _relation(need: Need, session: Session) -> str:
    return "VIEW" if session.grants.has_owner("VIEW", need.name) else "TABLE"
