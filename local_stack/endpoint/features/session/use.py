"""USE [DATABASE | SCHEMA] name. (USE ROLE and USE WAREHOUSE are with the account's objects.)"""

from __future__ import annotations

from typing import TYPE_CHECKING

from local_stack.endpoint.errors import no_current_database, nothing_there
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.language.tokens import leading_words
from local_stack.endpoint.statements import Result, Statement

if TYPE_CHECKING:
    from local_stack.endpoint.session import Session


class UseStatements:
    """Answer USE of a database or a schema."""

    def handle(self, statement: Statement, session: Session) -> Result | None:
        words = leading_words(statement.text, 2)
        if words[:1] != ("USE",) or words[1:2] in (("ROLE",), ("WAREHOUSE",), ("SECONDARY",), ("CATALOG",)):
            return None
        if statement.describe_only:
            return Result.status("")
        reader = Reader(statement.text)
        reader.expect("USE")
        kind = reader.accept_any("DATABASE", "SCHEMA")
        parts = reader.name()
        reader.expect_end()
        if kind is None:
            kind = "DATABASE" if len(parts) == 1 else "SCHEMA"
        if len(parts) > (1 if kind == "DATABASE" else 2):
            raise reader.unexpected()
        database = parts[0] if kind == "DATABASE" or len(parts) == 2 else session.database
        if database is None:
            raise no_current_database("USE SCHEMA")
        schema = "PUBLIC" if kind == "DATABASE" else parts[-1]
        if not session.schema_exists(database, "main" if kind == "DATABASE" else schema):
            raise nothing_there()
        session.use(database, schema)
        return Result.succeeded()
