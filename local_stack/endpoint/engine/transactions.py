"""Snowflake's transaction rules over DuckDB's.

- A DDL statement (CTAS included) commits the open transaction and is one of its own.
- Outside a transaction every statement is atomic by itself, MERGE and COPY included.
- Until its first write a transaction sees what others commit (READ COMMITTED): its DuckDB snapshot is renewed by each
  statement. From its first write on it keeps one snapshot, and locks what it updates or deletes (locks.py).
- An error found when compiling leaves the transaction open, as in Snowflake. After an error while running DuckDB can
  only roll back the whole transaction: the statements that follow are refused until ROLLBACK (COMMIT is refused too).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from enum import Enum
from typing import TypeVar

import duckdb

from local_stack.endpoint.engine import cancellation
from local_stack.endpoint.engine.locks import TableLocks
from local_stack.endpoint.errors import TransactionAborted

T = TypeVar("T")
_CONFLICT_RETRIES = 20


class Effect(Enum):
    """What a statement does to the transaction."""

    READ = "read"
    APPEND = "append"  # INSERT and COPY: no lock
    CHANGE = "change"  # UPDATE, DELETE, MERGE, TRUNCATE: locks its table
    DDL = "ddl"


class Transaction:
    """The transaction state of one session. Not thread-safe: the session's lock guards it."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, locks: TableLocks, owner: str, lock_timeout: Callable[[], float]
    ) -> None:
        self._connection, self._locks, self._owner, self._lock_timeout = connection, locks, owner, lock_timeout
        self.autocommit = True
        self.open = False
        self.aborted = False
        self._wrote = False
        self._begun = False
        self._count = 0

    @property
    def number(self) -> int | None:
        """Counts this session's transactions; None outside one."""
        return self._count if self.open else None

    def begin(self) -> None:
        """BEGIN: within an open transaction it does nothing, as in Snowflake."""
        self._open()

    def commit(self) -> None:
        """COMMIT; without an open transaction it does nothing. Raises TransactionAborted after a failed statement."""
        if self.aborted:
            raise TransactionAborted
        try:
            if self._begun:
                self._control("COMMIT")
        finally:
            self._reset()

    def rollback(self) -> None:
        """ROLLBACK; without an open transaction it does nothing."""
        try:
            if self._begun:
                self._control("ROLLBACK")
        finally:
            self._reset()

    def run(self, effect: Effect, tables: Iterable[str], action: Callable[[], T]) -> T:
        """Run one statement under these rules. tables: full names of what it changes."""
        if self.aborted:
            raise TransactionAborted
        if effect is Effect.DDL:
            self.commit()
            return self._alone(tables, action, atomic=False)
        if not self.open and (self.autocommit or effect is Effect.READ):
            if effect is Effect.READ:
                return action()
            return self._alone(tables if effect is Effect.CHANGE else (), action, atomic=True)
        self._open()
        if effect is Effect.CHANGE:
            self._locks.acquire(self._owner, tables, self._lock_timeout())
        if not self._wrote:
            self._renew()
        try:
            value = action()
        except Exception:
            self._note_failure()
            raise
        self._wrote = self._wrote or effect is not Effect.READ
        return value

    def _alone(self, tables: Iterable[str], action: Callable[[], T], atomic: bool) -> T:
        """Outside a transaction: atomic, repeated when DuckDB reports a conflict with another session."""
        self._locks.acquire(self._owner, tables, self._lock_timeout())
        try:
            for attempt in range(_CONFLICT_RETRIES):
                try:
                    return self._atomically(action) if atomic else action()
                except Exception as error:
                    if attempt == _CONFLICT_RETRIES - 1 or not _is_conflict(error):
                        raise
                    time.sleep(0.01 * (attempt + 1))
            raise TransactionAborted  # not reached: the last attempt returns or raises
        finally:
            self._locks.release(self._owner)

    def _atomically(self, action: Callable[[], T]) -> T:
        self._control("BEGIN")
        try:
            value = action()
        except BaseException:
            self._control("ROLLBACK")
            raise
        self._control("COMMIT")
        return value

    def _renew(self) -> None:
        if self._begun:
            self._control("ROLLBACK")
        self._control("BEGIN")
        self._begun = True

    def _note_failure(self) -> None:
        try:
            self._connection.execute("SELECT 1").fetchall()
        except duckdb.Error:
            if self._wrote:
                self.aborted = True
            else:
                self._control("ROLLBACK")
                self._begun = False

    def _control(self, command: str) -> None:
        with cancellation.shielded():
            self._connection.execute(command)

    def _open(self) -> None:
        if not self.open:
            self._count += 1
        self.open = True

    def _reset(self) -> None:
        self.open = self.aborted = self._wrote = self._begun = False
        self._locks.release(self._owner)


def _is_conflict(error: BaseException) -> bool:
    """DuckDB's optimistic concurrency: another session changed or created the same thing meanwhile."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, duckdb.TransactionException) and "conflict" in str(seen).lower():
            return True
        if isinstance(seen, duckdb.Error) and "write-write conflict" in str(seen).lower():
            return True
        seen = seen.__cause__ or seen.__context__
    return False
