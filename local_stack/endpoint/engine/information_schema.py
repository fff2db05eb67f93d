"""Make INFORMATION_SCHEMA.COLUMNS: fakesnow's view with the integers as NUMBER and the lengths that DuckDB holds as CHECKs.

See: https://docs.snowflake.com/en/sql-reference/info-schema
"""

from __future__ import annotations

import duckdb

from local_stack.endpoint.language.quoting import dotted, literal

_HOME = "_fs_information_schema"
# fakesnow's view has these columns of its own table; the table stays empty.
_LENGTH = "CAST(nullif(regexp_extract(k.constraint_text, '> (\\d+)\\)+ THEN \\(\"error\"', 1), '') AS INTEGER)"
_INTEGERS = "('HUGEINT', 'INTEGER', 'SMALLINT', 'TINYINT', 'UBIGINT', 'UINTEGER')"
_COLUMNS = f"""
    SELECT c.* REPLACE (
        CASE WHEN c.data_type IN {_INTEGERS} THEN 'NUMBER' ELSE c.data_type END AS DATA_TYPE,
        CASE WHEN c.data_type IN {_INTEGERS} THEN 38 ELSE c.numeric_precision END AS NUMERIC_PRECISION,
        CASE WHEN c.data_type IN {_INTEGERS} THEN 10 ELSE c.numeric_precision_radix END AS NUMERIC_PRECISION_RADIX,
        {_LENGTH} AS CHARACTER_MAXIMUM_LENGTH,
        least(4 * {_LENGTH}, 16777216) AS CHARACTER_OCTET_LENGTH)
    FROM _fs_global.{_HOME}._fs_columns c
    LEFT JOIN duckdb_constraints() k ON k.constraint_type = 'CHECK' AND k.database_name = c.table_catalog
        AND k.schema_name = c.table_schema AND k.table_name = c.table_name AND k.constraint_column_names[1] = c.column_name
        AND contains(k.constraint_text, 'is too long and would be truncated')
    WHERE c.table_catalog = """


def describe_columns(connection: duckdb.DuckDBPyConnection, database: str) -> None:
    """Make the view of a database's columns anew over fakesnow's."""
    home = dotted(database, _HOME, "_fs_columns")
    connection.execute(f"CREATE OR REPLACE VIEW {home} AS {_COLUMNS}{literal(database)}")
