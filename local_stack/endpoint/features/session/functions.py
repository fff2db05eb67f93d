"""Answer the functions that the endpoint itself knows (SYSTEM$…, GET_DDL): each call becomes its value.

They act before the statement that calls them takes its session's connection, which another statement may have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlglot import Expr, exp

from local_stack.endpoint.language.quoting import identifier
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import Statement, unsupported

Function = Callable[[Session, list[str]], str | None]


class CallOfFunction:
    """Answer CALL SYSTEM$f(…)."""

    def handle(self, statement: Statement, session: Session) -> Statement | None:
        """Return the query that it is: of one column, which has the function's name."""
        del session
        reader = Reader(statement.text)
        reader.expect("CALL")
        name = reader.token.upper
        return (
            statement.with_text(f"SELECT {reader.rest()} AS {identifier(name)}") if name.startswith("SYSTEM$") else None
        )


def evaluated(tree: Expr, statement: Statement, session: Session, functions: Mapping[str, Function]) -> Expr:
    """Put the value of each call in its place. A statement that is only described calls nothing."""
    for call in list(tree.find_all(exp.Anonymous)):
        name = call.name.upper()
        if name in functions and not isinstance(call.parent, exp.Dot):
            arguments = [_constant(argument, name, statement) for argument in call.expressions]
            value = "" if statement.describe_only else functions[name](session, arguments)
            call.replace(exp.cast(exp.Null(), "VARCHAR") if value is None else exp.Literal.string(value))
    return tree


def _constant(argument: Expr, name: str, statement: Statement) -> str:
    """Return the text of an argument: a literal or a bind, converted or not. Raises SqlError 000002 for any other."""
    value = argument.this if isinstance(argument, exp.Cast) else argument
    if isinstance(value, exp.Boolean):
        return str(value.this)
    if isinstance(value, exp.Literal | exp.RawString):
        return str(value.this)
    if isinstance(value, exp.Placeholder) and value.name.isdigit() and int(value.name) <= len(statement.binds):
        return str(statement.binds[int(value.name) - 1][1] or "")
    raise unsupported(f"{name} with an argument that is no literal")
