"""Clone tables, schemas and databases, and swap tables.

A clone here is a copy of the data, so it takes time and space. In Snowflake only metadata is copied.
"""

from __future__ import annotations

import re
import shutil
import uuid
from typing import TYPE_CHECKING, Any

from local_stack.endpoint.engine import policy_references
from local_stack.endpoint.engine.table_notes import NOTE
from local_stack.endpoint.errors import missing_object
from local_stack.endpoint.features.stages.objects import STAGE
from local_stack.endpoint.features.tables.columns import sequence_of
from local_stack.endpoint.features.tables.comments import comments_of, set_comments
from local_stack.endpoint.language.names import SchemaName
from local_stack.endpoint.language.quoting import dotted, identifier, literal

if TYPE_CHECKING:
    from local_stack.endpoint.engine.catalog import StoredObject
    from local_stack.endpoint.session import Session

_CREATE = re.compile(
    r"^CREATE\s+(?:OR\s+REPLACE\s+)?(?:TEMP(?:ORARY)?\s+)?(TABLE|VIEW)\s+(?:IF\s+NOT\s+EXISTS\s+)?",
    re.IGNORECASE,
)
_NAME = re.compile(r'(?:(?:"(?:[^"]|"")*"|\w+)\.)*(?:"(?:[^"]|"")*"|\w+)')


_RECORDED = (
    "PROCEDURE", STAGE, "FILE FORMAT", "TASK", "ALERT", "FUNCTION", "SECRET", "NETWORK RULE", "TAG", NOTE,
)  # fmt: skip


def _cloned(stored: StoredObject, source: str, target: str) -> dict[str, Any]:
    """Return the definition of an object's clone. Cloned tasks and alerts are suspended, and know their clones as predecessors.

    See: https://docs.snowflake.com/en/user-guide/object-clone (cloning and tasks, alerts)
    """
    definition = dict(stored.definition)
    if stored.kind in ("TASK", "ALERT"):
        definition["state"] = "suspended"
    if stored.kind == "TASK":
        database, _, schema = target.partition(".")
        inside = re.compile(rf"^{re.escape(source)}[.]")
        definition |= {"id": str(uuid.uuid4()), "database": database, "schema": schema or stored.schema}
        definition["after"] = [inside.sub(f"{target}.", name) for name in definition["after"]]
        definition["finalize"] = inside.sub(f"{target}.", definition["finalize"])
    return definition


def sequences_in(session: Session, database: str, schema: str) -> list[tuple[str, str]]:
    """Return the sequences of a schema: their names and definitions."""
    query = "SELECT sequence_name, sql FROM duckdb_sequences() WHERE database_name = ? AND schema_name = ?"
    return session.duck.execute(query, [database, schema]).fetchall()


def sequence_as(definition: str, name: str) -> str:
    """Return DuckDB's CREATE SEQUENCE, in which the name is not quoted, under another name, which is."""
    return f"CREATE SEQUENCE {name}{definition[definition.rindex(' INCREMENT BY ') :]}"


def definition_as(definition: str, name: str, temporary: bool = False) -> str:
    """Return a DuckDB CREATE statement under another name, which is already quoted."""
    head = _CREATE.match(definition)
    if head is None:
        raise ValueError(f"not a CREATE statement: {definition[:40]}")
    rest = definition[head.end() :]
    old = _NAME.match(rest)
    created = f"CREATE {'TEMPORARY ' if temporary else ''}{head[1]}"
    return f"{created} {name}{rest[old.end() if old else 0 :]}"


def table_definition(session: Session, table: SchemaName) -> str | None:
    """Return the DuckDB CREATE TABLE of a table. Return None when there is no such table."""
    rows = session.duck.execute(
        "SELECT sql FROM duckdb_tables() WHERE database_name = ? AND schema_name = ? AND table_name = ?",
        [table.database, table.schema, table.name],
    ).fetchall()
    return rows[0][0] if rows else None


def clone_table(session: Session, source: SchemaName, target: SchemaName, with_rows: bool = True) -> None:
    """Clone a table's columns, defaults, constraints, comments and rows.

    Load metadata is not cloned, as in Snowflake. The names are DuckDB's, so a temporary table is in the database
    `temp`.
    """
    definition = table_definition(session, source)
    if definition is None:
        raise missing_object("table", str(source))
    session.duck.execute(definition_as(definition, session.quoted(target), temporary=target.database == "temp"))
    if with_rows:
        session.duck.execute(f"INSERT INTO {session.quoted(target)} SELECT * FROM {session.quoted(source)}")
    set_comments(session, target, comments_of(session, source))


