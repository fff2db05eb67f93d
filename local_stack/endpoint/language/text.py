"""Find what a statement's text is made of, by its tokens."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from sqlglot.tokenizer_core import TokenType

from local_stack.endpoint.language.tokens import tokenize


def count_placeholders(sql: str) -> int:
    """Return the number of `?` outside strings, names and comments."""
    return sum(token.token_type == TokenType.PLACEHOLDER for token in tokenize(sql).parsed)


def with_literals(sql: str, literals: Iterator[str]) -> str:
    """Write a literal in the place of each `?`."""
    pieces, copied = [], 0
    for token in tokenize(sql).parsed:
        if token.token_type == TokenType.PLACEHOLDER:
            pieces += [sql[copied : token.start], next(literals)]
            copied = token.end + 1
    return "".join(pieces) + sql[copied:]


def numbered(sql: str) -> str:
    """Write each `?` as :1, :2, …, so that it keeps its value where a part of the statement runs by itself."""
    return with_literals(sql, (f":{number}" for number in itertools.count(1)))


def statements(sql: str) -> list[str]:
    """Return the statements of a text, at the semicolons outside strings, names, comments and $$ bodies."""
    tokens = tokenize(sql)
    ends = [token.start for token in tokens.parsed if token.token_type == TokenType.SEMICOLON]
    texts = [sql[start:end] for start, end in zip([0, *(end + 1 for end in ends)], [*ends, tokens.end], strict=True)]
    return [text.strip() for text in texts if tokenize(text).parsed]
