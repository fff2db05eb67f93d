"""Raise and handle exceptions of a scripting block, and give one that nobody handles its words for the client.

See: https://docs.snowflake.com/en/developer-guide/snowflake-scripting/exceptions
"""

from __future__ import annotations

from dataclasses import dataclass

from local_stack.endpoint.errors import as_sql_error
from local_stack.endpoint.features.procedures.scripting.nodes import Handler, Step
from local_stack.endpoint.features.procedures.scripting.variables import Scope, Variable
from local_stack.endpoint.statements import SqlError


class Failure(SqlError):
    """Carry an exception to its handler. kind: STATEMENT_ERROR, EXPRESSION_ERROR, or the name it was declared with."""

    def __init__(self, kind: str, message: str, number: int, sqlstate: str) -> None:
        super().__init__(message, number, sqlstate)
        self.kind = kind
        self._step: Step | None = None

    def at(self, step: Step) -> None:
        """Note where it was raised; the innermost statement tells first."""
        self._step = self._step or step

    def uncaught(self) -> SqlError:
        """Return the error of a block that did not handle it."""
        where = f" on line {self._step.line} at position {self._step.position}" if self._step else ""
        message = f"Uncaught exception of type '{self.kind}'{where} : {self.message}"
        return SqlError(message, self.errno, self.sqlstate)

    def variables(self) -> dict[str, Variable]:
        """Return what a handler knows of it."""
        return {
            "SQLCODE": Variable(self.errno, "NUMBER(38,0)"),
            "SQLERRM": Variable(self.message, "VARCHAR"),
            "SQLSTATE": Variable(self.sqlstate, "VARCHAR"),
        }


def failure_of(error: Exception, kind: str) -> Failure:
    """Return the exception for an error: itself where it is one already."""
    if isinstance(error, Failure):
        return error
    known = as_sql_error(error)
    return Failure(kind, known.message, known.errno, known.sqlstate)


@dataclass(frozen=True)
class Guard:
    """Hold a block's handlers while its body runs. scope: the block's."""

    handlers: tuple[Handler, ...]
    scope: Scope

    def handler(self, failure: Failure) -> Handler | None:
        """Return the handler for an exception: the first that names it, or OTHER."""
        for handler in self.handlers:
            if failure.kind in handler.names or "OTHER" in handler.names:
                return handler
        return None
