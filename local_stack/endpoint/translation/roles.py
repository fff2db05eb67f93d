"""Rewrite functions that ask for the roles in use, as values: IS_ROLE_IN_SESSION, CURRENT_SECONDARY_ROLES, …

See: https://docs.snowflake.com/en/sql-reference/functions/is_role_in_session
"""

from __future__ import annotations

import json

from sqlglot import Expr, exp

from local_stack.endpoint.engine.users import ALL_ROLES
from local_stack.endpoint.session import Session
from local_stack.endpoint.translation.context import Context, replace_each

_MEMBERSHIP = {
    "IS_ROLE_IN_SESSION": "ROLE",
    "IS_GRANTED_TO_INVOKER_ROLE": "ROLE",
    "IS_DATABASE_ROLE_IN_SESSION": "DATABASE ROLE",
}


def role_functions(expression: Expr, context: Context) -> Expr:
    """Rewrite questions about roles: whether one is in use becomes a comparison with the names of those that are."""
    session = context.session

    def replace(node: Expr) -> Expr:
        name = str(node.this).upper() if isinstance(node, exp.Anonymous) else ""
        if name in _MEMBERSHIP and len(node.expressions) == 1:
            return _is_member(node.expressions[0], _MEMBERSHIP[name], session)
        if name == "INVOKER_ROLE":
            return exp.Literal.string(session.role)
        if name == "CURRENT_ROLE_TYPE":
            return exp.Literal.string("ROLE")
        return node

    return replace_each(expression, replace)


def _is_member(asked: Expr, kind: str, session: Session) -> Expr:
    names = sorted(name for one, name in session.access.holders if one == kind)
    if kind == "DATABASE ROLE":  # named without their database where it is the current one
        names += [name.partition(".")[2] for name in names if name.startswith(f"{session.database}.")]
    if not names:
        return exp.false()
    return exp.Paren(this=exp.In(this=asked.copy(), expressions=[exp.Literal.string(name) for name in names]))


def secondary_roles(session: Session) -> str:
    """Return what CURRENT_SECONDARY_ROLES() says."""
    if session.secondary_roles == (ALL_ROLES,):
        names = sorted(name for kind, name in session.available_roles if kind == "ROLE" and name != session.role)
        return json.dumps({"roles": ",".join(names), "value": ALL_ROLES}, separators=(",", ":"))
    roles = ",".join(session.secondary_roles)
    return json.dumps({"roles": roles, "value": roles}, separators=(",", ":"))


def available_roles(session: Session) -> str:
    """Return what CURRENT_AVAILABLE_ROLES() says."""
    return json.dumps(sorted(name for kind, name in session.available_roles if kind == "ROLE"), separators=(",", ":"))
