"""Rewrite session variables: `$x` is a value with a type.

See: https://docs.snowflake.com/en/sql-reference/session-variables
"""

from __future__ import annotations

import sqlglot
from sqlglot import Expr, exp

from local_stack.endpoint.errors import compilation_error
from local_stack.endpoint.language.types import family_of
from local_stack.endpoint.translation.context import Context, identifier, replace_each
from local_stack.endpoint.variables import Variable

# What a literal's meta says where it stands for a variable: a text there has no length of its own.
INLINED = "inlined"
_READERS = frozenset({"GETVARIABLE", "SESSION_CONTEXT"})


def session_variables(expression: Expr, context: Context) -> Expr:
    """Rewrite `$x` to its value; in a view's definition: what it is when the view is queried; GETVARIABLE('X') -> its text."""
    for call in expression.find_all(exp.DynamicIdentifier):
        argument = call.this
        raise compilation_error(
            f"syntax error: IDENTIFIER takes one string, variable or bind value, not {argument}.", 1003
        )
    is_view = isinstance(expression, exp.Create) and expression.args.get("kind") == "VIEW"

    def change(node: Expr) -> Expr:
        if isinstance(node, exp.Parameter) and isinstance(node.this, exp.Var):
            variable = context.session.variables[node.this.name]
            value = _when_queried(variable) if is_view else sqlglot.parse_one(variable.literal, read="snowflake")
            value.meta[INLINED] = True
            return _titled(node, value)
        if isinstance(node, exp.Anonymous) and str(node.this).upper() in _READERS and len(node.expressions) == 1:
            return _text(node.expressions[0])
        return node

    return replace_each(expression, change)


def mark_inlined(tree: Expr, texts: frozenset[str]) -> None:
    """Mark the literals that stand for variables of a script."""
    for literal in tree.find_all(exp.Literal) if texts else ():
        if literal.is_string and literal.name in texts:
            literal.meta[INLINED] = True


def _text(name: Expr) -> Expr:
    """Return GETVARIABLE as DuckDB has it. Snowflake's knows the name in upper case only, DuckDB's knows any."""
    if isinstance(name, exp.Literal) and name.name != name.name.upper():
        return exp.cast(exp.Null(), "VARCHAR")
    return exp.cast(exp.Anonymous(this="GETVARIABLE", expressions=[name]), "VARCHAR")


def _titled(node: Expr, value: Expr) -> Expr:
    """Return a variable alone in a select list names its column."""
    if isinstance(node.parent, exp.Select) and node.arg_key == "expressions":
        return exp.alias_(value, identifier(f"${node.this.name.upper()}"), copy=False)
    return value


def _when_queried(variable: Variable) -> Expr:
    """Return the value of DuckDB's variable of this name."""
    call = exp.Anonymous(this="GETVARIABLE", expressions=[exp.Literal.string(variable.name)])
    kind = family_of(variable.type)
    if variable.type == "FIXED" and "." in variable.literal:
        kind = f"NUMBER(38, {len(variable.literal.partition('.')[2])})"
    return exp.cast(call, exp.DataType.build(kind, dialect="snowflake"))
