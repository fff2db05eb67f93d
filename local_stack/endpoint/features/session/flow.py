"""Run statements that are chained by the flow operator: each may read the results of those before it as $1, $2, …

See: https://docs.snowflake.com/en/sql-reference/operators-flow
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from sqlglot.tokenizer_core import Token, TokenType

from local_stack.endpoint.errors import compilation_error
from local_stack.endpoint.language.quoting import quote_string
from local_stack.endpoint.language.text import count_placeholders
from local_stack.endpoint.language.tokens import tokenize
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import Statement, unsupported

_OPERATOR = "->>"
_BEFORE_SOURCES = (TokenType.FROM, TokenType.JOIN)


def flowed(statement: Statement, session: Session) -> Statement:
    """Run all statements of a chain but the last, and return that one with the results that it reads."""
    if _OPERATOR not in statement.text:
        return statement
    *earlier, last = _parts(statement)
    if earlier and statement.describe_only:
        raise unsupported(f"the columns of statements chained by {_OPERATOR}")
    results: list[str] = []
    for part in earlier:
        session.run(_reading(part, results))
        results.append(session.query_ids[-1])
    return _reading(last, results)


def _parts(statement: Statement) -> Iterator[Statement]:
    """Divide a chain. Each statement takes as many of the binds as it has places for."""
    text, binds, start = statement.text, statement.binds, 0
    ends = [token for token in tokenize(text).parsed if token.token_type == TokenType.DARROW]
    for end in [*((token.start, token.end + 1) for token in ends), (len(text), len(text))]:
        part = text[start : end[0]].strip()
        if ends and not part:
            raise compilation_error(
                f"syntax error line 1 at position {end[0]} unexpected '{_OPERATOR}'.", 1003, "42000"
            )
        taken, start = count_placeholders(part) if ends else len(binds), end[1]
        yield Statement(part, binds[:taken], statement.describe_only, statement.parameters, statement.inlined)
        binds = binds[taken:]


def _reading(statement: Statement, results: Sequence[str]) -> Statement:
    """Let `FROM $1` read the result of the statement before this one, `FROM $2` that of the one before that."""
    text = statement.text
    tokens: Sequence[Token] = tokenize(text).parsed if results else ()
    for before, (mark, number) in reversed(list(zip(tokens, pairwise(tokens[1:]), strict=False))):
        if mark.token_type != TokenType.PARAMETER or before.token_type not in _BEFORE_SOURCES:
            continue
        if number.text.isdigit() and 1 <= int(number.text) <= len(results):
            scan = f"TABLE(RESULT_SCAN({quote_string(results[-int(number.text)])}))"
            text = text[: mark.start] + scan + text[number.end + 1 :]
    return statement.with_text(text)
