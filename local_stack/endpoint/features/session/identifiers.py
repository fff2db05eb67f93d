"""Put names and values in the place of variables: `IDENTIFIER('…' | $x | ?)` everywhere, `$x` outside queries.

The text is changed, because what comes next reads it: names decide which family answers.

A name that a literal, a variable or a bind value gives is written into the statement before anything else reads it, so that every
statement that names an object takes it. Variables in queries, DML and views stay: they are values of the tree (see
translation/variables.py). What stands in strings, comments, quoted names and bodies is left alone.
See: https://docs.snowflake.com/en/sql-reference/identifier-literal
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from local_stack.endpoint.engine.bindings import Bind, to_python
from local_stack.endpoint.errors import compilation_error
from local_stack.endpoint.language.quoting import quote_name, string_value
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.language.subject import QUERY, Subject, subject
from local_stack.endpoint.language.tokens import Token, tokenize
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import SqlError, Statement

Batch = Sequence[tuple[Bind, ...]]
# Blocks run their statements one by one; PUT and GET name files of the client; SET evaluates a query.
_LEFT_ALONE = frozenset({"BEGIN", "DECLARE", "PUT", "GET", "SET", "UNSET"})
_WITH_BODY = frozenset({"PROCEDURE", "FUNCTION", "TASK", "ALERT", "POLICY"})


@dataclass(frozen=True)
class _Piece:
    """Replace the text between two positions. bind: the number of the bind value that is used up."""

    start: int
    end: int
    text: str
    bind: int | None = None


def resolve_names(statement: Statement, batch: Batch, session: Session) -> tuple[Statement, Batch]:
    """Return the statement with its variable names (and, outside queries, variable values) written in. Raises SqlError."""
    upper = statement.text.upper()
    if not any(sign in upper for sign in ("$", "IDENTIFIER", "TABLE", "..")):
        return statement, batch
    about = subject(statement.text)
    if about.verb in _LEFT_ALONE:
        return statement, batch
    tokens = tokenize(statement.text).read
    given = batch[0] if batch else statement.binds
    named = tokens[: _end(about, tokens)]
    pieces = [*_pieces(named, _keeps_values(about), given, session), *_public(named)]
    pieces.sort(key=lambda piece: piece.start)
    if not pieces:
        return statement, batch
    used = {piece.bind for piece in pieces if piece.bind is not None}
    if any(row[number] != given[number] for row in batch for number in used):
        raise SqlError("Unsupported feature 'IDENTIFIER(?) with several names in one batch'.", 2, "0A000")
    binds = _without(statement.binds, used)
    return replace(statement, text=_written(statement.text, pieces), binds=binds), [_without(r, used) for r in batch]


def _without(row: tuple[Bind, ...], used: set[int]) -> tuple[Bind, ...]:
    return tuple(bind for number, bind in enumerate(row) if number not in used)


def _written(text: str, pieces: list[_Piece]) -> str:
    written, copied = "", 0
    for piece in pieces:
        written += text[copied : piece.start] + piece.text
        copied = piece.end
    return written + text[copied:]


def _keeps_values(about: Subject) -> bool:
    """Return whether the statement is translated as a tree, where `$x` is a value."""
    return about.verb in (QUERY, "EXPLAIN") or (about.verb == "CREATE" and about.words[:1] in (("TABLE",), ("VIEW",)))


def _end(about: Subject, tokens: Sequence[Token]) -> int:
    """Return where the names end and a body begins: what is stored as text means what it means when it runs."""
    if about.verb not in ("CREATE", "ALTER") or not _WITH_BODY & set(about.words[:3]):
        return len(tokens)
    for index, token in enumerate(tokens):
        if token.upper in ("AS", "WHEN", "->") or (token.upper == "IF" and tokens[index + 1].text == "("):
            return index
    return len(tokens)


def _public(tokens: Sequence[Token]) -> Iterator[_Piece]:
    """Name the schema PUBLIC in `database..table`.

    See: https://docs.snowflake.com/en/sql-reference/name-resolution (double-dot notation)
    """
    for before, first, second in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if first.text == second.text == "." and before.kind in ("word", "quoted") and before.end == first.start:
            yield _Piece(first.end, first.end, "PUBLIC")


def _pieces(tokens: Sequence[Token], keeps_values: bool, binds: Sequence[Bind], session: Session) -> Iterator[_Piece]:
    position, bound = 0, 0
    while position < len(tokens):
        token = tokens[position]
        named = _named(tokens, position)
        if named is not None:
            last, value, is_bind = named
            if not is_bind or bound < len(binds):
                text = str(to_python(binds[bound])) if is_bind else _value(value, session)
                yield _Piece(token.start, tokens[last].end, _name(text), bound if is_bind else None)
                position, bound = last + 1, bound + is_bind
                continue
        if _is_variable(tokens, position) and not keeps_values:
            name = tokens[position + 1]
            yield _Piece(token.start, name.end, _literal(session.variables[name.text].literal))
            position += 1
        bound += token.text == "?"
        position += 1


def _named(tokens: Sequence[Token], position: int) -> tuple[int, str, bool] | None:
    """Read IDENTIFIER(…) or TABLE(…) of one constant. Return the last token's index, the constant, whether it is a bind."""
    if tokens[position].upper not in ("IDENTIFIER", "TABLE") or position + 3 >= len(tokens):
        return None
    if tokens[position + 1].text != "(":
        return None
    inner = tokens[position + 2]
    if _is_variable(tokens, position + 2) and position + 4 < len(tokens) and tokens[position + 4].text == ")":
        return position + 4, "$" + tokens[position + 3].text, False
    if tokens[position + 3].text != ")":
        return None
    if inner.kind == "string" or inner.text == "?":
        return position + 3, inner.text, inner.text == "?"
    return None


def _is_variable(tokens: Sequence[Token], position: int) -> bool:
    """Return whether `$name` stands here; `$1` is a column."""
    if tokens[position].text != "$" or position + 1 >= len(tokens):
        return False
    name = tokens[position + 1]
    return name.kind == "word" and name.start == tokens[position].end


def _value(constant: str, session: Session) -> str:
    if not constant.startswith("$"):
        return string_value(constant)
    return str(session.variables[constant[1:]].value)


def _literal(text: str) -> str:
    """Write a number so that a negative one after a minus does not become a comment."""
    return f" {text}" if text.startswith("-") else text


def _name(text: str) -> str:
    try:
        reader = Reader(text)
        parts = reader.name()
        reader.expect_end()
    except SqlError:
        raise compilation_error(f"Invalid identifier '{text}'.", 1003, "42000") from None
    return ".".join(quote_name(part) for part in parts)
