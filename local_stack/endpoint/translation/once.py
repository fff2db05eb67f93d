"""Let nested macros take their arguments once."""

from __future__ import annotations

from sqlglot import Expr, exp

from local_stack.endpoint.engine.macros.functions import ONCE, REPEATING
from local_stack.endpoint.translation.context import Context


def bound_once(expression: Expr, _: Context) -> Expr:
    """Call the twin of a macro that repeats its argument where another such macro is in the argument.

    DuckDB puts an argument's text wherever the macro names it: nested macros multiply, and planning takes seconds. A twin
    costs a list of one for each row, so that a column alone goes to the macro itself.
    """
    calls = [call for call in expression.find_all(exp.Anonymous) if call.this in REPEATING]
    for call in calls if len(calls) > 1 else ():
        if any(inner.this in REPEATING for inner in call.expressions[0].find_all(exp.Anonymous)):
            call.set("this", call.this + ONCE)
    return expression
