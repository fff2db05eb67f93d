"""Make the tables of COPY's load metadata: which content was loaded into which table, and how that went.

They are in the table's database and part of the COPY's transaction. Those of a temporary table are temporary too, and know
the table by DuckDB's number: one created anew starts empty.
"""

from __future__ import annotations

import duckdb

from local_stack.endpoint.language.quoting import dotted

# Snowflake forgets loads after 64 days.
KEPT_DAYS = 64


# file_name: METADATA$FILENAME. etag: of the content, while it counts as loaded. shown_name: as in LIST and COPY.
COLUMNS = (
    "(schema_name VARCHAR, table_name VARCHAR, file_name VARCHAR, etag VARCHAR, row_count BIGINT, file_size BIGINT,"
    " loaded_at TIMESTAMPTZ, stage_location VARCHAR, relative_name VARCHAR, shown_name VARCHAR, status VARCHAR,"
    " row_parsed BIGINT, first_error_message VARCHAR, first_error_line BIGINT, first_error_character BIGINT,"
    " first_error_column VARCHAR, error_count BIGINT, error_limit BIGINT)"
)
# What databases of format 2 do not know of a load.
_UNKNOWN = (
    "NULL::VARCHAR AS stage_location, file_name AS relative_name, file_name AS shown_name, 'LOADED' AS status,"
    " row_count AS row_parsed, NULL::VARCHAR AS first_error_message, NULL::BIGINT AS first_error_line,"
    " NULL::BIGINT AS first_error_character, NULL::VARCHAR AS first_error_column, 0::BIGINT AS error_count,"
    " 1::BIGINT AS error_limit"
)
LOADS = "_local_loads"
_HOME = "_fs_information_schema"


def loads_table(database: str) -> str:
    """Return DuckDB's name of the table for the loads of a database's tables."""
    return f'"temp"."main"."{LOADS}"' if database == "temp" else dotted(database, _HOME, LOADS)


def create_history(connection: duckdb.DuckDBPyConnection, database: str) -> None:
    """Create the table of a database where it is missing, and INFORMATION_SCHEMA.LOAD_HISTORY over it.

    See: https://docs.snowflake.com/en/sql-reference/info-schema/load_history
    """
    loads, view = loads_table(database), dotted(database, _HOME, "_fs_load_history")
    connection.execute(f"CREATE TABLE IF NOT EXISTS {loads} {COLUMNS}")
    if "status" not in [str(column[0]) for column in connection.execute(f"DESCRIBE {loads}").fetchall()]:
        connection.execute(f"CREATE OR REPLACE TABLE {loads} AS SELECT *, {_UNKNOWN} FROM {loads}")
    if connection.execute(
        "SELECT 1 FROM duckdb_tables() WHERE (database_name, table_name) = (?, '_fs_load_history')", [database]
    ).fetchall():
        connection.execute(f"DROP TABLE {view}")  # fakesnow's, which nothing fills
    connection.execute(
        f"CREATE OR REPLACE VIEW {view} AS SELECT schema_name AS SCHEMA_NAME, shown_name AS FILE_NAME,"
        " table_name AS TABLE_NAME, loaded_at AS LAST_LOAD_TIME, status AS STATUS, row_count AS ROW_COUNT,"
        " row_parsed AS ROW_PARSED, first_error_message AS FIRST_ERROR_MESSAGE,"
        " first_error_line AS FIRST_ERROR_LINE_NUMBER, first_error_character AS FIRST_ERROR_CHARACTER_POSITION,"
        " first_error_column AS FIRST_ERROR_COL_NAME, error_count AS ERROR_COUNT, error_limit AS ERROR_LIMIT"
        f" FROM {loads}"
    )


def table_number(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    found = connection.execute(
        "SELECT table_oid FROM duckdb_tables() WHERE database_name = 'temp' AND table_name = ?", [name]
    ).fetchall()
    return str(found[0][0]) if found else name


def begin_history(connection: duckdb.DuckDBPyConnection, database: str, schema: str, table: str) -> None:
    """Begin anew: a new table has loaded nothing, and INFORMATION_SCHEMA.LOAD_HISTORY tells nothing of it."""
    if database == "temp":
        forget_loads(connection, database, schema, table)
        return
    connection.execute(f"DELETE FROM {loads_table(database)} WHERE schema_name = ? AND table_name = ?", [schema, table])


def forget_loads(connection: duckdb.DuckDBPyConnection, database: str, schema: str, table: str) -> None:
    """Let nothing count as loaded: TRUNCATE clears a table's load metadata, but not its history."""
    loads = loads_table(database)
    if database != "temp":
        connection.execute(f"UPDATE {loads} SET etag = NULL WHERE schema_name = ? AND table_name = ?", [schema, table])
    elif connection.execute(
        "SELECT 1 FROM duckdb_tables() WHERE database_name = 'temp' AND table_name = ?", [LOADS]
    ).fetchall():
        connection.execute(f"UPDATE {loads} SET etag = NULL WHERE table_name = ?", [table_number(connection, table)])
