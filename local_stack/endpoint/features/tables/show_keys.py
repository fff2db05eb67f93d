"""Answer SHOW PRIMARY KEYS, UNIQUE KEYS and IMPORTED KEYS from the notes of tables.

See: https://docs.snowflake.com/en/sql-reference/sql/show-primary-keys
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local_stack.endpoint.engine.table_notes import NOTE
from local_stack.endpoint.features.show import Scope
from local_stack.endpoint.features.tables.keys import Key, referenced_columns
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.statements import Column, Result, Statement

if TYPE_CHECKING:
    from local_stack.endpoint.session import Session

_OWN = (
    "created_on", "database_name", "schema_name", "table_name", "column_name", "key_sequence", "constraint_name", "rely",
    "comment",
)  # fmt: skip
_IMPORTED = (
    "created_on", "pk_database_name", "pk_schema_name", "pk_table_name", "pk_column_name", "fk_database_name",
    "fk_schema_name", "fk_table_name", "fk_column_name", "key_sequence", "update_rule", "delete_rule", "fk_name",
    "pk_name", "deferrability", "rely", "comment",
)  # fmt: skip
_KINDS = {"PRIMARY": "PRIMARY KEY", "UNIQUE": "UNIQUE", "IMPORTED": "FOREIGN KEY"}
_TYPES = {"created_on": "TIMESTAMP_LTZ", "key_sequence": "FIXED"}


class ShowKeys:
    """Answer SHOW {PRIMARY | UNIQUE | IMPORTED} KEYS."""

    def handle(self, statement: Statement, session: Session) -> Result | None:
        reader = Reader(statement.text)
        reader.expect("SHOW")
        reader.accept("TERSE")
        kind = _KINDS[reader.next().upper]
        reader.expect("KEYS")
        table = None
        if reader.looking_at("IN") and reader.peek().upper not in ("ACCOUNT", "DATABASE", "SCHEMA"):
            reader.next()
            reader.accept("TABLE")
            table = session.resolve(reader.name())
            reader.expect_end()
            database, schema = table.database, table.schema
        else:
            scope = Scope.read(reader, session)
            database, schema = scope.database, scope.schema  # type: ignore[assignment]
        rows = [
            row
            for stored in session.catalog.objects(NOTE, database, schema)
            if table is None or stored.name == table.name
            for key in stored.definition.get("keys", [])
            if key["kind"] == kind
            for row in _rows(session, (stored.database, stored.schema, stored.name), stored.created_on, key)
        ]
        names = _IMPORTED if kind == "FOREIGN KEY" else _OWN
        return Result(tuple(Column(name, _TYPES.get(name, "TEXT")) for name in names), rows)  # type: ignore[arg-type]


def _rows(session: Session, table: tuple[str, str, str], created: Any, key: Key) -> list[list[Any]]:
    rely = "true" if key["rely"] else "false"
    if key["kind"] != "FOREIGN KEY":
        return [
            [created, *table, column, position, key["name"], rely, None]
            for position, column in enumerate(key["columns"], 1)
        ]
    others = session.notes.of(tuple(key["references"])).get("keys", [])
    primary = next((other["name"] for other in others if other["kind"] == "PRIMARY KEY"), None)
    pairs = zip(referenced_columns(session, key), key["columns"], strict=False)
    return [
        [
            created, *key["references"], there, *table, here, position, key["rules"]["UPDATE"], key["rules"]["DELETE"],
            key["name"], primary, "NOT DEFERRABLE", rely, None,
        ]
        for position, (there, here) in enumerate(pairs, 1)
    ]  # fmt: skip
