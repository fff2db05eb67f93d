"""Answer GET_DDL: the statement that makes a table, a view, a procedure or a function.

See: https://docs.snowflake.com/en/sql-reference/functions/get_ddl
"""

from __future__ import annotations

from typing import Any

from local_stack.endpoint.engine.access import RELATION
from local_stack.endpoint.engine.grants import OWNERSHIP
from local_stack.endpoint.errors import missing_object
from local_stack.endpoint.features.procedures import registry
from local_stack.endpoint.features.procedures.definition import Routine
from local_stack.endpoint.features.rights.judge import Need, judge
from local_stack.endpoint.features.tables.columns import columns_of
from local_stack.endpoint.features.tables.comments import comments_of
from local_stack.endpoint.language.names import SchemaName
from local_stack.endpoint.language.quoting import quote_name, quote_string
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.language.types import read_signature
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import unsupported


def get_ddl(session: Session, arguments: list[str]) -> str:
    """Answer GET_DDL('TABLE' | 'VIEW' | 'PROCEDURE' | 'FUNCTION', 'name' [, TRUE]); TRUE: the name is written in full.

    Raises SqlError for what does not exist and for other kinds.
    """
    kind = arguments[0].upper()
    reader = Reader(arguments[1])
    parts = reader.name()
    _require_privilege(kind, parts, reader, session)
    name = session.resolve(parts)
    in_full = len(arguments) > 2 and arguments[2].upper() == "TRUE"
    place = f"{quote_name(name.database)}.{quote_name(name.schema)}." if in_full else ""
    match kind:
        case "TABLE":
            return _table(session, name, place)
        case "VIEW":
            return _view(session, name, place)
        case "PROCEDURE" | "FUNCTION":
            return _routine(registry.require(kind, parts, read_signature(reader), session).routine, place)
    raise unsupported(f"GET_DDL of a {kind}")


def _require_privilege(kind: str, parts: tuple[str, ...], reader: Reader, session: Session) -> None:
    """Raise SqlError 002003 for what the session has no privilege on, 003001 for the text of another role's secure view."""
    if not session.grants.enforced:
        return
    name, start = session.resolve(parts), reader.mark()
    place = (name.database, name.schema, name.name)
    if kind in ("PROCEDURE", "FUNCTION"):
        place = (*place[:2], name.name + read_signature(reader))
        reader.back_to(start)
    if place not in session.temporary_tables:
        judge(Need(RELATION if kind in ("TABLE", "VIEW") else kind, place), session)
    if kind == "VIEW" and session.notes.of(name).get("secure"):  # only its owner reads its text
        judge(Need(kind, place, (OWNERSHIP,)), session)


def _table(session: Session, name: SchemaName, place: str) -> str:
    columns = []
    for column in columns_of(session, name):
        text = f"\t{quote_name(column.name)} {column.snowflake_type}"
        text += "" if column.nullable else " NOT NULL"
        if column.identity:
            start, step, ordered = column.identity
            text += f" autoincrement start {start} increment {step} {'order' if ordered else 'noorder'}"
        elif column.default:
            text += f" DEFAULT {column.shown_default}"
        text += f" COMMENT {quote_string(column.comment)}" if column.comment else ""
        columns.append(text)
    return f"create or replace TABLE {place}{quote_name(name.name)} (\n" + ",\n".join(columns) + "\n);"


def _view(session: Session, name: SchemaName, place: str) -> str:
    physical = session.physical_table(name)
    if session.relation_kind(physical) != "VIEW":
        raise missing_object("view", str(name))
    columns = []
    for column in columns_of(session, name):
        comment = f" COMMENT {quote_string(column.comment)}" if column.comment else ""
        columns.append(f"\t{quote_name(column.name)}{comment}")
    note = session.notes.of(name)
    secure = "secure " if note.get("secure") else ""
    of_view = comments_of(session, physical).get(None)
    head = f"create or replace {secure}view {place}{quote_name(name.name)}(\n" + ",\n".join(columns) + "\n)"
    return f"{head}{f' COMMENT={quote_string(of_view)}' if of_view else ''} as {_query(note, physical, session)};"


def _query(note: dict[str, Any], physical: SchemaName, session: Session) -> str:
    """Return the query of a view as it was written; of a view without a note, as DuckDB keeps it."""
    text = note.get("text")
    if text is None:
        where = "database_name = ? AND schema_name = ? AND view_name = ?"
        place = [physical.database, physical.schema, physical.name]
        text = session.duck.execute(f"SELECT sql FROM duckdb_views() WHERE {where}", place).fetchall()[0][0]
    reader = Reader(text)
    while not reader.accept("AS"):
        if reader.token.text == "(":
            reader.comma_separated()
        else:
            reader.next()
    return str(text)[reader.token.start :].rstrip().rstrip(";")


def _routine(routine: Routine, place: str) -> str:
    """CREATE OR REPLACE … of a routine, its clauses in the order of Snowflake's reference."""
    parameters = ", ".join(
        f"{quote_name(p.name)} {p.type}" + (f" DEFAULT {p.default}" if p.default is not None else "")
        for p in routine.parameters
    )
    lines = [
        f"CREATE OR REPLACE {routine.kind} {place}{quote_name(routine.name)}({parameters})",
        f"RETURNS {routine.declared_return}",
        f"LANGUAGE {routine.language}",
    ]
    if routine.strict:
        lines.append("STRICT")
    if routine.language == "PYTHON":
        lines += [
            f"RUNTIME_VERSION = {quote_string(routine.runtime_version)}",
            f"PACKAGES = ({_list(routine.packages)})",
        ]
        if routine.imports:
            lines.append(f"IMPORTS = ({_list(routine.imports)})")
        lines.append(f"HANDLER = {quote_string(routine.handler)}")
    if routine.external_access_integrations:
        lines.append(f"EXTERNAL_ACCESS_INTEGRATIONS = ({', '.join(routine.external_access_integrations)})")
    if routine.secrets:
        named = ", ".join(f"{quote_string(variable)} = {name}" for variable, name in routine.secrets)
        lines.append(f"SECRETS = ({named})")
    if routine.comment:
        lines.append(f"COMMENT={quote_string(routine.comment)}")
    if routine.kind == "PROCEDURE":
        lines.append(f"EXECUTE AS {routine.rights}")
    if routine.body is not None:
        lines.append(f"AS {quote_string(routine.body)}")
    return "\n".join(lines) + ";"


def _list(values: tuple[str, ...]) -> str:
    return ",".join(quote_string(value) for value in values)
