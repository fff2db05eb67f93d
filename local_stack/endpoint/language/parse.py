"""Parse one statement to sqlglot's Snowflake tree."""

from __future__ import annotations

import re

import sqlglot
from sqlglot import Expr, exp

from local_stack.endpoint.language.text import map_code
from local_stack.endpoint.statements import SqlError

_BEGIN = re.compile(r"(BEGIN(\s+(WORK|TRANSACTION))?|START\s+TRANSACTION)(\s+NAME\s+\w+)?", re.IGNORECASE)

# SCOPED (Snowpark's), LOCAL, GLOBAL and VOLATILE temporary objects are temporary ones.
_TEMPORARY = re.compile(
    r"^(\s*CREATE\s+)(OR\s+REPLACE\s+)?(?:(?:SCOPED|LOCAL|GLOBAL)\s+TEMP(?:ORARY)?|VOLATILE)\s+", re.IGNORECASE
)


def parse(text: str) -> Expr:
    """One statement's tree. Raises ParseError, or SqlError when there is no statement or more than one."""
    bare = text.strip().rstrip(";").strip()
    if _BEGIN.fullmatch(bare):
        return exp.Transaction()
    # sqlglot reads `?::` as one operator
    text = map_code(text, lambda code: code.replace("?::", "? ::"))
    text = _TEMPORARY.sub(lambda m: f"{m[1]}{m[2] or ''}TEMPORARY ", text)
    statements = [
        s for s in sqlglot.parse(text, read="snowflake") if s is not None and not isinstance(s, exp.Semicolon)
    ]
    if not statements:
        raise SqlError("SQL compilation error:\nEmpty SQL statement.", errno=900, sqlstate="42601")
    if len(statements) > 1:
        raise SqlError(
            f"Actual statement count {len(statements)} did not match the desired statement count 1.", 8, "0A000"
        )
    (statement,) = statements
    # Where a name or a value stood is asked by nobody; copying it made up half the time of copying a tree.
    for leaf in statement.find_all(exp.Identifier, exp.Literal):
        leaf._meta = None
    return statement
