"""Hold the variables of a scripting block: their values and types, who sees them, and how they stand in a statement.

See: https://docs.snowflake.com/en/developer-guide/snowflake-scripting/variables
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlglot import Expr, exp

from local_stack.endpoint.errors import compilation_error, invalid_identifier
from local_stack.endpoint.language.names import stored
from local_stack.endpoint.language.quoting import identifier_value
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.language.types import SqlType, family_of, parse_type
from local_stack.endpoint.outcome import ColumnInfo
from local_stack.endpoint.statements import SqlError

_SEMI_STRUCTURED = ("VARIANT", "OBJECT", "ARRAY")


@dataclass
class Variable:
    """Hold a variable. value: Python's, semi-structured ones as JSON text. type: as declared, '' while nothing has told it."""

    value: Any = None
    type: str = ""


@dataclass
class Row:
    """Hold the row of a FOR over a cursor: its columns by name."""

    columns: dict[str, Variable]


def unbound(name: str) -> SqlError:
    """Return the error for a :name that no block in scope declares."""
    return compilation_error(f"error line 1 at position 0\nBind variable :{name} not set.", 2049, "42601")


def undeclared(name: str) -> SqlError:
    """Return the error for a name that no block in scope declares."""
    return invalid_identifier(name)


@dataclass
class Scope:
    """Hold what a block, a loop or a handler declares. outer: what surrounds it."""

    outer: Scope | None = None
    names: dict[str, Any] = field(default_factory=dict)
    exceptions: dict[str, tuple[int, str]] = field(default_factory=dict)

    def find(self, name: str) -> Any:
        """Return what the nearest scope calls so, None where nobody does."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.outer
        return None

    def variable(self, name: str) -> Variable:
        """Return the variable of a name. Raises SqlError 000904 where there is none."""
        found = self.find(name)
        if not isinstance(found, Variable):
            raise undeclared(name)
        return found

    def exception(self, name: str) -> tuple[int, str]:
        """Return a declared exception's number and message. Raises SqlError 000904."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.exceptions:
                return scope.exceptions[name]
            scope = scope.outer
        raise undeclared(name)


def type_of(column: ColumnInfo) -> str:
    """Return the type of a result's column as a variable is declared."""
    family = family_of(column.type)
    return f"NUMBER({column.precision or 38},{column.scale or 0})" if family == "NUMBER" else family


def cast(expression: Expr, kind: SqlType) -> Expr:
    """Convert an expression to a declared type."""
    if kind.family == "VARIANT":
        return exp.ToVariant(this=expression)
    return exp.Cast(this=expression, to=exp.DataType.build(kind.declared, dialect="snowflake"))


def literal(variable: Variable) -> Expr:
    """Write a variable's value as a constant of its type."""
    value, kind = variable.value, parse_type(variable.type) if variable.type else None
    if value is None:
        return cast(exp.Null(), kind) if kind is not None else exp.Null()
    plain = _constant(value)
    if kind is None or isinstance(value, bool) or kind.family == "VARCHAR" or _is_integer(value, kind):
        return plain
    if kind.family in _SEMI_STRUCTURED:
        parsed = exp.ParseJSON(this=plain)
        return parsed if kind.family == "VARIANT" else cast(parsed, kind)
    if kind.family == "BINARY":
        return exp.Anonymous(this="TO_BINARY", expressions=[plain, exp.Literal.string("HEX")])
    return cast(plain, kind)


def _is_integer(value: Any, kind: SqlType) -> bool:
    return isinstance(value, int) and kind.family == "NUMBER" and kind.scale == 0


def _constant(value: Any) -> Expr:
    match value:
        case bool():
            return exp.Boolean(this=value)
        case int() | float() | Decimal():
            # abs() would round a Decimal to 28 digits.
            number = exp.Literal.number(str(value.copy_abs() if isinstance(value, Decimal) else abs(value)))
            return exp.Paren(this=exp.Neg(this=number)) if value < 0 else number
        case dt.datetime():
            return exp.Literal.string(value.isoformat(sep=" "))
        case dt.date() | dt.time():
            return exp.Literal.string(value.isoformat())
        case bytes():
            return exp.Literal.string(value.hex())
    return exp.Literal.string(str(value))


def bind(tree: Expr, scope: Scope, bare: bool) -> Expr:
    """Put values in the place of :name and :row.column; of names without a colon too where bare is true.

    A name without a colon inside a query is a column. Raises SqlError 000904 for a name with a colon that is not declared.
    """
    holder = exp.Paren(this=tree.pop())
    for node in list(holder.find_all(exp.Placeholder)):
        if isinstance(node.this, str) and node.this and not node.this.isdigit():
            _bind_placeholder(node, scope)
    if bare:
        for column in list(holder.find_all(exp.Column)):
            if not column.find_ancestor(exp.Query):
                _bind_column(column, scope)
    bound: Expr = holder.this
    return bound


def _bind_placeholder(node: exp.Placeholder, scope: Scope) -> None:
    name = str(node.this).upper()
    found, dot = scope.find(name), node.parent
    if isinstance(found, Row) and isinstance(dot, exp.Dot):
        dot.replace(literal(_column_of(found, name, stored(dot.expression))))
    elif isinstance(found, Variable):
        node.replace(literal(found))
    else:
        raise unbound(name)


def _bind_column(column: exp.Column, scope: Scope) -> None:
    name, owner = stored(column.this), stored(column.args.get("table"))
    found = scope.find(owner or name)
    if owner and isinstance(found, Row):
        column.replace(literal(_column_of(found, owner, name)))
    elif not owner and isinstance(found, Variable):
        column.replace(literal(found))


def _column_of(row: Row, name: str, column: str) -> Variable:
    if column not in row.columns:
        raise undeclared(f"{name}.{column}")
    return row.columns[column]


def bound_text(sql: str, value: Callable[[str], str]) -> str:
    """Put values in the place of :name in a statement's text. value: gives the text for a name in upper case.

    The text is kept: it names the columns of a query, and CALL, SHOW and others have no tree.

    A colon right behind a name or a parenthesis is a path into a VARIANT and stays.
    """
    reader, pieces, copied = Reader(sql), [], 0
    while not reader.at_end():
        token = reader.next()
        free = token.start == 0 or not (sql[token.start - 1].isalnum() or sql[token.start - 1] in "_$)]\"'")
        if token.text == ":" and free and reader.token.kind in ("word", "quoted"):
            named = reader.next()
            name = identifier_value(named)
            if reader.token.text == "." and reader.token.start == named.end:
                reader.next()
                name = f"{name}.{identifier_value(reader.next())}"
            pieces.append(sql[copied : token.start] + value(name))
            copied = reader.token_before(reader.mark()).end
    return "".join(pieces) + sql[copied:]
