"""Read Snowflake Scripting.

See: https://docs.snowflake.com/en/sql-reference-snowflake-scripting
"""

from __future__ import annotations

from collections.abc import Callable

from local_stack.endpoint.errors import compilation_error
from local_stack.endpoint.features.procedures.scripting.nodes import (
    Assign,
    Block,
    Body,
    Case,
    Close,
    Declare,
    DeclareCursor,
    DeclareResultSet,
    ExecuteImmediate,
    Fetch,
    For,
    Handler,
    If,
    Jump,
    Node,
    Nothing,
    Open,
    Query,
    Raise,
    Return,
    Sql,
    Step,
    While,
)
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.language.tokens import leading_words
from local_stack.endpoint.language.types import read_type
from local_stack.endpoint.statements import unsupported

_TRANSACTION = ("TRANSACTION", "WORK", "NAME", ";")
_TAKES_INTO = ("SELECT", "WITH", "CALL")
_GIVES_ROWS = ("SELECT", "WITH", "EXECUTE", "CALL", "SHOW", "DESCRIBE", "DESC", "LIST", "LS")


def is_block(sql: str) -> bool:
    """Tell whether a statement is a scripting block: DECLARE …, or a BEGIN that is more than the start of a transaction."""
    words = leading_words(sql, 3)
    if words[:1] == ("DECLARE",):
        return True
    return words[:1] == ("BEGIN",) and len(words) > 1 and words[1] not in _TRANSACTION


def parse_block(sql: str) -> Block:
    """Read a block's text, or a single statement. Raises SqlError 001003, or 000002 for what is not run here."""
    reader = Reader(sql.rstrip().rstrip(";"))
    if not (reader.looking_at("BEGIN") or reader.looking_at("DECLARE")):
        return Block((), (_step(reader, _sql),))
    block = _block(reader)
    reader.accept(";")
    reader.expect_end()
    return block


def parse_query(text: str) -> Query | None:
    """Read what a RESULTSET is assigned: (query), (EXECUTE IMMEDIATE …), a CALL, …; None for anything else."""
    reader = Reader(unwrapped(text))
    if reader.looking_at("ASYNC"):
        raise unsupported("ASYNC in a SQL procedure")
    if reader.token.text != "(" and reader.token.upper not in _GIVES_ROWS:
        return None
    query = _execute_immediate(reader) if reader.looking_at("EXECUTE", "IMMEDIATE") else Sql(reader.rest())
    reader.expect_end()
    return query


def unwrapped(text: str) -> str:
    """Take off the parentheses around a whole text."""
    reader = Reader(text)
    while reader.accept("("):
        inner = reader.expression(")")
        reader.expect(")")
        if not reader.at_end():
            break
        text, reader = inner, Reader(inner)
    return text


def _step(reader: Reader, read: Callable[[Reader], Node]) -> Step:
    start = reader.token.start
    line = reader.sql.count("\n", 0, start) + 1
    return Step(read(reader), line, start - (reader.sql.rfind("\n", 0, start) + 1))


def _block(reader: Reader) -> Block:
    declarations: list[Step] = []
    exceptions: dict[str, tuple[int, str]] = {}
    if reader.accept("DECLARE"):
        while not reader.looking_at("BEGIN"):
            if reader.peek().upper == "EXCEPTION":
                name = reader.identifier()
                reader.expect("EXCEPTION")
                exceptions[name] = _exception(reader)
            elif reader.peek().upper == "PROCEDURE":
                raise unsupported("a procedure declared in a block")
            else:
                declarations.append(_step(reader, _declaration))
            reader.expect(";")
    reader.expect("BEGIN")
    body = _statements(reader, "END", "EXCEPTION")
    handlers: list[Handler] = []
    if reader.accept("EXCEPTION"):
        while reader.accept("WHEN"):
            handlers.append(_handler(reader))
        if not handlers:
            raise reader.unexpected()
    reader.expect("END")
    return Block(tuple(declarations), body, tuple(handlers), exceptions)


def _exception(reader: Reader) -> tuple[int, str]:
    """Read (number, 'message'): the number lies between -20999 and -20000."""
    if not reader.accept("("):
        return -20000, ""
    number = reader.integer()
    if not -20999 <= number <= -20000:
        raise compilation_error(f"Invalid error code '{number}'. Must be between -20,999 and -20,000", 2245, "22023")
    message = reader.string() if reader.accept(",") else ""
    reader.expect(")")
    return number, message