def clone_schema(session: Session, source: tuple[str, str], target: tuple[str, str]) -> None:
    """Clone a schema's sequences, tables, views and objects in the registry.

    The files of internal stages are not cloned.
    """
    duck = session.duck
    where = "database_name = ? AND schema_name = ?"
    for name, definition in sequences_in(session, *source):
        duck.execute(sequence_as(definition, dotted(*target, name)))
    for (table,) in duck.execute(
        f"SELECT table_name FROM duckdb_tables() WHERE {where} AND NOT temporary ORDER BY 1", list(source)
    ).fetchall():
        clone_table(session, SchemaName(*source, table), SchemaName(*target, table))
    _use_own_sequences(session, source, target)
    views = duck.execute(
        f"SELECT view_name, sql FROM duckdb_views() WHERE {where} AND NOT internal ORDER BY view_oid", list(source)
    ).fetchall()
    for name, sql in views:
        duck.execute(definition_as(sql, f"{identifier(target[0])}.{identifier(target[1])}.{identifier(name)}"))
    for kind in _RECORDED:
        for stored in session.catalog.objects(kind, *source):
            session.catalog.put(kind, *target, stored.name, _cloned(stored, ".".join(source), ".".join(target)))
    policy_references.clone(session.catalog, source, target)


def _use_own_sequences(session: Session, source: tuple[str, ...], target: tuple[str, ...]) -> None:
    """Let columns of a cloned schema or database take their numbers from the sequences that were cloned with them.

    See: https://docs.snowflake.com/en/user-guide/object-clone (cloning and sequences)
    """
    columns = session.duck.execute(
        "SELECT schema_name, table_name, column_name, column_default FROM duckdb_columns()"
        " WHERE database_name = $1 AND schema_name = coalesce($2, schema_name) AND column_default LIKE 'nextval(%'",
        [target[0], target[1] if len(target) > 1 else None],
    ).fetchall()
    for schema, table, column, default in columns:
        sequence = sequence_of(default)
        if sequence is not None and (sequence.database, sequence.schema)[: len(source)] == source:
            own = dotted(target[0], schema if len(target) > 1 else sequence.schema, sequence.name)
            changed = f"ALTER COLUMN {identifier(column)} SET DEFAULT nextval({literal(own)})"
            session.duck.execute(f"ALTER TABLE {dotted(target[0], schema, table)} {changed}")


def clone_database(session: Session, source: str, target: str) -> None:
    """Clone a whole database. Its file is copied while no transaction writes to it."""
    engine = session.engine
    session.duck.execute(f"CHECKPOINT {identifier(source)}")
    shutil.copyfile(engine.database_file(source), engine.database_file(target))
    session.duck.execute(f"ATTACH '{engine.database_file(target)}' AS {identifier(target)}")
    _use_own_sequences(session, (source,), (target,))
    session.duck.execute(f"DETACH {identifier(target)}")
    folder = engine.data_dir / "stages" / source
    if folder.exists():
        shutil.copytree(folder, engine.data_dir / "stages" / target, dirs_exist_ok=True)
    for kind in (*_RECORDED, "SCHEMA"):
        for stored in session.catalog.objects(kind, source):
            session.catalog.put(kind, target, stored.schema, stored.name, _cloned(stored, source, target))
    policy_references.clone(session.catalog, (source, None), (target, None))


def swap_tables(session: Session, one: SchemaName, other: SchemaName) -> None:
    """Answer ALTER TABLE one SWAP WITH other in one DuckDB transaction. The tables may be in different schemas."""
    duck = session.duck
    duck.execute("BEGIN")
    try:
        if (one.database, one.schema) == (other.database, other.schema):
            spare = identifier(f"_swap_{one.name}")
            duck.execute(f"ALTER TABLE {session.quoted(one)} RENAME TO {spare}")
            duck.execute(f"ALTER TABLE {session.quoted(other)} RENAME TO {identifier(one.name)}")
            duck.execute(
                f"ALTER TABLE {identifier(one.database)}.{identifier(one.schema)}.{spare} RENAME TO {identifier(other.name)}"
            )
        else:
            spare_table = SchemaName(one.database, one.schema, f"_swap_{one.name}")
            clone_table(session, one, spare_table)
            duck.execute(f"DROP TABLE {session.quoted(one)}")
            clone_table(session, other, one)
            duck.execute(f"DROP TABLE {session.quoted(other)}")
            clone_table(session, spare_table, other)
            duck.execute(f"DROP TABLE {session.quoted(spare_table)}")
        duck.execute("COMMIT")
    except BaseException:
        duck.execute("ROLLBACK")
        raise
