"""Record when the rows of a table were changed last: INFORMATION_SCHEMA.TABLES.LAST_ALTERED.

Each change adds a line in the table's own database and in its own transaction, so that it is as durable as the change, and two
sessions never wait for each other. What COPY loads is in the load history already.
See: https://docs.snowflake.com/en/sql-reference/info-schema/tables
"""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from local_stack.endpoint.language.names import SchemaName
from local_stack.endpoint.language.quoting import dotted

CHANGES = "_local_changes"
_HOME = "_fs_information_schema"


def changes_table(database: str) -> str:
    """Return DuckDB's name of the table for the changes of a database's tables."""
    return dotted(database, _HOME, CHANGES)


def create_changes(connection: duckdb.DuckDBPyConnection, database: str) -> None:
    """Create the table of a database where it is missing; keep the last line of each table where it is there."""
    name = changes_table(database)
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {name} (schema_name VARCHAR, table_name VARCHAR, changed_at TIMESTAMPTZ)"
    )
    connection.execute(
        f"CREATE OR REPLACE TABLE {name} AS"
        f" SELECT schema_name, table_name, max(changed_at) AS changed_at FROM {name} GROUP BY ALL"
    )


def note_changes(connection: duckdb.DuckDBPyConnection, tables: Iterable[SchemaName]) -> None:
    """Note that rows of tables have been changed, in the connection's transaction; nobody sees temporary ones there."""
    for table in tables:
        if table.database == "temp":
            continue
        connection.execute(
            f"INSERT INTO {changes_table(table.database)} VALUES (?, ?, now())", [table.schema, table.name]
        )
