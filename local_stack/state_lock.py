"""Lets one pipeline at a time work in a state folder."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from local_stack.errors import BusyError
from local_stack.layout import Layout, short

LOCK = "lock"


@contextmanager
def alone(layout: Layout) -> Iterator[None]:
    """Hold the folder's lock while the block runs; the system takes it back from a process that dies.

    Raises BusyError where another command holds it.
    """
    layout.root.mkdir(parents=True, exist_ok=True)
    with (layout.root / LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(
                f"another demo or run works in {short(layout.root)}: wait for its end, or give this one a folder of its own"
                " (--state FOLDER, or another --seed)"
            ) from None
        yield
