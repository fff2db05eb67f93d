"""CURRENT_ROLE(), LAST_QUERY_ID(), … as literals from the session."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import Expr, exp

from local_stack.endpoint.rewrites.context import Context, replace_each

_FUNCTIONS: dict[str, Callable[[Context], str | None]] = {
    "CURRENT_ROLE": lambda c: c.session.role,
    "CURRENT_WAREHOUSE": lambda c: c.session.warehouse,
    "CURRENT_USER": lambda c: c.session.user,
    "CURRENT_DATABASE": lambda c: c.database,
    "CURRENT_SCHEMA": lambda c: c.schema,
    "CURRENT_SESSION": lambda c: c.session.number,
    "CURRENT_ACCOUNT": lambda _: "LOCAL",
    "CURRENT_ACCOUNT_NAME": lambda _: "LOCAL",
    "CURRENT_ORGANIZATION_NAME": lambda _: "LOCAL",
    "CURRENT_REGION": lambda _: "LOCAL",
    "CURRENT_CLIENT": lambda _: "LOCAL",
    "CURRENT_IP_ADDRESS": lambda _: "127.0.0.1",
    "CURRENT_SECONDARY_ROLES": lambda _: '{"roles":"","value":""}',
    "CURRENT_AVAILABLE_ROLES": lambda c: f'["{c.session.role}"]',
    "CURRENT_STATEMENT": lambda c: str(c.session.attributes.get("statement", "")),
    "CURRENT_TRANSACTION": lambda c: None if c.session.transaction_id is None else str(c.session.transaction_id),
}


def session_functions(expression: Expr, context: Context) -> Expr:
    """The rewrite. An unaliased projection keeps the function's text as its column's name."""

    def replace(node: Expr) -> Expr:
        name = _name(node)
        if name == "LAST_QUERY_ID":
            value = _last_query_id(node, context)
        elif name in _FUNCTIONS:
            value = _FUNCTIONS[name](context)
        else:
            return node
        literal: Expr = exp.Null() if value is None else exp.Literal.string(value)
        if isinstance(node.parent, exp.Select) and node.arg_key == "expressions":
            return exp.alias_(literal, f"{name}()", quoted=True)
        return literal

    return replace_each(expression, replace)


def _name(node: Expr) -> str:
    if isinstance(node, exp.Anonymous):
        return str(node.this).upper()
    if isinstance(node, exp.Func) and type(node).__name__.startswith("Current"):
        return node.sql_name().upper()
    return ""


def _last_query_id(node: Expr, context: Context) -> str | None:
    """LAST_QUERY_ID(n): the n-th of the session from its start, or from its end where negative (default -1)."""
    position = -1
    if node.expressions:
        position = int(node.expressions[0].sql())
    ids = context.session.query_ids
    index = position - 1 if position > 0 else len(ids) + position
    return ids[index] if 0 <= index < len(ids) else None
