"""Read Snowflake statements token by token.

Used for the statements that no SQL library parses faithfully (CREATE PROCEDURE, tasks, account objects): a `Reader`
walks the tokens, and whatever it does not expect is the syntax error that Snowflake would report, by line and position.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from local_stack.endpoint.language.quoting import identifier_value, string_value
from local_stack.endpoint.language.tokens import Token, syntax_error, tokenize
from local_stack.endpoint.statements import SqlError


class Reader:
    """Stand at a position in a statement's tokens."""

    def __init__(self, sql: str, tokens: Sequence[Token] | None = None) -> None:
        self.sql = sql
        self._tokens = tokens if tokens is not None else tokenize(sql).read
        self._index = 0

    @property
    def token(self) -> Token:
        return self._tokens[self._index]

    def peek(self, ahead: int = 1) -> Token:
        return self._tokens[min(self._index + ahead, len(self._tokens) - 1)]

    def at_end(self) -> bool:
        return self.token.kind == "end"

    def next(self) -> Token:
        token = self.token
        if token.kind != "end":
            self._index += 1
        return token

    def mark(self) -> int:
        return self._index

    def token_before(self, mark: int) -> Token:
        """Return the token just before a mark."""
        return self._tokens[mark - 1]

    def back_to(self, mark: int) -> None:
        self._index = mark

    def looking_at(self, *words: str) -> bool:
        return all(self.peek(i).upper == word for i, word in enumerate(words))

    def accept(self, *words: str) -> bool:
        """Consume these keywords or symbols, in order, if all of them are next."""
        if not self.looking_at(*words):
            return False
        self._index += len(words)
        return True

    def accept_any(self, *words: str) -> str | None:
        """Consume one of these keywords; which one."""
        return self.next().upper if self.token.upper in words else None

    def expect(self, *words: str) -> None:
        for word in words:
            if not self.accept(word):
                raise self.unexpected()

    def unexpected(self, token: Token | None = None) -> SqlError:
        return syntax_error(self.sql, token or self.token)

    def expect_end(self) -> None:
        if not self.at_end():
            raise self.unexpected()

    def identifier(self) -> str:
        """Read one identifier, as stored."""
        if self.token.kind not in ("word", "quoted"):
            raise self.unexpected()
        return identifier_value(self.next())

    def name(self) -> tuple[str, ...]:
        """Read a name of one to three parts, or IDENTIFIER('…') of one."""
        if self.looking_at("IDENTIFIER", "("):
            self.accept("IDENTIFIER", "(")
            inner = Reader(self.string())
            self.expect(")")
            parts = inner.name()
            inner.expect_end()
            return parts
        parts = (self.identifier(),)
        while self.accept("."):
            parts = (*parts, self.identifier())
        if len(parts) > 3:
            raise self.unexpected()
        return parts

    def string(self) -> str:
        """Read a string literal's value."""
        if self.token.kind not in ("string", "dollar"):
            raise self.unexpected()
        return string_value(self.next().text)

    def integer(self) -> int:
        negative = self.accept("-")
        if self.token.kind != "number" or not self.token.text.isdigit():
            raise self.unexpected()
        value = int(self.next().text)
        return -value if negative else value

    def boolean(self) -> bool:
        word = self.accept_any("TRUE", "FALSE")
        if word is None:
            raise self.unexpected()
        return word == "TRUE"

    def comma_separated(self) -> list[str]:
        """Read the texts of a parenthesised list's items: `(a, f(b, c))` gives ['a', 'f(b, c)']."""
        return [reader.expression(",", ")") for reader in self.items()]

    def items(self) -> Iterator[Reader]:
        """Yield the reader at each item of a parenthesised list, which may have none."""
        self.expect("(")
        if self.accept(")"):
            return
        yield self
        while not self.accept(")"):
            self.expect(",")
            yield self

    def expression(self, *until: str) -> str:
        """Read the text up to one of these words or symbols outside parentheses, which is not consumed; at least one token."""
        start, depth, last = self.token, 0, self.token
        while not self.at_end() and not (depth == 0 and self.token.upper in until):
            if self.token.text in ("(", "["):
                depth += 1
            elif self.token.text in (")", "]"):
                depth -= 1
                if depth < 0:
                    raise self.unexpected()
            last = self.next()
        if self.token is start or depth:
            raise self.unexpected()
        return self.sql[start.start : last.end]

    def rest(self) -> str:
        """Read everything from the current token on."""
        text = self.sql[self.token.start : tokenize(self.sql).end].rstrip()
        self._index = len(self._tokens) - 1
        return text
