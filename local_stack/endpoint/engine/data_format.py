"""Bring the databases of an older version up to date, and refuse those of a newer one.

The format of a database is a number in its file. 1: integers are BIGINT (no number is written). 2: they are HUGEINT.
3: a load's status and errors are kept (engine/load_history.py adds the columns).
"""

from __future__ import annotations

import duckdb

from local_stack.endpoint.language.quoting import dotted, identifier

FORMAT = 3
_HOME = "_fs_information_schema"


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
    if found == 1:
        _widen_integers(connection, database)
    connection.execute(f"DELETE FROM {place}")
    connection.execute(f"INSERT INTO {place} VALUES ({FORMAT})")


def _widen_integers(connection: duckdb.DuckDBPyConnection, database: str) -> None:
    for schema, table, column in connection.execute(
        "SELECT schema_name, table_name, column_name FROM duckdb_columns() JOIN duckdb_tables() USING"
        " (database_name, schema_name, table_name) WHERE database_name = ? AND schema_name <> ? AND data_type = 'BIGINT'",
        [database, _HOME],
    ).fetchall():
        connection.execute(
            f"ALTER TABLE {dotted(database, schema, table)} ALTER COLUMN {identifier(column)} TYPE HUGEINT"
        )
