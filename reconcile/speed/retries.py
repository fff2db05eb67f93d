"""Tries again, with growing pauses, what a server that restarts or stalls may answer the next time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from reconcile.errors import SpeedLayerError

T = TypeVar("T")


def with_retries(work: Callable[[], T], attempts: int, pause_seconds: float) -> T:
    """Do the work; after a failure that may pass, wait and do it again, each pause twice the one before.

    Raises the last SpeedLayerError when all attempts failed, and at once one that does not pass by itself.
    """
    for attempt in range(1, attempts):
        try:
            return work()
        except SpeedLayerError as error:
            if not error.passes:
                raise
            time.sleep(pause_seconds * 2 ** (attempt - 1))
    return work()
