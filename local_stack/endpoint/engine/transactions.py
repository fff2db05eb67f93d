"""Keep Snowflake's transaction rules over DuckDB's.

- A DDL statement (CTAS included) commits the open transaction and is one of its own.
- Outside a transaction every statement is atomic by itself, MERGE and COPY included.
- Each statement of a transaction sees what others have committed before it began, and the transaction's own writes
  (READ COMMITTED): where others have committed, DuckDB's transaction is begun anew and gets the writes again
  (own_writes.py). What a transaction updates or deletes is locked until its end (locks.py).
- A statement that fails undoes what it has done itself; the transaction stays open.

See: https://docs.snowflake.com/en/sql-reference/transactions
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import TypeVar

import duckdb

from local_stack.endpoint.engine import cancellation
from local_stack.endpoint.engine.locks import TableLocks
from local_stack.endpoint.engine.own_writes import OwnWrites
from local_stack.endpoint.errors import TransactionAborted

T = TypeVar("T")
_CONFLICT_RETRIES = 20


class Effect(Enum):
    """Name what a statement does to the transaction."""

    READ = "read"
    APPEND = "append"  # INSERT and COPY: no lock
    CHANGE = "change"  # UPDATE, DELETE, MERGE, TRUNCATE: locks its table
    DDL = "ddl"


class Transaction:
    """Hold the transaction state of one session. Not thread-safe: the session's lock guards it."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, locks: TableLocks, owner: str, lock_timeout: Callable[[], float]
    ) -> None:
        self._connection, self._locks, self._owner, self._lock_timeout = connection, locks, owner, lock_timeout
        self.autocommit = True
        self.open = False
        self._own = OwnWrites(connection, connection.cursor)
        self._begun = False
        self._seen = 0
        self._number = 0
        self._aborted = ""

    @property
    def number(self) -> int | None:
        """Return the transaction's number, which is when it began: nanoseconds since 1970. None outside one."""
        return self._number if self.open else None

    def begin(self) -> None:
        """Begin: within an open transaction it does nothing, as in Snowflake."""
        self._tell()
        self._open()

    def commit(self) -> None:
        """Commit; without an open transaction it does nothing."""
        self._tell()
        try:
            if self._begun:
                self._control("COMMIT")
        finally:
            if self._own:
                self._locks.note_commit()
            self._reset()

    def rollback(self) -> None:
        """Roll back; without an open transaction it does nothing."""
        self._aborted = ""
        try:
            if self._begun:
                self._control("ROLLBACK")
        finally:
            self._reset()

    def abort(self, why: str) -> None:
        """Roll back what the session knows nothing of: its next statement fails and tells why, if it is not a ROLLBACK."""
        self.rollback()
        self._aborted = why

    def _tell(self) -> None:
        why, self._aborted = self._aborted, ""
        if why:
            raise TransactionAborted(why)

    def run(
        self, effect: Effect, tables: Iterable[str], action: Callable[[], T], writes: Mapping[str, bool] | None = None
    ) -> T:
        """Run one statement under these rules. tables: full names of what it changes.

        writes: the tables that it writes to, as DuckDB names them, and whether rows there may change.
        """
        self._tell()
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
        with cancellation.shielded():
            self._renew()
        try:
            if effect is not Effect.READ:
                self._own.about_to_write(dict(writes or {}))
            return action()
        except BaseException:
            with cancellation.shielded():
                self._undo_statement(effect)
            raise

    def _alone(self, tables: Iterable[str], action: Callable[[], T], atomic: bool) -> T:
        """Run outside a transaction: atomic, repeated when DuckDB reports a conflict with another session."""
        self._locks.acquire(self._owner, tables, self._lock_timeout())
        try:
            for attempt in range(_CONFLICT_RETRIES):
                try:
                    return self._atomically(action) if atomic else action()
                except Exception as error:
                    if attempt == _CONFLICT_RETRIES - 1 or not _is_conflict(error):
                        raise
                    time.sleep(0.01 * (attempt + 1))
            raise AssertionError  # not reached: the last attempt returns or raises
        finally:
            self._locks.note_commit(defines=not atomic)
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
        """Let the statement that is about to run see what is committed."""
        self._own.keep()
        if not self._begun or not self._own or self._seen != self._locks.commits:
            self._begin_anew()

    def _undo_statement(self, effect: Effect) -> None:
        """Undo what a statement that failed has done; a query has done nothing, unless its error ended the transaction."""
        if effect is Effect.READ:
            try:
                self._connection.execute("SELECT 1").fetchall()
            except duckdb.Error:
                pass
            else:
                return
        self._begin_anew()

    def _begin_anew(self) -> None:
        """Begin DuckDB's transaction, again if it has begun, with everything that was kept of the transaction's writes."""
        with self._own.held():
            if self._begun:
                self._control("ROLLBACK")
            self._seen = self._locks.commits
            self._control("BEGIN")
            self._begun = True
            try:
                self._own.replay()
            except duckdb.Error as error:
                self.rollback()
                raise TransactionAborted(f"Its writes no longer fit. {error}") from error

    def _control(self, command: str) -> None:
        with cancellation.shielded():
            self._connection.execute(command)

    def _open(self) -> None:
        if not self.open:
            self._number = time.time_ns()
        self.open = True

    def _reset(self) -> None:
        self.open = self._begun = False
        self._own.forget()
        self._locks.release(self._owner)


def _is_conflict(error: BaseException) -> bool:
    """Return DuckDB's optimistic concurrency: another session changed or created the same thing meanwhile."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, duckdb.TransactionException) and "conflict" in str(seen).lower():
            return True
        if isinstance(seen, duckdb.Error) and "write-write conflict" in str(seen).lower():
            return True
        seen = seen.__cause__ or seen.__context__
    return False
