"""Check what the owner of a task or alert needs for it to run.

See: https://docs.snowflake.com/en/user-guide/tasks-intro (task security), alerts
"""

from __future__ import annotations

from local_stack.endpoint.engine.access import Access, inherited
from local_stack.endpoint.engine.grants import ACCOUNT
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import SqlError


def check_owner(kind: str, place: tuple[str, ...], session: Session) -> None:
    """Raise SqlError 091089 where the owner of a task or alert may not run it or use its warehouse."""
    stored = session.catalog.get(kind, *place) if len(place) == 3 else None
    if not session.grants.enforced or stored is None:
        return
    owner = session.grants.owner(kind, ".".join(place))
    access = Access(session.grants, inherited(session.grants, [owner]))
    warehouse = stored.definition["properties"].get("WAREHOUSE")
    needed = [f"EXECUTE {kind}"] if warehouse else [f"EXECUTE {kind}", f"EXECUTE MANAGED {kind}"]
    for privilege in needed:
        if not access.holds("ACCOUNT", ACCOUNT, privilege):
            raise _cannot(kind, f"{privilege} privilege")
    if warehouse and not access.holds("WAREHOUSE", warehouse, "USAGE"):
        raise _cannot(kind, f"USAGE privilege on the {kind.lower()}'s warehouse")


def _cannot(kind: str, what: str) -> SqlError:
    return SqlError(f"Cannot execute {kind.lower()} , {what} must be granted to owner role", 91089, "23001")
