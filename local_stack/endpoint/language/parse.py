"""Parse one statement to sqlglot's Snowflake tree, from the tokens that all share."""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise

from sqlglot import Expr, exp
from sqlglot.dialects.snowflake import Snowflake
from sqlglot.helper import seq_get
from sqlglot.tokenizer_core import Token, TokenType

from local_stack.endpoint.errors import compilation_error
from local_stack.endpoint.language.quoting import string_value
from local_stack.endpoint.language.tokens import tokenize
from local_stack.endpoint.statements import SqlError

# What marks a name as that of a function of the account.
OWN = "\x1f"
# The note on a tree whose statement says COPY TAGS.
COPY_TAGS = "copy tags"
_BUILT_IN = frozenset({*Snowflake.Parser.FUNCTIONS, *Snowflake.Parser.FUNCTION_PARSERS})
# sqlglot leaves its second argument out.
Snowflake.Parser.FUNCTIONS["TRY_PARSE_JSON"] = lambda arguments: exp.ParseJSON(
    this=seq_get(arguments, 0), expression=seq_get(arguments, 1), safe=True
)
# times.py reads the formats; sqlglot knows fewer elements.
for _name in ("TO_CHAR", "TO_VARCHAR"):
    Snowflake.Parser.FUNCTIONS[_name] = lambda arguments: exp.ToChar(
        this=seq_get(arguments, 0), format=seq_get(arguments, 1)
    )
_NAME_PARTS = 5  # of `a.b.c`, points included
# SCOPED (Snowpark's), LOCAL, GLOBAL and VOLATILE temporary objects are temporary ones.
_SCOPES = ("SCOPED", "LOCAL", "GLOBAL")
# Behind these no value begins: a `?` there is a mistake, not the colon of a path.
_ENDS_VALUE = frozenset(
    {
        TokenType.VAR, TokenType.IDENTIFIER, TokenType.STRING, TokenType.NUMBER, TokenType.R_PAREN, TokenType.R_BRACKET,
        TokenType.PLACEHOLDER,
    }
)  # fmt: skip


def parse(sql: str, own: Collection[str] = ()) -> Expr:
    """Return one statement's tree. Raises ParseError, or SqlError when there is no statement or more than one.

    own: names of the account's functions that sqlglot would take for other databases' built-in ones.
    """
    tokens, copies_tags = list(tokenize(sql).parsed), False
    if own:
        tokens = _marked(tokens, own)
    if _begins_transaction(tokens):
        return exp.Transaction()
    if tokens and tokens[0].text.upper() == "CREATE":
        whole = len(tokens)
        tokens = _without_copy_tags(tokens)
        copies_tags = len(tokens) < whole
        tokens = _exists_before_name(_without_scope(tokens))
    if tokens and tokens[0].text.upper() == "MERGE":
        tokens = _by_name(tokens)
    tokens = _numbered([_unescaped(token, sql) for token in tokens])
    statements = [s for s in Snowflake().parser().parse(tokens, sql) if s and not isinstance(s, exp.Semicolon)]
    if not statements:
        raise SqlError("SQL compilation error:\nEmpty SQL statement.", errno=900, sqlstate="42601")
    if len(statements) > 1:
        raise SqlError(
            f"Actual statement count {len(statements)} did not match the desired statement count 1.", 8, "0A000"
        )
    (statement,) = statements
    if "DUAL" in sql.upper():
        _replace_dual(statement)
    if copies_tags:
        statement.meta[COPY_TAGS] = True
    # Where a name or a value stood is asked by nobody; copying it made up half the time of copying a tree.
    for leaf in statement.find_all(exp.Identifier, exp.Literal):
        leaf._meta = None
    return statement


def _replace_dual(statement: Expr) -> None:
    """Make a query of DUAL, which is a table of one row everywhere."""
    names = {named.alias.upper() for named in statement.find_all(exp.CTE)}
    for table in list(statement.find_all(exp.Table)):
        is_meant = table.name.upper() == "DUAL" and not table.args.get("db") and "DUAL" not in names
        if is_meant and isinstance(table.parent, exp.From | exp.Join):
            table.replace(exp.select("'X' AS dummy").subquery(table.args.get("alias") or "DUAL"))


def parse_value(text: str) -> Expr:
    """Return the tree of an expression; a query needs no parentheses of its own."""
    values = parse(f"SELECT ({text})").expressions
    if len(values) != 1 or isinstance(values[0], exp.Tuple):
        raise compilation_error(f"syntax error line 1 at position 0 unexpected ',' in '{text}'.", 1003, "42000")
    value: Expr = values[0]
    return value


def mistaken(sql: str, names: Collection[str]) -> frozenset[str]:
    """Return which functions of the account a statement may call whose names sqlglot has for other databases' functions."""
    known = [name for name in names if name in _BUILT_IN]
    return frozenset(known and {token.text.upper() for token in tokenize(sql).parsed}.intersection(known))


