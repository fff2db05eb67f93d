"""Define what the endpoint's parts share: the statement that comes in, and the result or Snowflake error that goes out.

The chain asks the families of a statement in order. A family answers with a `Result`, with a rewritten `Statement`
that the next one is asked about, or with None. What no family answers, DuckDB executes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

SUCCEEDED = "Statement executed successfully."
ColumnType = Literal[
    "TEXT", "FIXED", "REAL", "BOOLEAN", "DATE", "TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "VARIANT", "TIME", "BINARY"
]


@dataclass(frozen=True)
class Statement:
    """Hold one SQL statement as the client sent it.

    text: the SQL, without a final semicolon. binds: positional values (bind type, text value) in order; empty when none.
    describe_only: the client asks for the result's columns without running it.
    parameters: session parameters for this statement alone, in upper case.
    inlined: the texts that stand there for variables of a script. What is declared by a constant's length is not by theirs.
    """

    text: str
    binds: tuple[tuple[str, str | None], ...] = ()
    describe_only: bool = False
    parameters: Mapping[str, str] = field(default_factory=dict, hash=False)
    inlined: frozenset[str] = frozenset()

    def with_text(self, text: str) -> Statement:
        return replace(self, text=text)


@dataclass(frozen=True)
class Column:
    name: str
    type: ColumnType = "TEXT"
    scale: int = 0
    nullable: bool = True


@dataclass(frozen=True)
class Result:
    """Hold the rows that a family computed. rows hold Python values (datetime in UTC, Decimal, str, bool, None).

    inserted: how many rows CREATE TABLE AS has written.
    """

    columns: tuple[Column, ...]
    rows: Sequence[Sequence[Any]] = field(default_factory=list)
    inserted: int | None = None

    @staticmethod
    def status(message: str) -> Result:
        """Return the one-row answer of a DDL statement."""
        return Result((Column("status"),), [[message]])

    @staticmethod
    def created(kind: str, name: str) -> Result:
        """Answer CREATE. kind: as it begins a sentence."""
        return Result.status(f"{kind} {name} successfully created.")

    @staticmethod
    def existed(name: str) -> Result:
        """Answer CREATE … IF NOT EXISTS of what exists."""
        return Result.status(f"{name} already exists, statement succeeded.")

    @staticmethod
    def dropped(name: str) -> Result:
        """Answer DROP."""
        return Result.status(f"{name} successfully dropped.")

    @staticmethod
    def was_dropped(name: str) -> Result:
        """Answer DROP … IF EXISTS of what does not exist.

        See: https://docs.snowflake.com/en/sql-reference/sql/drop-iceberg-table
        """
        return Result.status(f"Drop statement executed successfully ({name} already dropped).")

    @staticmethod
    def succeeded() -> Result:
        """Answer a statement that has nothing else to tell."""
        return Result.status(SUCCEEDED)


class SqlError(Exception):
    """Carry a Snowflake error. The client raises it as ProgrammingError with this errno and SQL state."""

    def __init__(self, message: str, errno: int = 2140, sqlstate: str = "42601") -> None:
        super().__init__(message)
        self.message, self.errno, self.sqlstate = message, errno, sqlstate


def unsupported(what: str) -> SqlError:
    """Return the error that names what the stand-in cannot do."""
    return SqlError(f"Unsupported feature '{what}' in the local endpoint.", errno=2, sqlstate="0A000")
