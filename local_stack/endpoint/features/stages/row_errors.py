"""Describe what is wrong with one record of a file, in Snowflake's words.

Source: the result of COPY INTO <table> and of VALIDATE,
https://docs.snowflake.com/en/sql-reference/sql/copy-into-table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from local_stack.endpoint.statements import SqlError

_ADVICE = (
    "  If you would like to continue loading when an error is encountered, use other values such as 'SKIP_FILE' or "
    "'CONTINUE' for the ON_ERROR option. For more information on loading options, please run 'info loading_data' in a "
    "SQL client."
)


@dataclass(frozen=True)
class RowError:
    """Hold the error of a record.

    `row` is the record's number in its file, and `row_line` is the line in which it starts. `line` and `character` are
    where the error is. `column` is the column's name in COPY. All of them count from 1.
    """

    message: str
    errno: int
    sqlstate: str
    row: int
    row_line: int
    line: int
    character: int
    column: str

    def in_file(self, file: str) -> SqlError:
        """Return the error that ends a COPY with ON_ERROR = ABORT_STATEMENT."""
        starts = "" if self.row_line == self.line else f" starts at line {self.row_line}"
        return SqlError(
            f"{self.message}\n  File '{file}', line {self.line}, character {self.character}\n"
            f"  Row {self.row}{starts}, column {self.column}\n{_ADVICE}",
            self.errno,
            self.sqlstate,
        )


@dataclass(frozen=True)
class ColumnNames:
    """Name the columns that the fields of a file go to, as in `"T"["C":2]`.

    Where a field has no column, the name is left out.
    """

    table: str
    columns: Sequence[str] = ()

    def __call__(self, ordinal: int) -> str:
        name = f'"{self.columns[ordinal - 1]}":' if ordinal <= len(self.columns) else ""
        return f'"{self.table}"[{name}{ordinal}]'


TRANSIENT = ColumnNames("TRANSIENT_STAGE_TABLE")
