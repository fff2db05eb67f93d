"""Hold RESULTSETs and cursors: rows that a block reads one after the other.

See: https://docs.snowflake.com/en/developer-guide/snowflake-scripting/cursors
and https://docs.snowflake.com/en/developer-guide/snowflake-scripting/resultsets
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from local_stack.endpoint.features.procedures.scripting.variables import Row, Variable, type_of
from local_stack.endpoint.outcome import Outcome
from local_stack.endpoint.statements import SqlError


@dataclass
class ResultSet:
    """Hold a RESULTSET. outcome: of the query it was assigned, None before."""

    name: str
    outcome: Outcome | None = None

    def rows(self) -> Outcome:
        """Return its rows. Raises SqlError where no query was assigned."""
        if self.outcome is None:
            raise SqlError(f"RESULTSET '{self.name}' has not been assigned a query.", 90150, "P0000")
        return self.outcome


@dataclass
class Cursor:
    """Hold a cursor. source: a query or the name of a RESULTSET. outcome: its rows while it is open."""

    name: str
    source: str
    outcome: Outcome | None = None
    left: Iterator[tuple[Any, ...]] | None = None

    def open(self, outcome: Outcome) -> None:
        """Open the cursor before its first row."""
        self.outcome, self.left = outcome, iter(outcome.rows())

    def close(self) -> None:
        """Let the rows go."""
        self.rows()
        self.outcome = self.left = None

    def rows(self) -> Outcome:
        """Return all its rows. Raises SqlError where it is not open."""
        if self.outcome is None:
            raise SqlError(f"Cursor '{self.name}' is not open.", 90150, "P0000")
        return self.outcome

    def fetch(self) -> list[Variable]:
        """Return the next row; beyond the last one NULLs."""
        columns = self.rows().columns
        row = next(self.left or iter(()), (None,) * len(columns))
        return [Variable(value, type_of(column)) for column, value in zip(columns, row, strict=True)]


def row_of(outcome: Outcome, values: tuple[Any, ...]) -> Row:
    """Name a row's values by their columns."""
    columns = zip(outcome.columns, values, strict=True)
    return Row({column.name: Variable(value, type_of(column)) for column, value in columns})
