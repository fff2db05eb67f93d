"""SYSTEM$ functions that the endpoint itself answers: each call in a statement is replaced by its value."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from local_stack.endpoint.language.quoting import quote_string
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import unsupported

Function = Callable[[Session, list[str]], str | None]
Binds = tuple[tuple[str, str | None], ...]


def substitute(
    sql: str, session: Session, functions: Mapping[str, Function], binds: Binds = ()
) -> tuple[str, Binds] | None:
    """Return the SQL with each call of these functions replaced by its value, and the binds that remain; None where it has none.

    Arguments must be literals or binds.
    """
    reader = Reader(sql)
    pieces: list[str] = []
    copied = bound = 0
    used: set[int] = set()
    while not reader.at_end():
        token = reader.next()
        if token.text == "?":
            bound += 1
        if token.upper not in functions or reader.token.text != "(":
            continue
        arguments: list[str] = []
        reader.expect("(")
        while not reader.accept(")"):
            if arguments:
                reader.expect(",")
            if reader.token.text == "?" and bound < len(binds):
                reader.next()
                arguments.append(str(binds[bound][1] or ""))
                used.add(bound)
                bound += 1
            elif reader.token.kind in ("string", "dollar"):
                arguments.append(reader.string())
            elif reader.token.kind == "number":
                arguments.append(reader.next().text)
            else:
                raise unsupported(f"{token.upper} with an argument that is no literal")
            if reader.accept("::"):
                reader.identifier()
        value = functions[token.upper](session, arguments)
        pieces.append(sql[copied : token.start] + ("NULL::VARCHAR" if value is None else quote_string(value)))
        copied = reader.token_before(reader.mark()).end
    if not pieces:
        return None
    return "".join(pieces) + sql[copied:], tuple(bind for i, bind in enumerate(binds) if i not in used)
