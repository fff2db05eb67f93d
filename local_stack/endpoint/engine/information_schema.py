"""Make INFORMATION_SCHEMA.COLUMNS: fakesnow's view with Snowflake's types and the lengths that DuckDB and notes hold.

See: https://docs.snowflake.com/en/sql-reference/info-schema
"""

from __future__ import annotations

import duckdb

from local_stack.endpoint.language.quoting import dotted, literal

_HOME = "_fs_information_schema"
# fakesnow's view has these columns of its own table; the table stays empty.
_LENGTH = "CAST(nullif(regexp_extract(k.constraint_text, '> (\\d+)\\)+ THEN \\(\"error\"', 1), '') AS INTEGER)"
_INTEGERS = "('HUGEINT', 'INTEGER', 'SMALLINT', 'TINYINT', 'UBIGINT', 'UINTEGER')"
_NOTED = "coalesce(TRY_CAST(n.definition -> '$.lengths' ->> c.column_name AS INTEGER), 16777216)"
_LIMIT = f"CASE WHEN c.data_type = 'TEXT' THEN coalesce({_LENGTH}, {_NOTED}) END"
# Of an AUTOINCREMENT column no default is told; of another, the sequence as it is written in the default.
_DEFAULT = """CASE WHEN contains(c.column_default, '"_fs_seq_') THEN NULL
            WHEN starts_with(c.column_default, 'nextval(') THEN
                replace(split_part(c.column_default, chr(39), 2), '"', '') || '.NEXTVAL'
            ELSE c.column_default END"""
_COUNTS = "contains(coalesce(c.column_default, ''), chr(34) || '_fs_seq_')"
_COLUMNS = f"""
    SELECT c.* REPLACE (
        {_DEFAULT} AS COLUMN_DEFAULT,
        CASE WHEN {_COUNTS} THEN 'YES' ELSE 'NO' END AS IS_IDENTITY,
        CASE WHEN {_COUNTS} THEN 'BY DEFAULT' END AS IDENTITY_GENERATION,
        CASE WHEN c.data_type IN {_INTEGERS} THEN 'NUMBER'
            ELSE coalesce(n.definition -> '$.kinds' ->> c.column_name, c.data_type) END AS DATA_TYPE,
        CASE WHEN c.data_type IN {_INTEGERS} THEN 38 ELSE c.numeric_precision END AS NUMERIC_PRECISION,
        CASE WHEN c.data_type IN {_INTEGERS} THEN 10 ELSE c.numeric_precision_radix END AS NUMERIC_PRECISION_RADIX,
        {_LIMIT} AS CHARACTER_MAXIMUM_LENGTH,
        CASE WHEN c.data_type = 'TEXT' THEN least(4 * {_LIMIT}, 16777216) END AS CHARACTER_OCTET_LENGTH)
    FROM _fs_global.{_HOME}._fs_columns c
    LEFT JOIN duckdb_constraints() k ON k.constraint_type = 'CHECK' AND k.database_name = c.table_catalog
        AND k.schema_name = c.table_schema AND k.table_name = c.table_name AND k.constraint_column_names[1] = c.column_name
        AND contains(k.constraint_text, 'is too long and would be truncated')
    LEFT JOIN _fs_global.local_objects.objects n ON n.kind = 'TABLE NOTE' AND n.database_name = c.table_catalog
        AND n.schema_name = c.table_schema AND n.name = c.table_name
    WHERE c.table_catalog = """


def describe_columns(connection: duckdb.DuckDBPyConnection, database: str) -> None:
    """Make the view of a database's columns anew over fakesnow's."""
    home = dotted(database, _HOME, "_fs_columns")
    connection.execute(f"CREATE OR REPLACE VIEW {home} AS {_COLUMNS}{literal(database)}")
