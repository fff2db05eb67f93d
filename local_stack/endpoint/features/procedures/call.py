"""Read CALL, alone or after WITH … AS PROCEDURE, and the arguments of a call in a query."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlglot import Expr, exp

from local_stack.endpoint.errors import compilation_error
from local_stack.endpoint.features.procedures.create import read_parameters, read_routine
from local_stack.endpoint.features.procedures.definition import Routine
from local_stack.endpoint.language.names import stored
from local_stack.endpoint.language.quoting import identifier_value
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.language.text import numbered

Binds = tuple[tuple[str, str | None], ...]


@dataclass(frozen=True)
class Argument:
    """Hold an argument. expression: SQL text, its binds as :1, :2, …; name: of a named argument; tree: of one in a query."""

    expression: str
    name: str | None = None
    tree: Expr | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Call:
    """Hold a call. anonymous: the procedure that the statement itself defines. into: the variable of CALL … INTO :x."""

    name: tuple[str, ...]
    arguments: tuple[Argument, ...]
    anonymous: Routine | None = None
    into: str | None = None


def parse_call(sql: str, binds: Binds = ()) -> Call | None:
    """CALL …, CALL IDENTIFIER({'…' | ?})(…), or WITH p AS PROCEDURE … CALL p(…); None for any other statement."""
    reader = Reader(numbered(sql))
    anonymous = None
    if reader.accept("WITH"):
        if reader.token.kind not in ("word", "quoted"):
            return None
        name = reader.identifier()
        if not reader.accept("AS", "PROCEDURE"):
            return None
        anonymous = read_routine(reader, "PROCEDURE", name, read_parameters(reader))
    if not reader.accept("CALL"):
        if anonymous is not None:
            raise reader.unexpected()
        return None
    called = _called(reader, binds)
    arguments = _read_arguments(reader)
    into = None
    if reader.accept("INTO"):
        reader.expect(":")
        into = reader.identifier()
    reader.expect_end()
    return Call(called, arguments, anonymous, into)


def _called(reader: Reader, binds: Binds) -> tuple[str, ...]:
    """Read the procedure's name."""
    if not (reader.looking_at("IDENTIFIER") and reader.peek().text == "("):
        return reader.name()
    reader.next()
    reader.expect("(")
    if reader.accept(":"):
        number = reader.integer()
        if number > len(binds):
            raise compilation_error("Bind variable ? not set.", 2049, "42601")
        text = str(binds[number - 1][1] or "")
    else:
        text = reader.string()
    reader.expect(")")
    named = Reader(text)
    parts = named.name()
    named.expect_end()
    return parts


def _read_arguments(reader: Reader) -> tuple[Argument, ...]:
    """Read (a, b) or (x => a, y => b)."""
    arguments: list[Argument] = []
    for _ in reader.items():
        name = None
        if reader.token.kind in ("word", "quoted") and reader.peek().text == "=>":
            name = identifier_value(reader.next())
            reader.expect("=>")
        is_query = reader.looking_at("SELECT") or reader.looking_at("WITH")
        expression = reader.expression(*(")",) if is_query else (",", ")"))
        arguments.append(Argument(f"({expression})" if is_query else expression, name))
    return _checked(arguments)


def arguments_of(call: exp.Anonymous) -> tuple[Argument, ...]:
    """Return the arguments of a call in a query."""
    arguments = []
    for item in call.expressions:
        value = item.expression if isinstance(item, exp.Kwarg) else item
        tree = value.subquery() if isinstance(value, exp.Select | exp.SetOperation) else value
        name = stored(item.this) if isinstance(item, exp.Kwarg) else None
        arguments.append(Argument(tree.sql(dialect="snowflake"), name, tree))
    return _checked(arguments)


def _checked(arguments: list[Argument]) -> tuple[Argument, ...]:
    """Return the arguments. Raises SqlError unless all or none of them are named."""
    named = [a.name for a in arguments if a.name is not None]
    if named and len(named) != len(arguments):
        message = "Positional and named arguments cannot be mixed: name all of them or none."
        raise compilation_error(message, 1003, "42000")
    if len(set(named)) != len(named):
        raise compilation_error(f"Duplicate argument name in {named}.", 1003, "42000")
    return tuple(arguments)
