"""SELECT … FROM TABLE(procedure(…)): the procedure runs first, the query reads its rows."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from local_stack.endpoint.errors import compilation_error
from local_stack.endpoint.features.procedures.call import Call, read_arguments
from local_stack.endpoint.features.procedures.definition import Routine
from local_stack.endpoint.language.quoting import quote_name
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.statements import SqlError, Statement

_MENTION = re.compile(
    r"\bTABLE\s*\(\s*(?!VALUES|RESULT_SCAN|FLATTEN|GENERATOR|INFORMATION_SCHEMA)[\w\"$.]+\s*\(", re.IGNORECASE
)


def expand(statement: Statement, run: Callable[[Call, Statement], Statement | None]) -> Statement | None:
    """Return the statement with each TABLE(p(…)) replaced by the query that `run` gives for the call; None without one.

    run: gives None for a name that is no procedure.
    """
    if not _MENTION.search(statement.text):
        return None
    reader = Reader(statement.text)
    pieces: list[str] = []
    copied = bound = 0
    used: set[int] = set()
    while not reader.at_end():
        token = reader.next()
        bound += token.text == "?"
        if token.upper != "TABLE" or reader.token.text != "(":
            continue
        mark = reader.mark()
        call = _call(reader, bound)
        query = run(call, statement) if call is not None else None
        if call is None or query is None:
            reader.back_to(mark)
            continue
        binds = sum(argument.bind_count for argument in call.arguments)
        used.update(range(bound, bound + binds))
        bound += binds
        pieces.append(statement.text[copied : token.start] + f"({query.text})")
        copied = reader.token_before(reader.mark()).end
    if not pieces:
        return None
    kept = tuple(bind for i, bind in enumerate(statement.binds) if i not in used)
    return replace(statement, text="".join(pieces) + statement.text[copied:], binds=kept)


def _call(reader: Reader, bound: int) -> Call | None:
    """p(…)) after TABLE(; None for what is no call."""
    reader.expect("(")
    try:
        name = reader.name()
        if reader.token.text != "(":
            return None
        arguments = read_arguments(reader, bound)
        reader.expect(")")
    except SqlError:
        return None
    return Call(name, arguments)


def check_static(routine: Routine) -> None:
    """Only a procedure whose RETURNS TABLE names its columns can be called in a query. Raises SqlError."""
    if not routine.is_table or not routine.columns:
        raise compilation_error(
            f"Stored procedure {routine.name} cannot be called in the FROM clause: it needs RETURNS TABLE with columns.",
            2141,
            "42601",
        )


def empty_rows(routine: Routine) -> Statement:
    """Return the columns without rows, for a client that only asks for them."""
    columns = ", ".join(f"NULL::{kind} AS {quote_name(name)}" for name, kind in routine.columns)
    return Statement(f"SELECT {columns} WHERE FALSE")
