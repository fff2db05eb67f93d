"""The grammar of CALL, alone or after WITH … AS PROCEDURE, and of TABLE(procedure(…)) in a query."""

from __future__ import annotations

from dataclasses import dataclass

from local_stack.endpoint.errors import compilation_error
from local_stack.endpoint.features.procedures.create import read_parameters, read_routine
from local_stack.endpoint.features.procedures.definition import Routine
from local_stack.endpoint.language.quoting import identifier_value
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.statements import SqlError

Binds = tuple[tuple[str, str | None], ...]


@dataclass(frozen=True)
class Argument:
    """expression: SQL text; name: of a named argument; bind_count: `?` placeholders inside; position: in the statement."""

    expression: str
    name: str | None = None
    first_bind: int = 0
    bind_count: int = 0


@dataclass(frozen=True)
class Call:
    """anonymous: the procedure that the statement itself defines. into: the variable of CALL … INTO :x."""

    name: tuple[str, ...]
    arguments: tuple[Argument, ...]
    anonymous: Routine | None = None
    into: str | None = None


def parse_call(sql: str, binds: Binds = ()) -> Call | None:
    """CALL …, CALL IDENTIFIER({'…' | ?})(…), or WITH p AS PROCEDURE … CALL p(…); None for any other statement."""
    reader = Reader(sql)
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
    called, bound = _called(reader, binds)
    arguments = read_arguments(reader, bound)
    into = None
    if reader.accept("INTO"):
        reader.expect(":")
        into = reader.identifier()
    reader.expect_end()
    return Call(called, arguments, anonymous, into)


def _called(reader: Reader, binds: Binds) -> tuple[tuple[str, ...], int]:
    """Return the procedure's name, and how many binds it took."""
    if not (reader.looking_at("IDENTIFIER") and reader.peek().text == "("):
        return reader.name(), 0
    reader.next()
    reader.expect("(")
    if reader.accept("?"):
        if not binds:
            raise compilation_error("Bind variable ? not set.", 2049, "42601")
        text, bound = str(binds[0][1] or ""), 1
    else:
        text, bound = reader.string(), 0
    reader.expect(")")
    named = Reader(text)
    parts = named.name()
    named.expect_end()
    return parts, bound


def read_arguments(reader: Reader, bound_before: int = 0) -> tuple[Argument, ...]:
    """(a, b) or (x => a, y => b): all positional or all named, as Snowflake demands."""
    reader.expect("(")
    arguments: list[Argument] = []
    bound = bound_before
    while not reader.accept(")"):
        if arguments:
            reader.expect(",")
        name = None
        if reader.token.kind in ("word", "quoted") and reader.peek().text == "=>":
            name = identifier_value(reader.next())
            reader.expect("=>")
        is_query = reader.looking_at("SELECT") or reader.looking_at("WITH")
        expression = reader.expression(*(")",) if is_query else (",", ")"))
        expression = f"({expression})" if is_query else expression
        binds = _symbols(expression).count("?")
        arguments.append(Argument(expression, name, bound, binds))
        bound += binds
    named = [a.name for a in arguments if a.name is not None]
    if named and len(named) != len(arguments):
        raise _mixed()
    if len(set(named)) != len(named):
        raise compilation_error(f"Duplicate argument name in {named}.", 1003, "42000")
    return tuple(arguments)


def _symbols(expression: str) -> list[str]:
    reader = Reader(expression)
    found = []
    while not reader.at_end():
        found.append(reader.next().text)
    return found


def _mixed() -> SqlError:
    return compilation_error("Positional and named arguments cannot be mixed: name all of them or none.", 1003, "42000")