def _handler(reader: Reader) -> Handler:
    """Read what follows WHEN. See: https://docs.snowflake.com/en/sql-reference/snowflake-scripting/exception"""
    names = [reader.identifier()]
    while reader.accept("OR"):
        names.append(reader.identifier())
    kind = reader.accept_any("EXIT", "CONTINUE")
    reader.expect("THEN")
    return Handler(tuple(names), _statements(reader, "WHEN", "END"), kind == "CONTINUE")


def _declaration(reader: Reader, needs_value: bool = False) -> Node:
    """Read a name and what it is declared as."""
    name = reader.identifier()
    if reader.accept("CURSOR"):
        reader.expect("FOR")
        return DeclareCursor(name, reader.expression(";"))
    if reader.accept("RESULTSET"):
        given = _value(reader, needs_value)
        query = parse_query(given) if given is not None else None
        if given is not None and query is None:
            raise compilation_error(f"Invalid expression value for RESULTSET '{name}'.", 2140, "42601")
        return DeclareResultSet(name, query)
    typed = not (reader.token.text == ":=" or reader.looking_at("DEFAULT"))
    kind = read_type(reader).declared if typed else ""
    return Declare(name, kind, _value(reader, needs_value))


def _value(reader: Reader, needed: bool) -> str | None:
    if reader.accept(":=") or reader.accept("DEFAULT"):
        return reader.expression(";")
    if needed:
        raise reader.unexpected()
    return None


def _statements(reader: Reader, *ends: str) -> Body:
    found: list[Step] = []
    while reader.token.upper not in ends:
        if reader.at_end():
            raise reader.unexpected()
        found.append(_step(reader, _statement))
        reader.expect(";")
    if not found:
        raise reader.unexpected()
    return tuple(found)


def _statement(reader: Reader) -> Node:
    if reader.token.kind in ("word", "quoted") and reader.peek().text == ":=":
        name = reader.identifier()
        reader.expect(":=")
        return Assign(name, reader.expression(";"))
    if reader.looking_at("EXECUTE", "IMMEDIATE"):
        return _execute_immediate(reader)
    if reader.looking_at("BEGIN") and reader.peek().upper not in _TRANSACTION:
        return _block(reader)
    read = _STATEMENTS.get(reader.token.upper)
    if read is None:
        return _sql(reader)
    reader.next()
    return read(reader)


def _let(reader: Reader) -> Node:
    return _declaration(reader, needs_value=True)


def _inner_block(reader: Reader) -> Node:
    reader.back_to(reader.mark() - 1)
    return _block(reader)


def _nothing(_: Reader) -> Node:
    return Nothing()


def _raise(reader: Reader) -> Node:
    return Raise("" if reader.token.text == ";" else reader.identifier())


def _jump(kind: str) -> Callable[[Reader], Node]:
    return lambda reader: Jump(kind, _label(reader))


def _label(reader: Reader) -> str:
    return "" if reader.token.text == ";" else reader.identifier()


def _refused(reader: Reader) -> Node:
    raise unsupported(f"{reader.token_before(reader.mark()).upper} in a SQL procedure")


def _return(reader: Reader) -> Node:
    if reader.token.text == ";":
        return Return("")
    if reader.accept("TABLE", "("):
        source = reader.expression(")")
        reader.expect(")")
        return Return(source, table=True)
    return Return(reader.expression(";"))


def _condition(reader: Reader, *ends: str) -> str:
    """Read a condition, which stands in parentheses. See: https://docs.snowflake.com/en/sql-reference/snowflake-scripting/if"""
    if not reader.looking_at("("):
        raise reader.unexpected()
    return reader.expression(*ends)


def _if(reader: Reader) -> Node:
    branches: list[tuple[str, Body]] = []
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


def _case(reader: Reader) -> Node:
    """Read what follows CASE. See: https://docs.snowflake.com/en/sql-reference/snowflake-scripting/case"""
    operand = "" if reader.looking_at("WHEN") else reader.expression("WHEN")
    branches: list[tuple[str, Body]] = []
    while reader.accept("WHEN"):
        value = reader.expression("THEN")
        reader.expect("THEN")
        branches.append((value, _statements(reader, "WHEN", "ELSE", "END")))
    if not branches:
        raise reader.unexpected()
    if reader.accept("ELSE"):
        branches.append(("", _statements(reader, "END")))
    reader.expect("END")
    reader.accept("CASE")
    return Case(operand, tuple(branches))


