"""The grammar of Snowflake Scripting, as far as the endpoint runs it: a block as a tree of statements."""

from __future__ import annotations

from dataclasses import dataclass, field

from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.language.tokens import leading_words
from local_stack.endpoint.language.types import read_type
from local_stack.endpoint.statements import unsupported


@dataclass(frozen=True)
class Let:
    """LET x [type] := expr, a declaration, or x := expr. kind: a type's family, RESULTSET, CURSOR or ''."""

    name: str
    expression: str | None
    kind: str = ""
    declares: bool = True


@dataclass(frozen=True)
class Sql:
    """Any SQL statement; into: variables that take the first row's columns."""

    text: str
    into: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExecuteImmediate:
    expression: str
    using: tuple[str, ...] = ()


@dataclass(frozen=True)
class Return:
    """expression: '' for RETURN without a value; table: RETURN TABLE(…)."""

    expression: str
    table: bool = False


@dataclass(frozen=True)
class Raise:
    name: str = ""


@dataclass(frozen=True)
class Jump:
    """BREAK or CONTINUE."""

    kind: str


@dataclass(frozen=True)
class If:
    """branches: (condition, statements); the condition of ELSE is ''."""

    branches: tuple[tuple[str, tuple[Node, ...]], ...]


@dataclass(frozen=True)
class For:
    """FOR x IN source DO; last: the upper bound when it counts."""

    name: str
    source: str
    last: str | None
    body: tuple[Node, ...]
    reverse: bool = False


@dataclass(frozen=True)
class While:
    """WHILE, REPEAT (until: the condition ends it, checked after the body) and LOOP ('' as condition)."""

    condition: str
    body: tuple[Node, ...]
    until: bool = False


@dataclass(frozen=True)
class Block:
    """handlers: (names of exceptions, OTHER among them, statements)."""

    declarations: tuple[Let, ...]
    body: tuple[Node, ...]
    handlers: tuple[tuple[tuple[str, ...], tuple[Node, ...]], ...] = ()
    exceptions: dict[str, tuple[int, str]] = field(default_factory=dict)


Node = Let | Sql | ExecuteImmediate | Return | Raise | Jump | If | For | While | Block


def is_block(sql: str) -> bool:
    """Whether a statement is a scripting block: DECLARE …, or a BEGIN that is more than the start of a transaction."""
    words = leading_words(sql, 3)
    if words[:1] == ("DECLARE",):
        return True
    return words[:1] == ("BEGIN",) and len(words) > 1 and words[1] not in ("TRANSACTION", "WORK", "NAME", ";")


def parse_block(sql: str) -> Block:
    """The tree of a block's text. Raises SqlError 001003, or 000002 for what is not run here."""
    reader = Reader(sql.strip().rstrip(";"))
    if not (reader.looking_at("BEGIN") or reader.looking_at("DECLARE")):
        return Block((), (_sql(reader),))
    block = _block(reader)
    reader.accept(";")
    reader.expect_end()
    return block


def _block(reader: Reader) -> Block:
    declarations: list[Let] = []
    exceptions: dict[str, tuple[int, str]] = {}
    if reader.accept("DECLARE"):
        while not reader.looking_at("BEGIN"):
            name = reader.identifier()
            if reader.accept("EXCEPTION"):
                exceptions[name] = _exception(reader)
            else:
                declarations.append(_declaration(reader, name))
            reader.expect(";")
    reader.expect("BEGIN")
    body = _statements(reader, "END", "EXCEPTION")
    handlers: list[tuple[tuple[str, ...], tuple[Node, ...]]] = []
    if reader.accept("EXCEPTION"):
        while reader.accept("WHEN"):
            names = [reader.identifier()]
            while reader.accept("OR"):
                names.append(reader.identifier())
            reader.expect("THEN")
            handlers.append((tuple(names), _statements(reader, "WHEN", "END")))
    reader.expect("END")
    return Block(tuple(declarations), body, tuple(handlers), exceptions)


def _exception(reader: Reader) -> tuple[int, str]:
    if not reader.accept("("):
        return -20000, ""
    number = reader.integer()
    message = reader.string() if reader.accept(",") else ""
    reader.expect(")")
    return number, message


def _declaration(reader: Reader, name: str) -> Let:
    if reader.accept("RESULTSET"):
        kind = "RESULTSET"
    elif reader.accept("CURSOR"):
        reader.expect("FOR")
        return Let(name, reader.expression(";"), "CURSOR")
    elif reader.token.text == ":=" or reader.looking_at("DEFAULT"):
        kind = ""
    else:
        kind = read_type(reader).declared
    if reader.accept(":=") or reader.accept("DEFAULT"):
        return Let(name, reader.expression(";"), kind)
    return Let(name, None, kind)


