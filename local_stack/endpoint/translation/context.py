"""Hold what a rewrite may know and leave behind."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from sqlglot import Expr, exp

from local_stack.endpoint.session import Session
from local_stack.endpoint.translation.known_columns import TableColumns, table_columns

# The mark of a table that the statement changes, in queries about the change: it is read as it is, with its row ids.
CHANGED = "changed"
TableName = tuple[str, str, str]


@dataclass(frozen=True)
class Declared:
    """Hold a column of CREATE TABLE … AS SELECT as it is declared. name: '' for that of the query's column.

    default: Snowflake's expression. length: of VARCHAR(n).
    """

    name: str
    not_null: bool
    default: Expr | None
    length: int | None


@dataclass
class Context:
    """Hold the session (its database, schema, parameters, results, temporary tables).

    parameters: those of the statement itself, which go before the session's. text: the statement's. on_success: what to
    do afterwards. temporary: the name of the temporary table or view that the statement creates. declared: the columns
    of CREATE TABLE … AS. describing: only the columns are asked for.
    """

    session: Session
    parameters: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    on_success: list[Callable[[], None]] = field(default_factory=list)
    temporary: TableName | None = None
    declared: list[Declared] = field(default_factory=list)
    describing: bool = False

    def parameter(self, name: str) -> str:
        """Return a parameter's value for this statement."""
        return self.session.parameter(name, self.parameters)

    @functools.cached_property
    def columns(self) -> TableColumns:
        """Return what is known of the columns of tables, each looked up once for the statement."""
        return table_columns(self.session, self.describing)

    @property
    def database(self) -> str | None:
        return self.session.database

    @property
    def schema(self) -> str | None:
        return self.session.schema

    def full_name(self, table: exp.Table) -> TableName:
        """Return (database, schema, name) as stored, completed from the session."""
        return self.session.full_name(table)


def identifier(name: str) -> exp.Identifier:
    """Return a stored name as a quoted identifier."""
    return exp.to_identifier(name, quoted=True)


Rewrite = Callable[[Expr, Context], Expr]


def apply(rewrites: Iterable[Rewrite], expression: Expr, context: Context) -> Expr:
    """Run rewrites in order."""
    for rewrite in rewrites:
        expression = rewrite(expression, context)
    return expression


def put_query(table: Expr, query: Expr) -> None:
    """Put a query in the place of a table: under its alias, and with all that follows it."""
    subquery = exp.Subquery(this=query)
    for part in ("alias", "joins", "laterals", "pivots", "sample"):
        subquery.set(part, table.args.get(part))
    table.replace(subquery)


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
