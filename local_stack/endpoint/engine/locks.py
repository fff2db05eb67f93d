"""Lock tables as Snowflake does: UPDATE, DELETE, MERGE and DDL on one table wait for each other, INSERTs do not.

DuckDB would answer a concurrent change of the same rows with a conflict error instead of waiting. See:
https://docs.snowflake.com/en/sql-reference/transactions#resource-locking
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable, Iterable

from local_stack.endpoint.engine import cancellation
from local_stack.endpoint.statements import SqlError

# A transaction that another one waits for, and whose session has run nothing for so long, is rolled back: its client may be gone.
# See: https://docs.snowflake.com/en/sql-reference/transactions#aborting-transactions
IDLE_BLOCKER_SECONDS = 300.0
_LOOK_SECONDS = 5.0
# How many statements may wait for one lock.
# See: https://docs.snowflake.com/en/sql-reference/transactions#resource-locking
_MOST_WAITERS = 20


class TableLocks:
    """Keep exclusive locks by table name, owned by a session until it releases them all. commits: how often something was
    committed, at least; definitions: how often that was more than rows. end_idle: rolls an owner's transaction back if it is
    idle for so many seconds; whether it was. at_work: an owner's latest statement, and its transaction."""

    def __init__(self, idle_seconds: float = IDLE_BLOCKER_SECONDS) -> None:
        self.commits = self.definitions = 0
        self.end_idle: Callable[[str, float], bool] = lambda owner, seconds: False
        self.at_work: Callable[[str], tuple[str, int | None]] = lambda owner: ("", None)
        self._idle_seconds = idle_seconds
        self._owners: dict[str, str] = {}
        self._taken: dict[str, dt.datetime] = {}
        self._waiting: dict[str, set[str]] = {}
        self._changed = threading.Condition()

    def acquire(self, owner: str, tables: Iterable[str], timeout: float) -> None:
        """Take every lock or none, within the timeout (seconds; 0: without waiting).

        Raises SqlError after the timeout, when the statement is canceled, and where waiting would never end: each of
        several transactions waits for a lock of another. The statement that closes the circle is the one that fails.
        """
        wanted = set(tables)
        deadline = time.monotonic() + timeout
        with cancellation.waking(self._wake), self._changed:
            try:
                while held := {table for table in wanted if self._owners.get(table, owner) != owner}:
                    cancellation.check()
                    if owner not in self._waiting and self._waiters(held) >= _MOST_WAITERS:
                        limit = f"the number of waiters for this lock exceeds the {_MOST_WAITERS} statements limit"
                        raise self._refusal(held, limit)
                    self._waiting[owner] = held
                    if self._waits_for_itself(owner):
                        raise self._refusal(held, "waiting for this lock would be a deadlock")
                    if self._end_idle({self._owners[table] for table in held}):
                        continue
                    left = deadline - time.monotonic()
                    if left <= 0:
                        raise self._refusal(held, f"it has waited for this lock for LOCK_TIMEOUT, {timeout:g} seconds")
                    self._changed.wait(min(left, _LOOK_SECONDS))
            finally:
                self._waiting.pop(owner, None)
            now = dt.datetime.now(dt.UTC)
            self._taken.update({table: now for table in wanted if table not in self._owners})
            self._owners.update(dict.fromkeys(wanted, owner))

    def listed(self) -> list[tuple[str, str, dt.datetime | None]]:
        """Return each lock that is held or waited for: the table, the owner, and since when the owner has it, if so."""
        with self._changed:
            held = [(table, owner, self._taken[table]) for table, owner in self._owners.items()]
            return held + [(table, owner, None) for owner, tables in self._waiting.items() for table in sorted(tables)]

    def note_commit(self, defines: bool = False) -> None:
        """Tell the open transactions that there may be something new to see."""
        with self._changed:
            self.commits += 1
            self.definitions += defines

    def release(self, owner: str) -> None:
        """Give up every lock of an owner."""
        with self._changed:
            self._owners = {table: holder for table, holder in self._owners.items() if holder != owner}
            self._taken = {table: since for table, since in self._taken.items() if table in self._owners}
            self._changed.notify_all()

    def _end_idle(self, owners: set[str]) -> bool:
        """End what an owner does that is idle. Nothing is locked meanwhile, since they release what they have."""
        self._changed.release()
        try:
            return any(self.end_idle(owner, self._idle_seconds) for owner in owners)
        finally:
            self._changed.acquire()

    def _waits_for_itself(self, owner: str) -> bool:
        """Return whether the owner waits, by way of others, for a lock of its own."""
        seen, ahead = set(), [owner]
        while ahead:
            for table in self._waiting.get(ahead.pop(), ()):
                holder = self._owners.get(table)
                if holder == owner:
                    return True
                if holder is not None and holder not in seen:
                    seen.add(holder)
                    ahead.append(holder)
        return False

    def _waiters(self, tables: set[str]) -> int:
        return max(sum(table in wanted for wanted in self._waiting.values()) for table in tables)

    def _refusal(self, tables: set[str], why: str) -> SqlError:
        """Return the error for a statement that does not get a lock; Snowflake names a table without its schema."""
        table = min(tables)
        statement, transaction = self.at_work(self._owners[table])
        message = (
            f"Statement '{statement}' has locked table '{table.rpartition('.')[2]}' in transaction {transaction}"
            f" and this lock has not yet been released.\nYour statement was aborted because {why}."
        )
        return SqlError(message, 625, "57014")

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()
