"""Answer DROP, UNDROP and TRUNCATE of tables and views.

A dropped table is kept for UNDROP, but a temporary one is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from local_stack.endpoint.engine.load_history import forget_loads
from local_stack.endpoint.errors import existing_object, missing_object
from local_stack.endpoint.features.tables import retention
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.statements import Result, Statement
from local_stack.endpoint.translation.effects import ddl

if TYPE_CHECKING:
    from local_stack.endpoint.session import Session


def drop(reader: Reader, kind: str, session: Session) -> Result:
    """Answer DROP {TABLE | VIEW} [IF EXISTS] name [CASCADE | RESTRICT]."""
    if_exists = reader.accept("IF", "EXISTS")
    name = session.resolve(reader.name())
    reader.accept_any("CASCADE", "RESTRICT")
    reader.expect_end()
    with session.lock:
        physical = session.physical_table(name)
        if session.relation_kind(physical) != kind:
            if if_exists:
                session.transaction.commit()
                return Result.was_dropped(name.name)
            raise missing_object(kind, str(name))

        def run() -> None:
            temporary = physical != name
            record = retention.keep_table(session, name) if kind == "TABLE" and not temporary else None
            session.duck.execute(f"DROP {kind} {session.quoted(physical)}")
            if record:
                retention.remember_table(session, name, record)
                forget_loads(session.duck, name.database, name.schema, name.name)
            session.notes.forget(name, temporary)
            session.temporary_tables.pop((name.database, name.schema, name.name), None)

        session.transaction.run(*ddl(name), run)
    return Result.dropped(name.name)


def undrop(reader: Reader, session: Session) -> Result:
    """Answer UNDROP TABLE name."""
    name = session.resolve(reader.name())
    reader.expect_end()
    with session.lock:
        if session.relation_kind(name):
            raise existing_object(str(name))
        session.transaction.run(*ddl(name), lambda: retention.restore_table(session, name))
    return Result.status(f"Table {name.name} successfully restored.")


def truncate(reader: Reader, statement: Statement, session: Session) -> Result | Statement | None:
    """Answer TRUNCATE TABLE IF EXISTS. A TRUNCATE without IF EXISTS goes on to the engine."""
    reader.accept("TABLE")
    if not reader.accept("IF", "EXISTS"):
        return None
    name = session.resolve(reader.name())
    with session.lock:
        if session.relation_kind(session.physical_table(name)) is None:
            return Result.succeeded()
    return statement.with_text(f"TRUNCATE TABLE {name}")
