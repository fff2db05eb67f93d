"""Name the columns of queries as Snowflake does: a column without an alias is called by its text, in upper case.

`SELECT a + 1, Upper( "b" )` has the columns `A + 1` and `UPPER( "B" )`. DuckDB would name them after what the rewrites
made of them. This runs ahead of every rewrite, while the tree still is what the statement says.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import Expr, exp
from sqlglot.tokenizer_core import Token, TokenType

from local_stack.endpoint.language.tokens import tokenize

_OPENING = frozenset({TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE})
_CLOSING = frozenset({TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE})
# What may stand between SELECT and its first column.
_BEFORE_COLUMNS = frozenset({TokenType.DISTINCT, TokenType.ALL})
# What ends the list of columns, in parentheses of its own depth.
_AFTER_COLUMNS = frozenset(
    {
        TokenType.FROM, TokenType.WHERE, TokenType.GROUP_BY, TokenType.HAVING, TokenType.QUALIFY, TokenType.ORDER_BY,
        TokenType.LIMIT, TokenType.FETCH, TokenType.OFFSET, TokenType.UNION, TokenType.EXCEPT, TokenType.INTERSECT,
        TokenType.INTO, TokenType.SEMICOLON, TokenType.WINDOW,
    }
)  # fmt: skip
_FIRST = ("with_", "expressions", "from_", "laterals", "joins")  # in which a SELECT's parts are written


def column_names(expression: Expr, sql: str) -> Expr:
    """Give every unnamed column of every query in the statement its name. sql: what the tree was parsed from."""
    selects = list(_in_written_order(expression))
    texts = _written(sql) if selects else []
    if len(texts) != len(selects):
        texts = [[] for _ in selects]
    for select, written in zip(selects, texts, strict=True):
        _name(select, written if len(written) == len(select.expressions) else None)
    return expression


def _name(select: exp.Select, written: list[str] | None) -> None:
    for position, column in enumerate(list(select.expressions)):
        if isinstance(column, exp.Alias | exp.Aliases | exp.Star | exp.Column) or column.find(exp.Star) is column:
            continue
        text = written[position] if written else column.sql(dialect="snowflake")
        named = exp.Alias(alias=exp.to_identifier(text.upper(), quoted=True))
        column.replace(named)
        named.set("this", column)


def _in_written_order(node: Expr) -> Iterator[exp.Select]:
    """Yield the queries below a node, in the order of their SELECT keywords."""
    if isinstance(node, exp.Select):
        parts = [*_FIRST, *(name for name in node.args if name not in _FIRST)]
        # `WITH a AS (SELECT …) SELECT …`: the queries of the WITH are written first.
        for value in _values(node, parts[:1]):
            yield from _in_written_order(value)
        yield node
        for value in _values(node, parts[1:]):
            yield from _in_written_order(value)
        return
    parts = sorted(node.args, key=lambda name: name not in ("with_", "this"))
    if "with_" in parts:
        parts = ["with_", *(name for name in parts if name != "with_")]
    for value in _values(node, parts):
        yield from _in_written_order(value)


def _values(node: Expr, names: list[str]) -> Iterator[Expr]:
    for name in names:
        value = node.args.get(name)
        for item in value if isinstance(value, list) else (value,):
            if isinstance(item, Expr):
                yield item


def _written(sql: str) -> list[list[str]]:
    """Return the texts of the columns of each SELECT of a statement, in the order in which the SELECTs are written."""
    tokens = tokenize(sql).parsed
    return [
        [sql[first.start : last.end + 1] for first, last in _columns(tokens, position + 1)]
        for position, token in enumerate(tokens)
        if token.token_type == TokenType.SELECT
    ]


def _columns(tokens: tuple[Token, ...], position: int) -> Iterator[tuple[Token, Token]]:
    """Yield the first and the last token of each column of the SELECT whose list begins at a position."""
    if position < len(tokens) and tokens[position].token_type in _BEFORE_COLUMNS:
        position += 1
    if position < len(tokens) and tokens[position].text.upper() == "TOP":
        position += 2
    start, depth = position, 0
    while position < len(tokens):
        kind = tokens[position].token_type
        if depth == 0 and (kind in _AFTER_COLUMNS or kind in _CLOSING):
            break
        depth += (kind in _OPENING) - (kind in _CLOSING)
        if depth == 0 and kind == TokenType.COMMA:
            if start < position:
                yield tokens[start], tokens[position - 1]
            start = position + 1
        position += 1
    if start < position:
        yield tokens[start], tokens[position - 1]
