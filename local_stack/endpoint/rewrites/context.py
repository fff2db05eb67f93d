"""What a rewrite may know and leave behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlglot import Expr, exp

from local_stack.endpoint.parameters import PARAMETERS

if TYPE_CHECKING:
    from local_stack.endpoint.sessions import Session

TableName = tuple[str, str, str]


@dataclass
class Context:
    """The session (its database, schema, parameters, results, temporary tables); parameters: those of the statement
    itself, which go before the session's; on_success: what to do afterwards."""

    session: Session
    parameters: Mapping[str, str] = field(default_factory=dict)
    on_success: list[Callable[[], None]] = field(default_factory=list)

    def parameter(self, name: str) -> str:
        """A parameter's value for this statement."""
        given = self.parameters.get(name) or self.session.call_parameters.get(name) or self.session.parameters.get(name)
        return str(given or PARAMETERS[name].default)

    @property
    def database(self) -> str | None:
        return self.session.database

    @property
    def schema(self) -> str | None:
        return self.session.schema

    def full_name(self, table: exp.Table) -> TableName:
        """(database, schema, name) as stored: upper case unless quoted, completed from the session."""
        return (
            stored(table.args.get("catalog")) or self.database or "",
            stored(table.args.get("db")) or self.schema or "",
            stored(table.this),
        )


def stored(name: Expr | str | None) -> str:
    """An identifier as stored."""
    if isinstance(name, exp.Identifier):
        return str(name.this) if name.quoted else str(name.this).upper()
    return "" if name is None else str(name.name if isinstance(name, Expr) else name).upper()


def identifier(name: str) -> exp.Identifier:
    """A stored name as a quoted identifier."""
    return exp.to_identifier(name, quoted=True)


Rewrite = Callable[[Expr, Context], Expr]


def replace_each(expression: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """Change every node, the inner ones first. (sqlglot's `transform` does not go into what it has replaced.)"""
    for node in reversed(list(expression.walk())):
        changed = change(node)
        if changed is node:
            continue
        if node is expression:
            expression = changed
        else:
            node.replace(changed)
    return expression
