"""ops.purge_raw: rows of RAW that nothing asks for any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from snowpark_procs.errors import ArgumentError
from snowpark_procs.ledger import StepRun, recorded_failure, transaction
from snowpark_procs.statements import run

if TYPE_CHECKING:
    from snowflake.snowpark import Session

_TABLES = ("user_events", "transactions", "user_sessions")


def purge_raw(session: Session, keep_days: int) -> dict[str, Any]:
    """Delete the rows of batches that were flagged more than so many days ago; the ledger keeps the batches.

    STAGING has what came of them. Flagging a batch asks for RAW's rows of later ones, so those that were published after a batch
    that still waits stay. One transaction. Raises ArgumentError.
    """
    days = int(keep_days)
    if days < 1:
        raise ArgumentError(f"keep_days: {keep_days} is not a number of days from one on")
    step = StepRun("purge_raw", f"{days} days")
    with recorded_failure(session, step), transaction(session, step, "load"):
        step.detail = {table: int(run(session, "purge_raw_rows", [-days], table=table)[0][0]) for table in _TABLES}
        step.row_count = sum(step.detail.values())
        step.worked = step.row_count > 0
    return {"keep_days": days, "rows": step.detail}
