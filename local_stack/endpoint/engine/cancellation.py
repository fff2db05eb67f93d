"""End a statement before its end: who asks for it, and what must be woken so that it hears of it.

A statement runs in one thread, with its `Cancellation` in a context variable. What it waits for (a query in DuckDB, a
lock, a handler's process) is registered with `waking` meanwhile. See:
https://docs.snowflake.com/en/user-guide/querying-cancel-statements
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar

import duckdb

from local_stack.endpoint.statements import SqlError

_INSIST_SECONDS = 0.05
_CHECK_SECONDS = 0.1


def canceled() -> SqlError:
    """Make the error of a statement that somebody canceled."""
    return SqlError("SQL execution canceled", 604, "57014")


class Cancellation:
    """Hold whether one statement is to end, and why. parent: the statement that runs it, a CALL."""

    def __init__(self, parent: Cancellation | None = None) -> None:
        self._mutex = threading.RLock()
        self._reason: SqlError | None = None
        self._ended = threading.Event()
        self._wakers: list[Callable[[], object]] = []
        self._children: list[Cancellation] = []
        self.parent = parent
        if parent is not None:
            parent._adopt(self)

    def _adopt(self, child: Cancellation) -> None:
        with self._mutex:
            self._children = [one for one in self._children if not one._ended.is_set()] + [child]
            reason = self._reason
        if reason is not None:
            child.request(reason)

    def request(self, reason: SqlError) -> bool:
        """Ask the statement, and what it runs, to end with this error; whether it was still running."""
        with self._mutex:
            if self._ended.is_set() or self._reason is not None:
                return False
            self._reason = reason
            children = list(self._children)
        for child in children:
            child.request(reason)
        threading.Thread(target=self._insist, daemon=True).start()
        return True

    def _insist(self) -> None:
        """Wake again and again: DuckDB forgets an interruption that comes between two of a statement's queries."""
        while True:
            with self._mutex:
                for wake in self._wakers:
                    wake()
            if self._ended.wait(_INSIST_SECONDS):
                return

    def check(self) -> None:
        """Raise the error with which the statement is to end, if it is."""
        if (reason := self._reason) is not None:
            raise SqlError(reason.message, reason.errno, reason.sqlstate)

    def end(self) -> None:
        """Tell that the statement has ended: nothing can cancel it from now on."""
        self._ended.set()

    def register(self, wake: Callable[[], object]) -> None:
        """Call this when the statement is to end, until it is unregistered."""
        with self._mutex:
            self._wakers.append(wake)

    def unregister(self, wake: Callable[[], object]) -> None:
        """Call this no longer. It is not under way when this returns."""
        with self._mutex:
            self._wakers.remove(wake)

    @contextlib.contextmanager
    def shielded(self) -> Iterator[None]:
        """Wake nobody meanwhile."""
        with self._mutex:
            yield

    def is_within(self, other: Cancellation) -> bool:
        """Return whether this is the other statement, or one that it runs."""
        return self is other or (self.parent is not None and self.parent.is_within(other))


current: ContextVar[Cancellation | None] = ContextVar("cancellation", default=None)


@contextlib.contextmanager
def statement(parent: Cancellation | None = None) -> Iterator[Cancellation]:
    """Run a statement that can be canceled, in this thread."""
    cancellation = Cancellation(parent)
    token = current.set(cancellation)
    try:
        yield cancellation
    finally:
        current.reset(token)
        cancellation.end()


def check() -> None:
    """Raise the error with which this thread's statement is to end, if it is."""
    if (cancellation := current.get()) is not None:
        cancellation.check()


@contextlib.contextmanager
def waking(wake: Callable[[], object]) -> Iterator[None]:
    """Call `wake` when this thread's statement is to end; raise its error where it is already."""
    cancellation = current.get()
    if cancellation is None:
        yield
        return
    cancellation.register(wake)
    try:
        cancellation.check()
        yield
    finally:
        cancellation.unregister(wake)


@contextlib.contextmanager
def shielded() -> Iterator[None]:
    """Do what must not be left half done: the end of a transaction."""
    cancellation = current.get()
    with cancellation.shielded() if cancellation is not None else contextlib.nullcontext():
        yield


@contextlib.contextmanager
def time_limit(running: Cancellation, seconds: float, error: SqlError) -> Iterator[None]:
    """End a statement with an error when it takes longer. seconds: 0 for no limit."""
    if not seconds:
        yield
        return
    timer = threading.Timer(seconds, running.request, [error])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def sleep(seconds: float) -> None:
    """Wait. Raises SqlError when the statement is canceled meanwhile."""
    event = threading.Event()
    with waking(event.set):
        event.wait(seconds)
    check()


class ConnectionLock:
    """Lock a DuckDB connection, reentrantly. Canceling a statement interrupts the connection only while it has the lock."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._lock = threading.RLock()
        self._interrupt = connection.interrupt
        self._depth = 0
        self._holder: Cancellation | None = None

    def __enter__(self) -> None:
        if not self._lock.acquire(blocking=False):
            while not self._lock.acquire(timeout=_CHECK_SECONDS):
                check()
        self._entered()

    @contextlib.contextmanager
    def if_free(self) -> Iterator[bool]:
        """Enter without waiting, and yield whether that was possible."""
        free = self._lock.acquire(blocking=False)
        if free:
            self._entered()
        try:
            yield free
        finally:
            if free:
                self.__exit__()

    def _entered(self) -> None:
        self._depth += 1
        if self._depth == 1:
            self._holder = current.get()
            if self._holder is not None:
                self._holder.register(self._interrupt)

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if self._depth == 0 and self._holder is not None:
            self._holder.unregister(self._interrupt)
            self._holder = None
        self._lock.release()
