"""Every attempt at a step leaves one row in ops.step_runs: with the work when it succeeds, after the rollback when not."""

from __future__ import annotations

import datetime
import json
import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from snowpark_procs.statements import run, time_text

if TYPE_CHECKING:
    from snowflake.snowpark import Session

logger = logging.getLogger(__name__)

_OF_A_BATCH = ("load_batch", "flag_quality")  # their subject is a batch's id
Lock = Literal["load", "flag", "speed", "reconcile"]


def utc_now() -> datetime.datetime:
    """Now in UTC, without a zone, as the ledger's columns have it."""
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)


@dataclass
class StepRun:
    """One attempt at a step. A step with nothing to do sets worked to False: then nothing is stored, not even this."""

    step: str
    subject: str | None
    run_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    started_at: datetime.datetime = field(default_factory=utc_now)
    row_count: int | None = None
    detail: dict[str, Any] = field(default_factory=dict)
    worked: bool = True

    def values(self, status: str, finished_at: datetime.datetime) -> list[Any]:
        """The row of ops.step_runs, in the order of its columns; times as text, which binds the same everywhere."""
        duration_ms = (finished_at - self.started_at) // datetime.timedelta(milliseconds=1)
        times = [time_text(self.started_at), time_text(finished_at)]
        detail = json.dumps(self.detail, default=str)
        return [self.run_id, self.step, self.subject, status, self.row_count, *times, duration_ms, detail]


@contextmanager
def transaction(session: Session, step: StepRun, lock: Lock) -> Iterator[None]:
    """Run a step's work in one transaction, alone among steps of the same lock, and record it.

    Snowflake enforces no unique keys: two runs of a step at once would both insert. Each therefore first updates the
    row of its lock (ops.lock_<kind>, a table each: an UPDATE locks a partition), and the later one waits. Any error
    rolls everything back, is recorded, and passes on.
    """
    run(session, "begin")
    try:
        run(session, "take_lock", [step.run_id], lock=lock)
        yield
        if step.worked:
            run(session, "insert_step_run", step.values("succeeded", utc_now()))
            run(session, "commit")
        else:
            run(session, "rollback")
    except BaseException:
        run(session, "rollback")
        raise
    if step.worked:
        tell(step, "succeeded")


@contextmanager
def recorded_failure(session: Session, step: StepRun) -> Iterator[None]:
    """Record that the step failed, after whatever it had begun was rolled back, and let the error pass."""
    try:
        yield
    except Exception as error:
        step.detail = {"error": f"{type(error).__name__}: {error}"[:4000]}
        # A transaction of its own: the caller may have AUTOCOMMIT off.
        run(session, "begin")
        run(session, "insert_step_run", step.values("failed", utc_now()))
        run(session, "commit")
        tell(step, "failed", error)
        raise


def tell(step: StepRun, status: Literal["succeeded", "failed"], error: Exception | None = None) -> None:
    """Tell the event table what became of a step: an event on the CALL's span, and a line of the log with the same attributes.

    Snowflake gives a trace its id, so that the batch is an attribute; a CALL of several batches has an event for each.
    See: https://docs.snowflake.com/en/developer-guide/logging-tracing/tracing-python
    """
    import snowflake.telemetry as telemetry  # here, for outside Snowflake there is none

    told: dict[str, Any] = {"step": step.step, "status": status}
    if step.subject is not None:
        told["batch.id" if step.step in _OF_A_BATCH else "subject"] = step.subject
    if error is None and step.row_count is not None:
        told["rows"] = step.row_count
    if error is not None:
        told["error"] = f"{type(error).__name__}: {error}"[:1000]
    telemetry.add_event(step.step, told)
    telemetry.set_span_attribute("step", step.step)
    if "batch.id" in told:
        telemetry.set_span_attribute("batch.id", step.subject)  # the last one's, where a CALL is of several
    reason = f": {told['error']}" if error else ""
    logger.log(
        logging.ERROR if error else logging.INFO, "%s %s %s%s", step.step, step.subject, status, reason, extra=told
    )
