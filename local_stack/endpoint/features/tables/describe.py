"""Answer DESCRIBE {TABLE | VIEW}."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local_stack.endpoint.engine.engine import INFORMATION_SCHEMA, information_schema_view
from local_stack.endpoint.features.tables.columns import columns_of
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.statements import Column, Result, Statement, unsupported

if TYPE_CHECKING:
    from local_stack.endpoint.session import Session

_NAMES = (
    "name", "type", "kind", "null?", "default", "primary key", "unique key", "check", "expression", "comment",
    "policy name", "privacy domain",
)  # fmt: skip


class DescribeTable:
    """Answer DESCRIBE {TABLE | VIEW} name."""

    def handle(self, statement: Statement, session: Session) -> Result:
        reader = Reader(statement.text)
        reader.next()
        reader.accept_any("TABLE", "VIEW")
        parts = reader.name()
        if reader.accept("TYPE"):
            raise unsupported("DESCRIBE TABLE TYPE = …")
        reader.expect_end()
        name = session.resolve(parts)
        if name.schema == INFORMATION_SCHEMA:
            name = information_schema_view(name)
        policies = session.catalog.get("COLUMN POLICIES", name.database, name.schema, name.name)
        rows = [
            [
                column.name,
                column.snowflake_type,
                "COLUMN",
                "Y" if column.nullable else "N",
                column.shown_default,
                "Y" if column.primary_key else "N",
                "Y" if column.unique_key else "N",
                None,
                None,
                column.comment,
                (policies.definition if policies else {}).get(column.name),
                None,
            ]
            for column in columns_of(session, name)
        ]
        return Result(tuple(Column(n) for n in _NAMES), rows)