def _statements(reader: Reader, *ends: str) -> tuple[Node, ...]:
    found: list[Node] = []
    while reader.token.upper not in ends:
        if reader.at_end():
            raise reader.unexpected()
        found.append(_statement(reader))
        reader.expect(";")
    return tuple(found)


def _statement(reader: Reader) -> Node:
    if reader.token.kind in ("word", "quoted") and reader.peek().text == ":=":
        name = reader.identifier()
        reader.expect(":=")
        return Let(name, reader.expression(";"), declares=False)
    match reader.token.upper:
        case "LET":
            reader.next()
            return _declaration(reader, reader.identifier())
        case "RETURN":
            reader.next()
            return _return(reader)
        case "IF":
            return _if(reader)
        case "FOR":
            return _for(reader)
        case "WHILE" | "LOOP" | "REPEAT":
            return _loop(reader)
        case "BREAK" | "EXIT" | "CONTINUE" | "ITERATE":
            return Jump("BREAK" if reader.next().upper in ("BREAK", "EXIT") else "CONTINUE")
        case "RAISE":
            reader.next()
            return Raise("" if reader.token.text == ";" else reader.identifier())
        case "EXECUTE" if reader.peek().upper == "IMMEDIATE":
            return _execute_immediate(reader)
        case "BEGIN" if reader.peek().upper not in ("TRANSACTION", ";", "WORK", "NAME"):
            return _block(reader)
        case "DECLARE":
            return _block(reader)
        case "OPEN" | "FETCH" | "CLOSE" | "CASE" | "AWAIT" | "ASYNC" | "CANCEL":
            raise unsupported(f"{reader.token.upper} in a SQL procedure")
    return _sql(reader)


def _return(reader: Reader) -> Return:
    if reader.token.text == ";":
        return Return("")
    if reader.accept("TABLE", "("):
        source = reader.expression(")")
        reader.expect(")")
        return Return(source, table=True)
    return Return(reader.expression(";"))


def _condition(reader: Reader, *until: str) -> str:
    return reader.expression(*until)


def _if(reader: Reader) -> If:
    reader.expect("IF")
    branches: list[tuple[str, tuple[Node, ...]]] = []
    condition = _condition(reader, "THEN")
    while True:
        reader.expect("THEN")
        branches.append((condition, _statements(reader, "ELSEIF", "ELSE", "END")))
        if reader.accept("ELSEIF"):
            condition = _condition(reader, "THEN")
            continue
        if reader.accept("ELSE"):
            branches.append(("", _statements(reader, "END")))
        reader.expect("END", "IF")
        return If(tuple(branches))


def _for(reader: Reader) -> For:
    reader.expect("FOR")
    name = reader.identifier()
    reader.expect("IN")
    reverse = reader.accept("REVERSE")
    source, last = reader.expression("DO", "TO"), None
    if reader.accept("TO"):
        last = reader.expression("DO")
    reader.expect("DO")
    body = _statements(reader, "END")
    reader.expect("END", "FOR")
    return For(name, source, last, body, reverse)


def _loop(reader: Reader) -> While:
    word = reader.next().upper
    condition = ""
    if word == "WHILE":
        condition = reader.expression("DO")
        reader.expect("DO")
    body = _statements(reader, "END", "UNTIL")
    if word == "REPEAT":
        reader.expect("UNTIL")
        condition = reader.expression("END")
    reader.expect("END", word)
    return While(condition, body, until=word == "REPEAT")


def _execute_immediate(reader: Reader) -> ExecuteImmediate:
    reader.expect("EXECUTE", "IMMEDIATE")
    expression = reader.expression(";", "USING")
    using: tuple[str, ...] = ()
    if reader.accept("USING"):
        using = tuple(item.strip() for item in reader.comma_separated())
    return ExecuteImmediate(expression, using)


def _sql(reader: Reader) -> Sql:
    """Up to the semicolon; SELECT … INTO :a, :b and CALL … INTO :a take their variables out of the text."""
    start = reader.mark()
    text = reader.expression(";")
    end = reader.mark()
    reader.back_to(start)
    first = reader.token.upper
    into: list[str] = []
    depth = 0
    cut: tuple[int, int] | None = None
    base = reader.token.start
    while reader.mark() < end and first in ("SELECT", "WITH", "CALL", "EXECUTE"):
        token = reader.next()
        depth += token.text == "("
        depth -= token.text == ")"
        if depth == 0 and token.upper == "INTO" and reader.token.text == ":":
            while reader.accept(":"):
                into.append(reader.identifier())
                if not reader.accept(","):
                    break
            cut = (token.start - base, reader.token_before(reader.mark()).end - base)
            break
    while reader.mark() < end:
        reader.next()
    if cut is not None:
        text = text[: cut[0]] + text[cut[1] :]
    return Sql(text, tuple(into))
