"""Answer the definitions of tables and views that the engine cannot run as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local_stack.endpoint.features.tables.alter import alter
from local_stack.endpoint.features.tables.comments import comment_on
from local_stack.endpoint.features.tables.create import create
from local_stack.endpoint.features.tables.drop import drop, truncate, undrop
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.language.subject import subject
from local_stack.endpoint.statements import Result, Statement

if TYPE_CHECKING:
    from local_stack.endpoint.session import Session


class Tables:
    """Answer CREATE, ALTER, DROP, UNDROP, TRUNCATE and COMMENT of tables and views."""

    def handle(self, statement: Statement, session: Session) -> Result | Statement | None:
        about = subject(statement.text)
        kind = about.words[0] if about.words else ""
        if statement.describe_only:
            return None
        reader = Reader(statement.text)
        if about.verb == "COMMENT":
            return comment_on(reader, session)
        reader.next()
        match about.verb, kind:
            case "CREATE", "TABLE":
                return create(reader, statement, session)
            case "TRUNCATE", _:
                return truncate(reader, statement, session)
        while reader.token.upper != kind:
            reader.next()  # SECURE
        reader.expect(kind)
        match about.verb, kind:
            case "DROP", _:
                return drop(reader, kind, session)
            case "UNDROP", "TABLE":
                return undrop(reader, session)
            case "ALTER", _:
                return alter(reader, kind, session)
        return None
