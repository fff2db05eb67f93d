"""Parsing, and what a statement does to the open transaction."""

from __future__ import annotations

import re

import sqlglot
from sqlglot import Expr, exp

from local_stack.endpoint.sql_text import map_code
from local_stack.endpoint.statements import SqlError
from local_stack.endpoint.transactions import Effect

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


def classify(expression: Expr, database: str | None, schema: str | None) -> tuple[Effect, tuple[str, ...]]:
    """The statement's effect and the full names of the tables it changes."""
    match expression:
        case exp.Insert() | exp.Copy() | exp.MultitableInserts():
            if expression.args.get("overwrite"):
                return Effect.CHANGE, _names(expression.this, database, schema)
            return Effect.APPEND, ()
        case exp.Update() | exp.Delete() | exp.Merge():
            return Effect.CHANGE, _names(expression.this, database, schema)
        case exp.TruncateTable():
            return Effect.CHANGE, tuple(n for t in expression.expressions for n in _names(t, database, schema))
        case exp.Create() | exp.Drop() | exp.Alter() | exp.Comment():
            if isinstance(expression, exp.Alter) and expression.args.get("kind") == "SESSION":
                return Effect.READ, ()
            return Effect.DDL, _names(expression.this, database, schema)
        case exp.Command() if str(expression.this).upper() in ("CREATE", "ALTER", "DROP", "UNDROP"):
            return Effect.DDL, ()
    return Effect.READ, ()


def _names(target: Expr | None, database: str | None, schema: str | None) -> tuple[str, ...]:
    table = target if isinstance(target, exp.Table) else target.find(exp.Table) if isinstance(target, Expr) else None
    if table is None:
        return ()
    parts = (table.catalog or database or "", table.db or schema or "", table.name)
    return (".".join(part.upper() for part in parts),)
