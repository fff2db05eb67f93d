"""ops.load_pending: every published batch that is not loaded yet, in the order of publication."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from snowflake.snowpark.exceptions import SnowparkSQLException

from snowpark_procs.environment import require_own_landing
from snowpark_procs.errors import ManifestError
from snowpark_procs.landing import acknowledge, list_published, manifest_path
from snowpark_procs.ledger import StepRun, recorded_failure
from snowpark_procs.load_batch import load_batch
from snowpark_procs.statements import run
from snowpark_procs.task_context import set_return_value

if TYPE_CHECKING:
    from snowflake.snowpark import Session

NOTHING_WAITS = "EMPTY"  # what the task graph's WHEN compares with


def load_pending(session: Session) -> dict[str, Any]:
    """Load the pending batches one by one, each in its own transaction; stop at the first that fails.

    Later batches build on earlier ones, so none is loaded past a failed one, or past one that is neither loaded nor in the
    landing, by this procedure (ops.load_batch can). Raises ManifestError for the latter, and what load_batch raises.
    Batches that are loaded but not acknowledged, because a run died in between, are acknowledged.
    As a task's body it tells its successors how many loaded batches wait to be flagged, or 'EMPTY'; one whose flagging failed,
    or that somebody loaded by hand, waits too.
    """
    require_own_landing(session)
    landing = list_published(session)
    loaded = {row[0] for row in run(session, "loaded_batch_ids")}
    for batch_id in sorted((landing.manifests & loaded) - landing.acknowledged):
        acknowledge(session, batch_id)
    summaries = []
    for batch_id, previous in _in_order(session, landing.manifests - loaded):
        with recorded_failure(session, StepRun("load_batch", batch_id)):
            _check_previous(batch_id, previous, landing.manifests | loaded)
        summaries.append(load_batch(session, batch_id))
    waiting = len(run(session, "unflagged_batch_ids"))
    set_return_value(session, str(waiting) if waiting else NOTHING_WAITS)
    return {"loaded": len(summaries), "batches": summaries}


def _in_order(session: Session, batch_ids: frozenset[str]) -> list[tuple[str, str | None]]:
    """Batches, each with the one published before it, by published_at, then id.

    A manifest that cannot be read comes first: its load must stop the run.
    """
    places = {batch_id: _place(session, batch_id) for batch_id in sorted(batch_ids)}
    return [(batch_id, places[batch_id][1]) for batch_id in sorted(places, key=lambda each: (places[each][0], each))]


def _place(session: Session, batch_id: str) -> tuple[str, str | None]:
    try:
        rows = run(session, "manifest_place", path=manifest_path(batch_id))
    except SnowparkSQLException:  # no JSON: ops.load_batch will name the file and record the failure
        return "", None
    return (rows[0][0] or "", rows[0][1]) if rows else ("", None)


def _check_previous(batch_id: str, previous: str | None, known: frozenset[str] | set[str]) -> None:
    """Raise ManifestError where the batch published before is unknown here; the first one, and older manifests, name none."""
    if previous is not None and previous not in known:
        raise ManifestError(
            manifest_path(batch_id),
            f"follows batch {previous}, which is neither loaded here nor in the landing. Publish the dates that it may have"
            " brought again (run --from --to --again), then CALL ops.load_batch for this one",
            "previous",
        )
