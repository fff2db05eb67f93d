"""Answer ALTER SEQUENCE and DESCRIBE SEQUENCE.

See: https://docs.snowflake.com/en/sql-reference/sql/alter-sequence and …/desc-sequence
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from local_stack.endpoint.errors import existing_object, missing_object
from local_stack.endpoint.features.tables.listing import ShowObjects
from local_stack.endpoint.language.names import SchemaName
from local_stack.endpoint.language.quoting import literal, quote_name
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.statements import Result, Statement, unsupported
from local_stack.endpoint.translation.effects import ddl

if TYPE_CHECKING:
    from local_stack.endpoint.session import Session

_FOUND = (
    "SELECT coalesce(last_value + increment_by, start_value), increment_by, comment FROM duckdb_sequences()"
    " WHERE (database_name, schema_name, sequence_name) = (?, ?, ?)"
)


class Sequences:
    """Answer what is asked of a sequence that exists."""

    def handle(self, statement: Statement, session: Session) -> Result:
        reader = Reader(statement.text)
        alters = reader.next().upper == "ALTER"
        reader.expect("SEQUENCE")
        if_exists = alters and reader.accept("IF", "EXISTS")
        name = session.resolve(reader.name())
        with session.lock:
            found = session.duck.execute(_FOUND, [name.database, name.schema, name.name]).fetchall()
            if not found and if_exists:
                return Result.succeeded()
            if not found:
                raise missing_object("Sequence", str(name))
            if not alters:
                reader.expect_end()
                return _described(name, session)
            changed = _Changed(name, *found[0])
            changed.read(reader, session)
            session.transaction.run(*ddl(name), lambda: changed.make(session))
        return Result.succeeded()


def _described(name: SchemaName, session: Session) -> Result:
    schema = f"{quote_name(name.database)}.{quote_name(name.schema)}"
    shown = ShowObjects().handle(Statement(f"SHOW SEQUENCES IN SCHEMA {schema}"), session)
    return Result(shown.columns, [row for row in shown.rows if row[0] == name.name])


class _Changed:
    """Hold a sequence as it is to be. next_value: it stays the next one where the interval changes, as in Snowflake."""

    def __init__(self, name: SchemaName, next_value: int, interval: int, comment: str | None) -> None:
        self._old, self._name, self._renewed = name, name, False
        self._next, self._interval, self._comment = next_value, interval, comment

    def read(self, reader: Reader, session: Session) -> None:
        """Read what follows the name. Raises SqlError."""
        if reader.accept("RENAME", "TO"):
            self._name, self._renewed = session.resolve(reader.name()), True
            session.require_schema(self._name)
            if session.duck.execute(_FOUND, [self._name.database, self._name.schema, self._name.name]).fetchall():
                raise existing_object(str(self._name))
        elif reader.accept("UNSET", "COMMENT"):
            self._comment = None
        else:
            reader.accept("SET")
            while not reader.at_end():
                if reader.accept("INCREMENT"):
                    reader.accept("BY")
                    reader.accept("=")
                    sign = -1 if reader.accept("-") else 1
                    self._interval, self._renewed = sign * reader.integer(), True
                elif reader.accept("COMMENT"):
                    reader.expect("=")
                    self._comment = reader.string()
                elif not reader.accept_any("ORDER", "NOORDER"):
                    raise reader.unexpected()
        reader.expect_end()

    def make(self, session: Session) -> None:
        """Write the comment, and make the sequence anew where more has changed: DuckDB alters none."""
        new = session.quoted(self._name)
        if self._renewed:
            try:
                session.duck.execute(f"DROP SEQUENCE {session.quoted(self._old)}")
            except duckdb.DependencyException:
                raise unsupported("ALTER SEQUENCE where a column's default takes its numbers from it") from None
            bounds = "MINVALUE -9223372036854775808 MAXVALUE 9223372036854775807"
            session.duck.execute(f"CREATE SEQUENCE {new} INCREMENT BY {self._interval} {bounds} START {self._next}")
        session.duck.execute(f"COMMENT ON SEQUENCE {new} IS {literal(self._comment) if self._comment else 'NULL'}")