def _for(reader: Reader) -> Node:
    """Read what follows FOR: over rows it names a cursor or a RESULTSET, a query of its own is no grammar.

    See: https://docs.snowflake.com/en/sql-reference/snowflake-scripting/for
    """
    name = reader.identifier()
    reader.expect("IN")
    reverse, no_name = reader.accept("REVERSE"), reader.unexpected()
    source, last = reader.expression("DO", "LOOP", "TO"), None
    if reader.accept("TO"):
        last = reader.expression("DO", "LOOP")
    elif "(" in source:
        raise no_name
    body = _loop_body(reader, "FOR")
    return For(name, source, last, body, reverse, _label(reader))


def _while(reader: Reader) -> Node:
    condition = _condition(reader, "DO", "LOOP")
    body = _loop_body(reader, "WHILE")
    return While(condition, body, label=_label(reader))


def _loop_body(reader: Reader, word: str) -> Body:
    """Read DO … END word or LOOP … END LOOP."""
    opened = reader.accept_any("DO", "LOOP")
    body = _statements(reader, "END")
    reader.expect("END", "LOOP" if opened == "LOOP" else word)
    return body


def _repeat(reader: Reader) -> Node:
    body = _statements(reader, "UNTIL")
    reader.expect("UNTIL")
    condition = _condition(reader, "END")
    reader.expect("END", "REPEAT")
    return While(condition, body, until=True, label=_label(reader))


def _loop(reader: Reader) -> Node:
    body = _statements(reader, "END")
    reader.expect("END", "LOOP")
    return While("", body, label=_label(reader))


def _open(reader: Reader) -> Node:
    name = reader.identifier()
    return Open(name, _using(reader))


def _using(reader: Reader) -> tuple[str, ...]:
    """Read USING (a, b): names of variables, with a colon or without."""
    if not reader.accept("USING"):
        return ()
    return tuple(_variable(Reader(item)) for item in reader.comma_separated())


def _variable(reader: Reader) -> str:
    reader.accept(":")
    name = reader.identifier()
    reader.expect_end()
    return name


def _fetch(reader: Reader) -> Node:
    name = reader.identifier()
    reader.expect("INTO")
    return Fetch(name, _targets(reader))


def _targets(reader: Reader) -> tuple[str, ...]:
    """Read :a, :b. The colons may be left out: schemachange's demo of Snowflake Scripting does for SELECT … INTO."""
    names = [_target(reader)]
    while reader.accept(","):
        names.append(_target(reader))
    return tuple(names)


def _target(reader: Reader) -> str:
    reader.accept(":")
    return reader.identifier()


def _close(reader: Reader) -> Node:
    return Close(reader.identifier())


def _execute_immediate(reader: Reader) -> ExecuteImmediate:
    reader.expect("EXECUTE", "IMMEDIATE")
    if reader.looking_at("FROM"):
        raise unsupported("EXECUTE IMMEDIATE FROM")
    expression = reader.expression(";", "USING", ")")
    return ExecuteImmediate(expression, _using(reader))


def _sql(reader: Reader) -> Sql:
    """Read up to the semicolon. SELECT … INTO :a, :b and CALL … INTO :a take their variables out of the text."""
    if reader.token.upper not in _TAKES_INTO:
        return Sql(reader.expression(";", ")"))
    into: tuple[str, ...] = ()
    before, after = reader.expression(";", ")", "INTO"), ""
    if reader.accept("INTO"):
        into = _targets(reader)
        if not (reader.at_end() or reader.token.text in (";", ")")):
            after = reader.expression(";", ")")
    return Sql(f"{before} {after}".rstrip(), into)


_STATEMENTS: dict[str, Callable[[Reader], Node]] = {
    "LET": _let,
    "RETURN": _return,
    "IF": _if,
    "CASE": _case,
    "FOR": _for,
    "WHILE": _while,
    "REPEAT": _repeat,
    "LOOP": _loop,
    "BREAK": _jump("BREAK"),
    "EXIT": _jump("BREAK"),
    "CONTINUE": _jump("CONTINUE"),
    "ITERATE": _jump("CONTINUE"),
    "RAISE": _raise,
    "DECLARE": _inner_block,
    "OPEN": _open,
    "FETCH": _fetch,
    "CLOSE": _close,
    "NULL": _nothing,
    "ASYNC": _refused,
    "AWAIT": _refused,
    "CANCEL": _refused,
}
