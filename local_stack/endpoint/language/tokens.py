"""Split a Snowflake statement into tokens, with Snowflake's own errors."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from local_stack.endpoint.statements import SqlError

TokenKind = Literal["word", "quoted", "string", "dollar", "number", "symbol", "end"]

_TOKEN = re.compile(
    r"""
    (?P<skip>\s+|--[^\n]*|//[^\n]*|/\*.*?\*/)
  | (?P<dollar>\$\$.*?\$\$)
  | (?P<string>'(?:[^'\\]|\\.|'')*')
  | (?P<quoted>"(?:[^"]|"")*")
  | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
  | (?P<word>[^\W\d][\w$]*)
  | (?P<symbol>=>|::|\|\||<=|>=|<>|!=|:=|->>|->|.)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Token:
    """kind, its text as written, and where it starts and ends in the statement."""

    kind: TokenKind
    text: str
    start: int
    end: int

    @property
    def upper(self) -> str:
        """The keyword, for words; the text as written for everything else (a quoted identifier is no keyword)."""
        return self.text.upper() if self.kind == "word" else self.text


def tokenize(sql: str) -> list[Token]:
    """The tokens of a statement, comments and white space left out, an 'end' token last."""
    tokens: list[Token] = []
    position = 0
    while position < len(sql):
        match = _TOKEN.match(sql, position)
        if match is None:  # unreachable: `.` matches anything
            raise SqlError(f"SQL compilation error:\nparse error near position {position}.", 1003, "42000")
        kind = match.lastgroup
        if kind == "symbol" and match.group() in "'\"":
            raise syntax_error(sql, Token("symbol", match.group(), position, position + 1))
        if kind != "skip":
            tokens.append(Token(kind, match.group(), match.start(), match.end()))  # type: ignore[arg-type]
        position = match.end()
    tokens.append(Token("end", "<EOF>", len(sql), len(sql)))
    return tokens


def syntax_error(sql: str, token: Token) -> SqlError:
    """Snowflake's message for an unexpected token."""
    line = sql.count("\n", 0, token.start) + 1
    column = token.start - (sql.rfind("\n", 0, token.start) + 1)
    return SqlError(
        f"SQL compilation error:\nsyntax error line {line} at position {column} unexpected '{token.text}'.",
        1003,
        "42000",
    )


def leading_words(sql: str, count: int = 6) -> tuple[str, ...]:
    """The statement's first keywords, without tokenizing all of it (a body may be long)."""
    words: list[str] = []
    position = 0
    while len(words) < count and position < len(sql):
        match = _TOKEN.match(sql, position)
        if match is None:
            break
        if match.lastgroup == "word":
            words.append(match.group().upper())
        elif match.lastgroup != "skip":
            words.append(match.group())
        position = match.end()
    return tuple(words)
