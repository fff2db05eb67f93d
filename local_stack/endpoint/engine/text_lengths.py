"""Hold VARCHAR(n) in DuckDB, which has no lengths: a CHECK on the column that fails with Snowflake's words.

The check goes with the column when it is renamed or copied, so it is also what DESCRIBE reads the length from.
See: https://docs.snowflake.com/en/sql-reference/data-types-text
"""

from __future__ import annotations

import re

import duckdb

from local_stack.endpoint.language.names import SchemaName
from local_stack.endpoint.language.quoting import identifier

_LENGTH = re.compile(r"> (\d+)\)+ THEN \(\"error\"\(\(\('String ''' \|\|")


def fitting(value: str, length: int | str) -> str:
    """Write the condition that a text has at most so many characters; it raises an error instead of being false."""
    return (
        f"CASE WHEN length({value}) > {length} THEN"
        f" error('String ''' || {value} || ''' is too long and would be truncated') ELSE true END"
    )


def check(column: str, length: int) -> str:
    """Write the CHECK of a column."""
    return f"CHECK ({fitting(identifier(column), length)})"


def length_of(constraint: str) -> int | None:
    """Read the length off a CHECK as DuckDB writes it; None for any other constraint."""
    found = _LENGTH.search(constraint)
    return int(found[1]) if found else None


def lengths_of(connection: duckdb.DuckDBPyConnection, table: SchemaName) -> dict[str, int]:
    """Return the lengths of a table's columns by name. The table is named as in DuckDB; a column without a limit is left out."""
    checks = connection.execute(
        "SELECT constraint_column_names[1], constraint_text FROM duckdb_constraints() WHERE constraint_type = 'CHECK'"
        " AND database_name = ? AND schema_name = ? AND table_name = ?",
        [table.database, table.schema, table.name],
    ).fetchall()
    return {column: length for column, text in checks if (length := length_of(text)) is not None}
