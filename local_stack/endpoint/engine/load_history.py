"""Make the tables of COPY's load metadata: which content was loaded into which table.

They are in the table's database and part of the COPY's transaction. Those of a temporary table are temporary too, and know
the table by DuckDB's number: one created anew starts empty.
"""

from __future__ import annotations

import duckdb

from local_stack.endpoint.language.quoting import dotted, identifier

# Snowflake forgets loads after 64 days.
KEPT_DAYS = 64


COLUMNS = (
    "(schema_name VARCHAR, table_name VARCHAR, file_name VARCHAR, etag VARCHAR, row_count BIGINT, file_size BIGINT,"
    " loaded_at TIMESTAMPTZ)"
)
LOADS = "_local_loads"
TEMPORARY = f"temp.main.{LOADS}"


def loads_table(database: str) -> str:
    """Return DuckDB's name of the table for the loads of a database's tables."""
    return '"temp"."main"."_local_loads"' if database == "temp" else dotted(database, "_fs_information_schema", LOADS)


def create_history(connection: duckdb.DuckDBPyConnection, database: str) -> None:
    """Create the table of a database where it is missing."""
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {identifier(database)}._fs_information_schema._local_loads {COLUMNS}"
    )


def table_number(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    row = connection.execute(
        "SELECT table_oid FROM duckdb_tables() WHERE database_name = 'temp' AND table_name = ?", [name]
    ).fetchone()
    return name if row is None else str(row[0])


def begin_history(connection: duckdb.DuckDBPyConnection, database: str, schema: str, table: str) -> None:
    """Begin anew: a new table has loaded nothing, and INFORMATION_SCHEMA.LOAD_HISTORY tells nothing of it."""
    forget_loads(connection, database, schema, table)
    name = f"{identifier(database)}._fs_information_schema._fs_load_history"
    connection.execute(f"DELETE FROM {name} WHERE schema_name = ? AND table_name = ?", [schema, table])


def forget_loads(connection: duckdb.DuckDBPyConnection, database: str, schema: str, table: str) -> None:
    """TRUNCATE and re-creation clear a table's load metadata."""
    if database == "temp":
        kept = connection.execute(
            "SELECT 1 FROM duckdb_tables() WHERE database_name = 'temp' AND table_name = '_local_loads'"
        ).fetchall()
        if kept:
            connection.execute(f"DELETE FROM {TEMPORARY} WHERE table_name = ?", [table_number(connection, table)])
        return
    name = f"{identifier(database)}._fs_information_schema._local_loads"
    connection.execute(f"DELETE FROM {name} WHERE schema_name = ? AND table_name = ?", [schema, table])
