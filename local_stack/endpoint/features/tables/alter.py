"""Answer ALTER TABLE and ALTER VIEW of names, options, comments, keys and the clustering key.

The module alter_columns alters columns.
See: https://docs.snowflake.com/en/sql-reference/sql/alter-table and
https://docs.snowflake.com/en/sql-reference/sql/alter-view
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local_stack.endpoint.engine import policy_references
from local_stack.endpoint.errors import compilation_error, existing_object, missing_object
from local_stack.endpoint.features.tables import alter_columns, alter_keys, clone
from local_stack.endpoint.features.tables.comments import set_comment
from local_stack.endpoint.features.tables.options import OPTIONS, clustering
from local_stack.endpoint.language.names import SchemaName
from local_stack.endpoint.language.options import property_names, read_properties, text
from local_stack.endpoint.language.parse import parse
from local_stack.endpoint.language.quoting import identifier
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.statements import Result, unsupported
from local_stack.endpoint.translation.effects import ddl

if TYPE_CHECKING:
    from local_stack.endpoint.session import Session

_SETTABLE = {**OPTIONS, "COMMENT": text}


def alter(reader: Reader, kind: str, session: Session) -> Result:
    """Answer ALTER {TABLE | VIEW} [IF EXISTS] name action. Raises SqlError for what does not exist."""
    if_exists = reader.accept("IF", "EXISTS")
    name = session.resolve(reader.name())
    with session.lock:
        physical = session.physical_table(name)
        if session.relation_kind(physical) != kind:
            if not if_exists:
                raise missing_object(kind, str(name))
            session.transaction.commit()
            return Result.succeeded()
        if reader.accept("RENAME", "TO"):
            _rename(reader, kind, name, session)
        elif reader.accept("SET"):
            _set(reader, kind, name, session)
        elif reader.accept("UNSET"):
            _unset(reader, kind, name, session)
        elif kind == "VIEW":
            raise reader.unexpected()
        elif reader.accept("SWAP", "WITH"):
            _swap(reader, name, session)
        elif not (_clustering(reader, name, session) or alter_keys.alter(reader, name, session)):
            alter_columns.alter(reader, name, session)
    return Result.succeeded()


def _rename(reader: Reader, kind: str, name: SchemaName, session: Session) -> None:
    target = session.resolve(reader.name())
    reader.expect_end()
    physical = session.physical_table(name)
    temporary = physical != name
    if session.relation_kind(session.physical_table(target)):
        raise existing_object(str(target))
    same_place = (name.database, name.schema) == (target.database, target.schema)
    if kind == "VIEW" and not same_place:
        raise unsupported("ALTER VIEW … RENAME TO another schema")

    def rename() -> None:
        if temporary:
            new = ".".join((target.database, target.schema, target.name))
            session.duck.execute(f"ALTER {kind} {session.quoted(physical)} RENAME TO {identifier(new)}")
            session.temporary_tables.pop((name.database, name.schema, name.name))
            session.temporary_tables[(target.database, target.schema, target.name)] = new
        elif same_place:
            session.duck.execute(f"ALTER {kind} {session.quoted(name)} RENAME TO {identifier(target.name)}")
        else:
            clone.clone_table(session, name, target)
            session.duck.execute(f"DROP TABLE {session.quoted(name)}")
        session.notes.move(name, target, temporary)
        if not temporary:
            policy_references.move(session.catalog, name, target)

    session.transaction.run(*ddl(name, target), rename)


def _swap(reader: Reader, name: SchemaName, session: Session) -> None:
    other = session.resolve(reader.name())
    reader.expect_end()
    physical = [session.physical_table(table) for table in (name, other)]
    if session.relation_kind(physical[1]) != "TABLE":
        raise missing_object("table", str(other))
    if (physical[0] == name) != (physical[1] == other):
        raise unsupported("SWAP WITH of a temporary and a permanent table")

    def swap() -> None:
        if physical[0] == name:
            clone.swap_tables(session, name, other)
            policy_references.swap(session.catalog, name, other)
        else:
            known = session.temporary_tables
            one, two = (name.database, name.schema, name.name), (other.database, other.schema, other.name)
            known[one], known[two] = known[two], known[one]
        session.notes.swap(name, other)

    session.transaction.run(*ddl(name, other), swap)


def _set(reader: Reader, kind: str, name: SchemaName, session: Session) -> None:
    if kind == "VIEW" and reader.accept("SECURE"):
        reader.expect_end()
        session.transaction.run(*ddl(name), lambda: session.notes.change(name, secure=True))
        return
    settable: dict[str, Any] = (
        _SETTABLE if kind == "TABLE" else {"COMMENT": text, "CHANGE_TRACKING": OPTIONS["CHANGE_TRACKING"]}
    )
    values = read_properties(reader, settable, kind)
    _write(values, kind, name, session)


def _unset(reader: Reader, kind: str, name: SchemaName, session: Session) -> None:
    if kind == "VIEW" and reader.accept("SECURE"):
        reader.expect_end()
        session.transaction.run(*ddl(name), lambda: session.notes.change(name, secure=None))
        return
    names = property_names(reader, _SETTABLE if kind == "TABLE" else {"COMMENT": text}, kind)
    reader.expect_end()
    _write(dict.fromkeys(names), kind, name, session)


def _write(values: dict[str, Any], kind: str, name: SchemaName, session: Session) -> None:
    options = {**session.notes.of(name).get("options", {}), **values}
    options = {key: value for key, value in options.items() if value is not None and key != "COMMENT"}

    def write() -> None:
        if "COMMENT" in values:
            set_comment(session, session.physical_table(name), kind, None, values["COMMENT"])
        session.notes.change(name, options=options)

    session.transaction.run(*ddl(name), write)


def _clustering(reader: Reader, name: SchemaName, session: Session) -> bool:
    """Answer CLUSTER BY (…), DROP CLUSTERING KEY and {SUSPEND | RESUME} RECLUSTER. Return False for other actions."""
    options = dict(session.notes.of(name).get("options", {}))
    if reader.accept("CLUSTER", "BY"):
        columns = ", ".join(reader.comma_separated())
        parsed = parse(f"CREATE TABLE t (i INT) CLUSTER BY ({columns})").args["properties"].expressions[0]
        options["CLUSTER_BY"] = clustering(parsed)
    elif reader.accept("DROP", "CLUSTERING", "KEY"):
        options.pop("CLUSTER_BY", None)
    elif reader.looking_at("SUSPEND", "RECLUSTER") or reader.looking_at("RESUME", "RECLUSTER"):
        if "CLUSTER_BY" not in options:
            raise compilation_error(f"Table {name.name} is not clustered.", 2140, "42601")
        options["RECLUSTER"] = reader.next().upper == "RESUME"
        reader.next()
    else:
        return False
    reader.expect_end()
    session.transaction.run(*ddl(name), lambda: session.notes.change(name, options=options))
    return True
