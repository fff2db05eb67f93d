"""Table locks as Snowflake has them: UPDATE, DELETE, MERGE and DDL on one table wait for each other, INSERTs do not.

DuckDB would answer a concurrent change of the same rows with a conflict error instead of waiting.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

from local_stack.endpoint.statements import SqlError

# Snowflake's default LOCK_TIMEOUT is 43200 s; a laptop's session that waits longer than this waits for itself.
LOCK_TIMEOUT_SECONDS = 60.0


class TableLocks:
    """Exclusive locks by table name, owned by a session until it releases them all."""

    def __init__(self, timeout_seconds: float = LOCK_TIMEOUT_SECONDS) -> None:
        self._owners: dict[str, str] = {}
        self._changed = threading.Condition()
        self._timeout = timeout_seconds

    def acquire(self, owner: str, tables: Iterable[str]) -> None:
        """Take every lock or none. Raises SqlError (Snowflake 000625) after the timeout."""
        wanted = set(tables)
        deadline = time.monotonic() + self._timeout
        with self._changed:
            while any(self._owners.get(table, owner) != owner for table in wanted):
                if not self._changed.wait(deadline - time.monotonic()) and time.monotonic() >= deadline:
                    raise SqlError(
                        f"Statement could not get the lock on {', '.join(sorted(wanted))} within {self._timeout:.0f} s: "
                        "another session's transaction has it.",
                        errno=625,
                        sqlstate="57014",
                    )
            self._owners.update(dict.fromkeys(wanted, owner))

    def release(self, owner: str) -> None:
        with self._changed:
            self._owners = {table: holder for table, holder in self._owners.items() if holder != owner}
            self._changed.notify_all()
