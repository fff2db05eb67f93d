"""ops.load_pending: every published batch that is not loaded yet, in the order of publication."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from snowflake.snowpark.exceptions import SnowparkSQLException

from snowpark_procs.environment import require_own_landing
from snowpark_procs.landing import acknowledge, list_published, manifest_path
from snowpark_procs.load_batch import load_batch
from snowpark_procs.statements import run
from snowpark_procs.task_context import set_return_value

if TYPE_CHECKING:
    from snowflake.snowpark import Session

NOTHING_LOADED = "EMPTY"  # what the task graph's WHEN compares with


def load_pending(session: Session) -> dict[str, Any]:
    """Load the pending batches one by one, each in its own transaction; stop at the first that fails.

    Later batches build on earlier ones, so none is loaded past a failed one by this procedure (ops.load_batch can).
    Batches that are loaded but not acknowledged, because a run died in between, are acknowledged.
    As a task's body it returns the number of batches, or 'EMPTY', to its successors.
    """
    require_own_landing(session)
    landing = list_published(session)
    loaded = {row[0] for row in run(session, "loaded_batch_ids")}
    for batch_id in sorted((landing.manifests & loaded) - landing.acknowledged):
        acknowledge(session, batch_id)
    pending = _in_order(session, landing.manifests - loaded)
    summaries = [load_batch(session, batch_id) for batch_id in pending]
    set_return_value(session, str(len(summaries)) if summaries else NOTHING_LOADED)
    return {"loaded": len(summaries), "batches": summaries}


def _in_order(session: Session, batch_ids: frozenset[str]) -> list[str]:
    """Order by published_at, then id. A manifest that cannot be read comes first: its load must stop the run."""
    published_at = {batch_id: _published_at(session, batch_id) for batch_id in sorted(batch_ids)}
    return sorted(batch_ids, key=lambda batch_id: (published_at[batch_id], batch_id))


def _published_at(session: Session, batch_id: str) -> str:
    try:
        rows = run(session, "manifest_published_at", path=manifest_path(batch_id))
    except SnowparkSQLException:  # no JSON: ops.load_batch will name the file and record the failure
        return ""
    return (rows[0][0] or "") if rows else ""
