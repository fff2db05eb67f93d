"""ops.load_pending: every published batch that is not loaded yet, in the order of publication."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from snowflake.snowpark.exceptions import SnowparkSQLException

from snowpark_procs.environment import require_own_landing
from snowpark_procs.errors import ManifestError
from snowpark_procs.landing import acknowledge, list_published, manifest_path
from snowpark_procs.ledger import StepRun, recorded_failure
from snowpark_procs.load_batch import load_batch
from snowpark_procs.statements import run, time_text
from snowpark_procs.task_context import set_return_value

if TYPE_CHECKING:
    from snowflake.snowpark import Session

# What the task graph's WHENs compare with: nothing waits to be flagged; something does, and a batch after it failed.
NOTHING_WAITS, FAILED_AFTER_SOME = "EMPTY", "FAILED"
_ADVICE = "Publish the dates that may be missing again (run --from --to --again), then CALL ops.load_batch for this one"


@dataclass(frozen=True)
class _Place:
    """Where a batch stands among others.

    published_at: UTC. tables: by name, the snapshot that it starts after; empty where it is no link of the chain of snapshots
    (a backfill), or its manifest cannot be read.
    """

    published_at: datetime.datetime
    batch_id: str
    previous: str | None
    tables: Mapping[str, str | None]


def load_pending(session: Session, leave_failure: bool = False) -> dict[str, Any]:
    """Load the pending batches one by one, each in its own transaction; stop at the first that fails.

    Later batches build on earlier ones, so none is loaded past a failed one, or past one that is neither loaded nor in the
    landing, by this procedure (ops.load_batch can). Raises ManifestError for the latter, and what load_batch raises.
    Batches that are loaded but not acknowledged, because a run died in between, are acknowledged.
    As a task's body it tells its successors how many loaded batches wait to be flagged, or 'EMPTY'; one whose flagging failed,
    or that somebody loaded by hand, waits too. leave_failure: a batch that fails is left to the next call, in the same graph,
    where others wait to be flagged: the successors go on with those, and are told 'FAILED'.
    """
    require_own_landing(session)
    landing = list_published(session)
    loaded = {row[0] for row in run(session, "loaded_batch_ids")}
    for batch_id in sorted((landing.manifests & loaded) - landing.acknowledged):
        acknowledge(session, batch_id)
    summaries: list[dict[str, Any]] = []
    summary: dict[str, Any] = {"loaded": 0, "batches": summaries}
    told = ""
    try:
        for place in _in_order(session, landing.manifests - loaded):
            with recorded_failure(session, StepRun("load_batch", place.batch_id)):
                _check_previous(place, landing.manifests | loaded)
                _check_snapshots(session, place)
            summaries.append(load_batch(session, place.batch_id))
    except Exception as error:
        if not leave_failure or not _waiting(session):
            raise
        summary["failed"] = f"{type(error).__name__}: {error}"
        told = FAILED_AFTER_SOME
    summary["loaded"] = len(summaries)
    set_return_value(session, told or str(_waiting(session) or NOTHING_WAITS))
    return summary


def _waiting(session: Session) -> int:
    """How many loaded batches wait to be flagged."""
    return len(run(session, "unflagged_batch_ids"))


def _in_order(session: Session, batch_ids: frozenset[str]) -> list[_Place]:
    """Batches by published_at, then id. Publication follows the snapshots: each batch starts where the one before it ends.

    A manifest that cannot be read comes first: its load must stop the run.
    """
    return sorted(
        (_place(session, batch_id) for batch_id in batch_ids), key=lambda each: (each.published_at, each.batch_id)
    )


def _place(session: Session, batch_id: str) -> _Place:
    try:
        published_at, previous, mode, tables = run(session, "manifest_place", path=manifest_path(batch_id))[0]
        published = datetime.datetime.fromisoformat(str(published_at).removesuffix("Z"))
    except (SnowparkSQLException, IndexError, ValueError):  # ops.load_batch will name the place and record the failure
        return _Place(datetime.datetime.min, batch_id, None, {})
    links = json.loads(tables or "{}") if mode == "incremental" else {}
    starts = {name: table.get("from_snapshot_id") for name, table in links.items() if isinstance(table, dict)}
    return _Place(published, batch_id, previous, starts)


def _check_previous(place: _Place, known: frozenset[str] | set[str]) -> None:
    """Raise ManifestError where the batch published before is unknown here; the first one, and older manifests, name none."""
    if place.previous is not None and place.previous not in known:
        raise ManifestError(
            manifest_path(place.batch_id),
            f"follows batch {place.previous}, which is neither loaded here nor in the landing. {_ADVICE}",
            "previous",
        )


def _check_snapshots(session: Session, place: _Place) -> None:
    """Raise ManifestError where a batch starts after another snapshot than the loaded ones before it have reached.

    One that starts at a table's beginning needs none before it.
    """
    starts = {name: snapshot for name, snapshot in place.tables.items() if snapshot is not None}
    if not starts:
        return
    reached = {row[0]: row[1] for row in run(session, "snapshots_reached", [time_text(place.published_at)])}
    for name, snapshot in sorted(starts.items()):
        if reached.get(name) != snapshot:
            raise ManifestError(
                manifest_path(place.batch_id),
                f"starts after snapshot {snapshot}, and what is loaded reaches {reached.get(name) or 'none'}. {_ADVICE}",
                f"tables/{name}/from_snapshot_id",
            )
