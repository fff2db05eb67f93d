"""FLATTEN with all its arguments (INPUT, PATH, OUTER, RECURSIVE, MODE), as a lateral table macro."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlglot import Expr, exp

from local_stack.endpoint.statements import SqlError

if TYPE_CHECKING:
    from local_stack.endpoint.rewrites.context import Context

_ARGUMENTS = ("input", "path", "outer", "recursive", "mode")
_STEP = re.compile(r"\[(\d+)\]|\[['\"]([^'\"]+)['\"]\]|\.?([^.\[\]]+)")


def flatten(expression: Expr, context: Context) -> Expr:
    """`LATERAL FLATTEN(…)` and `TABLE(FLATTEN(…))` become `_sp_flatten_each(…)` or, if recursive, `_sp_flatten_tree(…)`."""
    del context
    for node in list(expression.find_all(exp.Lateral, exp.TableFromRows)):
        if isinstance(node.this, exp.Explode):
            alias = node.args.get("alias")
            target: Expr = node
            if isinstance(node.parent, exp.Subquery) and node.parent.this is node:
                # Snowpark writes `FROM ( TABLE (FLATTEN(…)))`
                target = node.parent
                alias = target.args.get("alias") or alias
            target.replace(_table(node.this, alias))
    return expression


def _table(call: exp.Explode, alias: Expr | None) -> exp.Table:
    given: dict[str, Expr] = {}
    for position, argument in enumerate([call.this, *call.expressions]):
        if isinstance(argument, exp.Kwarg):
            given[argument.this.name.lower()] = argument.expression
        else:
            given[_ARGUMENTS[position]] = argument
    if "input" not in given:
        raise SqlError("SQL compilation error:\nMissing argument INPUT of FLATTEN.", 938, "22023")
    mode = given["mode"].name.upper() if "mode" in given else "BOTH"
    recursive = _is_true(given.get("recursive"))
    path = given["path"].name if "path" in given else ""
    macro = "_sp_flatten_tree" if recursive else "_sp_flatten_each"
    arguments = [
        given["input"],
        exp.Literal.string(json_path(path)),
        exp.Boolean(this=_is_true(given.get("outer"))),
        exp.Literal.string(mode),
    ]
    named = alias.copy() if isinstance(alias, exp.TableAlias) else None
    return exp.Table(this=exp.Anonymous(this=f"_fs_global.main.{macro}", expressions=arguments), alias=named)


def _is_true(value: Expr | None) -> bool:
    return value is not None and value.sql().strip("'").upper() == "TRUE"


def json_path(path: str) -> str:
    """Snowflake's path (`a.b[0]['c d']`) as a JSON path: `$."a"."b"[0]."c d"`."""
    steps = []
    for match in _STEP.finditer(path):
        steps.append(f"[{match[1]}]" if match[1] else "." + (match[2] or match[3]))
    return "$" + "".join(steps)
