"""SPLIT_TO_TABLE and STRTOK_SPLIT_TO_TABLE, over the columns of what stands before them, as lateral table macros."""

from __future__ import annotations

from sqlglot import Expr, exp

from local_stack.endpoint.rewrites.context import Context

_MACROS = {
    "SPLIT_TO_TABLE": "_fs_global.main._sp_split_to_table",
    "STRTOK_SPLIT_TO_TABLE": "_fs_global.main._sp_strtok_split_to_table",
}


def split_tables(expression: Expr, _: Context) -> Expr:
    """The rewrite."""
    for node in list(expression.find_all(exp.Lateral, exp.TableFromRows)):
        call = node.this
        if isinstance(call, exp.SplitToTable):
            name, arguments = "SPLIT_TO_TABLE", [call.this, call.expression]
        elif isinstance(call, exp.Anonymous) and str(call.this).upper() in _MACROS:
            name, arguments = str(call.this).upper(), list(call.expressions)
        else:
            continue
        if name == "STRTOK_SPLIT_TO_TABLE" and len(arguments) == 1:
            arguments.append(exp.Literal.string(" "))
        called = exp.Anonymous(this=_MACROS[name], expressions=[argument.copy() for argument in arguments])
        alias = node.args.get("alias")
        node.replace(exp.Table(this=called, alias=alias.copy() if isinstance(alias, exp.TableAlias) else None))
    return expression
