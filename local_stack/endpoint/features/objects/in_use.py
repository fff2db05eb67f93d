"""Answer USE ROLE, USE SECONDARY ROLES and USE WAREHOUSE.

See: https://docs.snowflake.com/en/sql-reference/sql/use-role, use-secondary-roles, use-warehouse
"""

from __future__ import annotations

from collections.abc import Callable

from local_stack.endpoint.engine.users import ALL_ROLES
from local_stack.endpoint.engine.warehouses import warehouse_exists
from local_stack.endpoint.errors import nothing_there
from local_stack.endpoint.features.objects import store
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import Result, SqlError


def use(reader: Reader, session: Session) -> Callable[[], Result] | None:
    """Answer USE {ROLE r | WAREHOUSE w | SECONDARY ROLES {ALL | NONE | r, …}}. Return None for other statements."""
    if reader.accept("SECONDARY", "ROLES"):
        return _secondary(reader, session)
    kind = reader.accept_any("ROLE", "WAREHOUSE")
    if kind is None:
        return None
    (name, *more) = reader.name()
    reader.expect_end()
    if more:
        raise SqlError(f"SQL compilation error:\nInvalid identifier '{name}.{more[0]}'.", 1003, "42000")

    def run() -> Result:
        if kind == "ROLE":
            _require_role(name, session)
            session.role = name
        else:
            if not warehouse_exists(name, session.catalog):
                raise nothing_there()
            session.warehouse = name
        return Result.succeeded()

    return run


def _secondary(reader: Reader, session: Session) -> Callable[[], Result]:
    roles: tuple[str, ...] = ()
    if reader.accept("ALL"):
        roles = (ALL_ROLES,)
    elif not reader.accept("NONE"):
        roles = (reader.identifier(),)
        while reader.accept(","):
            roles = (*roles, reader.identifier())
    reader.expect_end()

    def run() -> Result:
        if roles != (ALL_ROLES,):
            for name in roles:
                _require_role(name, session)
        session.secondary_roles = roles
        return Result.succeeded()

    return run


def _require_role(name: str, session: Session) -> None:
    """Raise SqlError 002003 for a role that does not exist, and 003013 for one that the user does not have."""
    store.require_role(name, session)
    if not session.may_use_role(name):
        raise SqlError(
            f"SQL access control error:\nRequested role '{name}' is not assigned to the executing user. Specify another role to "
            "activate.",
            3013,
            "42501",
        )
