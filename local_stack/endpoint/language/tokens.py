"""Split a Snowflake statement into tokens, once: sqlglot's tokenizer for its parser and for our readers alike."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, ClassVar, Literal

from sqlglot.dialects.snowflake import Snowflake
from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import Token as ParserToken
from sqlglot.tokenizer_core import TokenType

from local_stack.endpoint.statements import SqlError

TokenKind = Literal["word", "quoted", "string", "dollar", "number", "symbol", "end"]

_KINDS: dict[TokenType, TokenKind] = {
    TokenType.STRING: "string",
    TokenType.RAW_STRING: "dollar",
    TokenType.IDENTIFIER: "quoted",
    TokenType.NUMBER: "number",
}
_PIECES = re.compile(r"\S+")
_PREFIXED = re.compile(r"(\w+)('.*)", re.DOTALL)
# Whatever is whole; what remains of a quote after that was never closed.
_CLOSED = re.compile(r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"]|\"\")*\"|\$\$.*?\$\$|--[^\n]*|//[^\n]*|/\*.*?\*/", re.DOTALL)
_MOVES_FILES = re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/)*(?:PUT|GET|LIST|LS|REMOVE|RM)\s", re.IGNORECASE | re.DOTALL)
_LOCATION = re.compile(r"(?<!\S)(?:file://|@)[^\s'\"]+", re.IGNORECASE)
_OPENED = re.compile(r"['\"]|\$\$|/\*")


class _Tokenizer(Snowflake.Tokenizer):
    """Split as Snowflake's tokenizer does, also what follows CALL, EXECUTE, …, and `?` before `::`."""

    COMMANDS: ClassVar[set[TokenType]] = set()
    KEYWORDS: ClassVar[dict[str, TokenType]] = {
        word: kind for word, kind in Snowflake.Tokenizer.KEYWORDS.items() if word != "?::"
    }


@dataclass(frozen=True)
class Token:
    """Hold a token's kind, its text as written, and where it starts and ends in the statement."""

    kind: TokenKind
    text: str
    start: int
    end: int

    @property
    def upper(self) -> str:
        """Return the keyword, for words; the text as written for everything else (a quoted identifier is no keyword)."""
        return self.text.upper() if self.kind == "word" else self.text


@dataclass(frozen=True)
class Tokens:
    """Hold a statement's tokens without comments and final semicolons.

    parsed: sqlglot's, for its parser. end: where the statement ends, ahead of final semicolons.
    """

    sql: str
    end: int
    parsed: tuple[ParserToken, ...]

    @cached_property
    def read(self) -> tuple[Token, ...]:
        """Return a token for each word, for readers, an 'end' token last."""
        end = self.parsed[-1].end + 1 if self.parsed else len(self.sql)
        return (*(token for one in self.parsed for token in _read(self.sql, one)), Token("end", "<EOF>", end, end))


@lru_cache(maxsize=256)
def tokenize(sql: str) -> Tokens:
    """Return the tokens of a statement. Raises SqlError 001003 for a quote or a comment that is not closed."""
    # A bare file:///tmp/*.csv or @stage//a is one word; a tokenizer would find comments in it.
    text = _LOCATION.sub(lambda bare: "_" * len(bare[0]), sql) if _MOVES_FILES.match(sql) else sql
    try:
        parsed = list(_Tokenizer(dialect="snowflake").tokenize(text))
    except TokenError:
        raise _not_closed(sql) from None
    end = len(sql)
    while parsed and parsed[-1].token_type == TokenType.SEMICOLON:
        end = parsed.pop().start
    return Tokens(sql, end, tuple(parsed))


def _read(sql: str, token: Any) -> Iterator[Token]:
    """Return a parser's token as a reader's; several where it holds several words (PRIMARY KEY) or a prefix (x'…')."""
    start, text = token.start, sql[token.start : token.end + 1]
    if kind := _KINDS.get(token.token_type):
        yield Token(kind, text, start, token.end + 1)
    elif text.endswith("'") and (prefixed := _PREFIXED.fullmatch(text)):
        middle = start + prefixed.end(1)
        yield Token("word", prefixed[1], start, middle)
        yield Token("string", prefixed[2], middle, token.end + 1)
    elif text[0].isalpha() or text[0] == "_":
        for piece in _PIECES.finditer(text):
            yield Token("word", piece[0], start + piece.start(), start + piece.end())
    else:
        yield Token("symbol", text, start, token.end + 1)


def _not_closed(sql: str) -> SqlError:
    opened = _OPENED.search(_CLOSED.sub(lambda whole: " " * len(whole[0]), sql))
    start = opened.start() if opened else len(sql)
    return syntax_error(sql, Token("symbol", opened[0] if opened else "<EOF>", start, start + 1))


def syntax_error(sql: str, token: Token) -> SqlError:
    """Return Snowflake's message for an unexpected token."""
    line = sql.count("\n", 0, token.start) + 1
    column = token.start - (sql.rfind("\n", 0, token.start) + 1)
    return SqlError(
        f"SQL compilation error:\nsyntax error line {line} at position {column} unexpected '{token.text}'.",
        1003,
        "42000",
    )


def leading_words(sql: str, count: int = 6) -> tuple[str, ...]:
    """Return the first keywords and symbols of a statement, words in upper case."""
    first = (token for one in tokenize(sql).parsed[:count] for token in _read(sql, one))
    return tuple(token.upper for token, _ in zip(first, range(count), strict=False))
