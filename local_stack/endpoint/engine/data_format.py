"""Bring the databases of an older version up to date, and refuse those of a newer one.

The format of a database is a number in its file. 1: integers are BIGINT (no number is written). 2: they are HUGEINT.
3: a TIMESTAMP_TZ is an INTERVAL; before, it was what a TIMESTAMP_LTZ is.
"""

from __future__ import annotations

import duckdb

from local_stack.endpoint.language.quoting import dotted, identifier
from local_stack.endpoint.zoned import DUCKDB_TYPE

FORMAT = 3
_HOME = "_fs_information_schema"
# What is known of a table beside DuckDB's catalog tells them apart (table_notes.py).
_IS_ZONED = (
    "data_type = 'TIMESTAMP WITH TIME ZONE' AND EXISTS (SELECT 1 FROM _fs_global.local_objects.objects n WHERE n.kind ="
    " 'TABLE NOTE' AND (n.database_name, n.schema_name, n.name) = (c.database_name, c.schema_name, c.table_name)"
    " AND n.definition -> '$.kinds' ->> c.column_name = 'TIMESTAMP_TZ')"
)


def update_format(connection: duckdb.DuckDBPyConnection, database: str) -> None:
    """Change what an attached database has of older formats. Raises RuntimeError for a format that is not known yet."""
    place = dotted(database, _HOME, "_fs_format")
    connection.execute(f"CREATE TABLE IF NOT EXISTS {place} (version INTEGER)")
    found = connection.execute(f"SELECT coalesce(max(version), 1) FROM {place}").fetchall()[0][0]
    if found > FORMAT:
        raise RuntimeError(
            f"The database {database} has been written by a newer version of this endpoint (format {found}; this one"
            f" knows {FORMAT}). Use that version, or start with an empty data directory."
        )
    if found == FORMAT:
        return
    if found < 2:
        _retype(connection, database, "data_type = 'BIGINT'", "HUGEINT")
    _retype(connection, database, _IS_ZONED, f"{DUCKDB_TYPE} USING _fs_global.main._sf_tz_in('UTC', {{}})")
    connection.execute(f"DELETE FROM {place}")
    connection.execute(f"INSERT INTO {place} VALUES ({FORMAT})")


def _retype(connection: duckdb.DuckDBPyConnection, database: str, condition: str, kind: str) -> None:
    """Change the type of a database's columns. kind: with {} for the column's name."""
    for schema, table, column in connection.execute(
        "SELECT schema_name, table_name, column_name FROM duckdb_columns() c JOIN duckdb_tables() USING"
        f" (database_name, schema_name, table_name) WHERE database_name = ? AND schema_name <> ? AND {condition}",
        [database, _HOME],
    ).fetchall():
        name = identifier(column)
        connection.execute(f"ALTER TABLE {dotted(database, schema, table)} ALTER {name} TYPE {kind.format(name)}")
