"""Tells a collector of traces what a command did, day by day, in the trace of the newest batch that the warehouse has.

An extraction or a comparison is of many batches. The one that it can be the first to see is the newest.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from monitoring.traces import Step, tell, wanted
from reconcile.errors import ReconcileError

_SERVICE = "reconcile"


@dataclass
class Trace:
    """What a command has done so far. told: what it counted in all."""

    start_ns: int = field(default_factory=time.time_ns)
    stages: list[Step] = field(default_factory=list)
    told: dict[str, int | str] = field(default_factory=dict)
    _since_ns: int = field(default_factory=time.time_ns)

    def ended(self, name: str, told: Mapping[str, int | str], succeeded: bool = True) -> None:
        """Note a stage that ends now, and began where the one before it ended."""
        now = time.time_ns()
        self.stages.append(Step(name, self._since_ns, now, succeeded, told))
        self._since_ns = now

    def skipped(self) -> None:
        """Begin the next stage now, and tell nothing of the time before."""
        self._since_ns = time.time_ns()


@contextmanager
def traced(command: str, newest_batch: Callable[[], str | None]) -> Iterator[Trace]:
    """Tell what a command did, where the standard variables name a collector. Only there is the newest batch asked for."""
    trace = Trace()
    if not wanted(_SERVICE):
        yield trace
        return
    try:
        batch_id = newest_batch()
    except ReconcileError:
        batch_id = None  # the command will say by itself what cannot be reached
    returned = False
    try:
        yield trace
        returned = True
    except ReconcileError as error:
        trace.told["error"] = str(error)
        raise
    finally:
        succeeded = returned and all(stage.succeeded for stage in trace.stages)
        whole = Step(command, trace.start_ns, time.time_ns(), succeeded, trace.told)
        tell(_SERVICE, whole, trace.stages, batch_id, lines=sys.stderr)
