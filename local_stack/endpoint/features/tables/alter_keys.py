"""Answer ALTER TABLE … ADD, DROP and RENAME of constraints.

See: https://docs.snowflake.com/en/sql-reference/sql/alter-table (constraintAction)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from local_stack.endpoint.errors import compilation_error, invalid_identifier
from local_stack.endpoint.features.tables.columns import columns_of
from local_stack.endpoint.features.tables.keys import Key, take_keys
from local_stack.endpoint.language.names import SchemaName
from local_stack.endpoint.language.parse import parse
from local_stack.endpoint.language.quoting import identifier
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.statements import unsupported
from local_stack.endpoint.translation.effects import ddl

if TYPE_CHECKING:
    from local_stack.endpoint.session import Session

_BEGINNINGS = (("CONSTRAINT",), ("PRIMARY", "KEY"), ("UNIQUE",), ("FOREIGN", "KEY"), ("CHECK",))


def alter(reader: Reader, name: SchemaName, session: Session) -> bool:
    """Carry out an action on constraints. Return False where the action is about something else."""
    keys: list[Key] = list(session.notes.of(name).get("keys", []))
    if reader.accept("RENAME", "CONSTRAINT"):
        old = reader.identifier()
        reader.expect("TO")
        new = reader.identifier()
        _one_of(keys, {"name": old})["name"] = new
    elif reader.looking_at("ADD") and _is_constraint(reader):
        reader.next()
        keys += _added(reader, name, session, keys)
    elif reader.looking_at("DROP") and _is_constraint(reader):
        reader.next()
        keys.remove(_dropped(reader, keys))
    elif reader.accept_any("ALTER", "MODIFY") and reader.accept("CONSTRAINT"):
        key = _one_of(keys, {"name": reader.identifier()})
        key["rely"] = "NORELY" not in reader.rest().upper().split()
    else:
        if reader.token_before(reader.mark()).upper in ("ALTER", "MODIFY"):
            reader.back_to(reader.mark() - 1)
        return False
    reader.expect_end()
    session.transaction.run(*ddl(name), lambda: session.notes.change(name, keys=keys))
    return True


def _is_constraint(reader: Reader) -> bool:
    return any(all(reader.peek(1 + i).upper == word for i, word in enumerate(words)) for words in _BEGINNINGS)


def _added(reader: Reader, name: SchemaName, session: Session, keys: list[Key]) -> list[Key]:
    definition = parse(f"CREATE TABLE t ({reader.rest()})")
    if definition.find(exp.CheckColumnConstraint):
        raise unsupported("ALTER TABLE … ADD CHECK")
    added = take_keys(session, definition.this)
    if not added:
        raise reader.unexpected()
    known = {column.name for column in columns_of(session, name)}
    for key in added:
        for column in key["columns"]:
            if column not in known:
                raise invalid_identifier(column)
        if key["kind"] == "PRIMARY KEY":
            if any(other["kind"] == "PRIMARY KEY" for other in keys):
                raise compilation_error("A table may have only one primary key.", 2265, "42601")
            alter = f"ALTER TABLE {session.quoted(session.physical_table(name))}"
            for column in key["columns"]:
                session.duck.execute(f"{alter} ALTER COLUMN {identifier(column)} SET NOT NULL")
    return added


def _dropped(reader: Reader, keys: list[Key]) -> Key:
    if reader.accept("CONSTRAINT"):
        found = _one_of(keys, {"name": reader.identifier()})
    elif reader.accept("PRIMARY", "KEY"):
        found = _one_of(keys, {"kind": "PRIMARY KEY"})
    else:
        kind = "UNIQUE" if reader.accept("UNIQUE") else "FOREIGN KEY"
        if kind == "FOREIGN KEY":
            reader.expect("FOREIGN", "KEY")
        columns = [Reader(column).identifier() for column in reader.comma_separated()]
        found = _one_of(keys, {"kind": kind, "columns": columns})
    reader.accept_any("CASCADE", "RESTRICT")
    return found


def _one_of(keys: list[Key], wanted: dict[str, Any]) -> Key:
    for key in keys:
        if all(key[part] == value for part, value in wanted.items()):
            return key
    raise compilation_error(f"Constraint '{wanted.get('name') or wanted['kind']}' does not exist.", 2003, "02000")
