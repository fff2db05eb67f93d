"""Answer ALTER SESSION SET/UNSET and SHOW PARAMETERS, and apply the parameters that change how statements run.

TIMEZONE is DuckDB's session time zone too (default UTC here; Snowflake's accounts start with America/Los_Angeles).
AUTOCOMMIT changes the transaction. The others are kept and shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from local_stack.endpoint.features.show import read_filters
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.parameters import PARAMETERS
from local_stack.endpoint.statements import Column, Result, Statement

if TYPE_CHECKING:
    from local_stack.endpoint.session import Session


class SessionParameters:
    """Answer statements about session parameters."""

    def handle(self, statement: Statement, session: Session) -> Result:
        reader = Reader(statement.text)
        if reader.accept("ALTER", "SESSION"):
            return self._alter(reader, session)
        return self._show(reader, statement.parameters, session)

    def _alter(self, reader: Reader, session: Session) -> Result:
        if reader.accept("UNSET"):
            while True:
                name = reader.identifier()
                session.unset_parameter(name)
                if not reader.accept(","):
                    break
            reader.expect_end()
            return Result.succeeded()
        reader.expect("SET")
        while not reader.at_end():
            name = reader.identifier()
            reader.expect("=")
            session.set_parameter(name, _value(reader))
            reader.accept(",")
        return Result.succeeded()

    def _show(self, reader: Reader, given: Mapping[str, str], session: Session) -> Result:
        reader.expect("SHOW", "PARAMETERS")
        like = reader.string() if reader.accept("LIKE") else None
        if reader.accept("IN") or reader.accept("FOR"):
            while not reader.at_end() and reader.token.upper not in ("LIKE", "STARTS", "LIMIT"):
                reader.next()
        filters = read_filters(reader, like)
        reader.expect_end()
        rows = [
            [
                name,
                session.parameter(name, given),
                parameter.default,
                "SESSION" if name in session.parameters or name in given else "",
                parameter.description,
                parameter.type,
            ]
            for name, parameter in sorted(PARAMETERS.items())
        ]
        columns = ("key", "value", "default", "level", "description", "type")
        return Result(tuple(Column(name) for name in columns), filters.apply(rows, itemgetter(0)))


def _value(reader: Reader) -> Any:
    if reader.token.kind in ("string", "dollar"):
        return reader.string()
    if reader.token.upper in ("TRUE", "FALSE"):
        return reader.boolean()
    if reader.token.kind == "number" or reader.token.text == "-":
        return reader.integer()
    return reader.identifier()
