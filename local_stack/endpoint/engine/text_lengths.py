"""VARCHAR(n) in DuckDB, which has no lengths: a CHECK on the column that fails with Snowflake's words.

The check goes with the column when it is renamed or copied, so it is also what DESCRIBE reads the length from.
See: https://docs.snowflake.com/en/sql-reference/data-types-text
"""

from __future__ import annotations

import re

from local_stack.endpoint.language.quoting import identifier

_LENGTH = re.compile(r"> (\d+)\)+ THEN \(\"error\"\(\(\('String ''' \|\|")


def fitting(value: str, length: int) -> str:
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