def _marked(tokens: list[Token], own: Collection[str]) -> list[Token]:
    """Give the calls of functions a name that no built-in function has."""
    followed = zip(tokens, [*tokens[1:], None], strict=False)
    return [
        _changed(token, TokenType.VAR, token.text + OWN)
        if token.text.upper() in own and following and following.token_type == TokenType.L_PAREN
        else token
        for token, following in followed
    ]


def _begins_transaction(tokens: list[Token]) -> bool:
    """BEGIN [WORK | TRANSACTION] [NAME n] or START TRANSACTION [NAME n].

    See: https://docs.snowflake.com/en/sql-reference/sql/begin
    """
    words = [token.text.upper() for token in tokens]
    if words[:2] in (["BEGIN", "WORK"], ["BEGIN", "TRANSACTION"], ["START", "TRANSACTION"]):
        rest = words[2:]
    elif words[:1] == ["BEGIN"]:
        rest = words[1:]
    else:
        return False
    return not rest or (rest[0] == "NAME" and len(rest) == 2)


def _without_scope(tokens: list[Token]) -> list[Token]:
    """`CREATE SCOPED TEMPORARY` and `CREATE VOLATILE` as `CREATE TEMPORARY`."""
    for index, token in enumerate(tokens[:4]):
        word, following = token.text.upper(), tokens[index + 1 : index + 2]
        if word in _SCOPES and following and following[0].token_type == TokenType.TEMPORARY:
            return tokens[:index] + tokens[index + 1 :]
        if word == "VOLATILE":
            return [*tokens[:index], _changed(token, TokenType.TEMPORARY, "TEMPORARY"), *tokens[index + 1 :]]
    return tokens


def _without_copy_tags(tokens: list[Token]) -> list[Token]:
    """Leave COPY TAGS out of the head of CREATE TABLE and CREATE VIEW, which sqlglot does not know."""
    depth = 0
    for index, (token, following) in enumerate(pairwise(tokens)):
        depth += {TokenType.L_PAREN: 1, TokenType.R_PAREN: -1}.get(token.token_type, 0)
        if depth == 0 and token.token_type == TokenType.ALIAS:
            break
        if depth == 0 and (token.text.upper(), following.text.upper()) == ("COPY", "TAGS"):
            return tokens[:index] + tokens[index + 2 :]
    return tokens


def _by_name(tokens: list[Token]) -> list[Token]:
    """Write `UPDATE ALL BY NAME` as `UPDATE SET *`, and `INSERT ALL BY NAME` as `INSERT *`, which sqlglot knows.

    See: https://docs.snowflake.com/en/sql-reference/sql/merge
    """
    words, found, at = [token.text.upper() for token in tokens], [], 0
    while at < len(tokens):
        found.append(tokens[at])
        if words[at] in ("UPDATE", "INSERT") and words[at + 1 : at + 4] == ["ALL", "BY", "NAME"]:
            if words[at] == "UPDATE":
                found.append(_changed(tokens[at + 1], TokenType.SET, "SET"))
            found.append(_changed(tokens[at + 3], TokenType.STAR, "*"))
            at += 3
        at += 1
    return found


def _exists_before_name(tokens: list[Token]) -> list[Token]:
    """`CREATE TABLE t IF NOT EXISTS` as `CREATE TABLE IF NOT EXISTS t`: Snowflake takes both, Snowpark writes the first."""
    words = [token.text.upper() for token in tokens[: 7 + _NAME_PARTS]]
    if "TABLE" not in words or "IF" not in words:
        return tokens
    name, exists = words.index("TABLE") + 1, words.index("IF")
    is_late = name < exists and words[exists : exists + 3] == ["IF", "NOT", "EXISTS"] and "(" not in words[:exists]
    if not is_late:
        return tokens
    return [*tokens[:name], *tokens[exists : exists + 3], *tokens[name:exists], *tokens[exists + 3 :]]


def _numbered(tokens: list[Token]) -> list[Token]:
    """Write every `?` as :1, :2, …, so that it keeps its value where a rewrite moves, copies or drops it."""
    if not any(token.token_type == TokenType.PLACEHOLDER for token in tokens):
        return tokens
    found: list[Token] = []
    number = 0
    for before, token in zip([None, *tokens], tokens, strict=False):
        if token.token_type == TokenType.PLACEHOLDER and not (before and before.token_type in _ENDS_VALUE):
            number += 1
            found += [_changed(token, TokenType.COLON, ":"), _changed(token, TokenType.NUMBER, str(number))]
        else:
            found.append(token)
    return found


def _unescaped(token: Token, sql: str) -> Token:
    r"""Give a string its value where it has an escape that sqlglot's tokenizer leaves alone (\x41, \u0041, \0).

    See: https://docs.snowflake.com/en/sql-reference/data-types-text#escape-sequences-in-single-quoted-string-constants
    """
    if token.token_type != TokenType.STRING:
        return token
    written = sql[token.start : token.end + 1]
    return _changed(token, TokenType.STRING, string_value(written)) if "\\" in written else token


def _changed(token: Token, kind: TokenType, text: str) -> Token:
    return Token(kind, text, token.line, token.col, token.start, token.end, token.comments)
