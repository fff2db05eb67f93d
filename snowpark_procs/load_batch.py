"""ops.load_batch: the files of one published batch into RAW, whole and as promised, or not at all."""

from __future__ import annotations

import datetime
import logging
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from snowflake.snowpark.exceptions import SnowparkSQLException

from snowpark_procs.code_version import code_version
from snowpark_procs.environment import require_own_landing
from snowpark_procs.errors import ManifestError
from snowpark_procs.identifiers import batch_identifier
from snowpark_procs.landing import acknowledge_if_missing, manifest_path
from snowpark_procs.ledger import StepRun, recorded_failure, transaction, utc_now
from snowpark_procs.manifest import ControlTotals, Dataset, Manifest, read_manifest
from snowpark_procs.staged_batches import check_staged, copy_batch_files
from snowpark_procs.staged_copy import refuse_shifting_time_zone
from snowpark_procs.statements import run, time_text
from snowpark_procs.verification import check_files, check_totals

if TYPE_CHECKING:
    from snowflake.snowpark import Session

logger = logging.getLogger(__name__)

# Per dataset: the money column (NULL: none), and the column whose range is checked.
_CHECKED = {
    "user_events": ("NULL", "timestamp"),
    "transactions": ("total_amount", "created_at"),
    "user_sessions": ("total_spent", "session_start"),
}


def load_batch(session: Session, batch_id: str) -> dict[str, Any]:
    """Load one batch, in one transaction, checked against its manifest; then acknowledge it in the landing.

    A batch that is loaded already is left alone: the summary says `already_loaded`. Files that lie in the batch's folder
    and are not in its manifest are not loaded; the summary names them (`ignored`).
    Raises ArgumentError, ManifestError, TimeZoneError, LoadMismatchError, UnreadableFileError: nothing is loaded then.
    """
    batch_id = batch_identifier(batch_id)
    step = StepRun("load_batch", batch_id)
    rows: dict[str, int] = {}
    ignored: list[str] = []
    with recorded_failure(session, step):
        require_own_landing(session)
        if _is_loaded(session, batch_id):
            step.worked = False
        else:
            manifest = _manifest(session, batch_id)
            refuse_shifting_time_zone(session)
            for dataset in manifest.datasets:
                ignored += [
                    f"{name} is not in the manifest: it was not loaded"
                    for name in check_staged(session, batch_id, dataset)
                ]
            rows = {dataset.name: dataset.totals.rows for dataset in manifest.datasets}
            step.row_count = sum(rows.values())
            step.detail = {**rows, **({"ignored": ignored} if ignored else {})}
            with transaction(session, step, "load"):
                _load(session, manifest, step)
        acknowledged = acknowledge_if_missing(session, batch_id)
    if not step.worked:
        return {"batch_id": batch_id, "status": "already_loaded", "acknowledged": acknowledged}
    for sentence in ignored:
        logger.warning("batch %s: %s", batch_id, sentence, extra={"batch.id": batch_id})
    summary = {"batch_id": batch_id, "status": "loaded", "rows": step.row_count, "datasets": rows}
    return {**summary, "ignored": ignored} if ignored else summary


def _is_loaded(session: Session, batch_id: str) -> bool:
    return bool(run(session, "batch_is_loaded", [batch_id])[0][0])


def _manifest(session: Session, batch_id: str) -> Manifest:
    path = manifest_path(batch_id)
    try:
        documents = run(session, "read_manifest", path=path)
    except SnowparkSQLException as error:
        raise ManifestError(path, f"cannot be read as JSON ({error.message})") from error
    if not documents:
        raise ManifestError(path, "is not in the landing: the batch is not published")
    if len(documents) > 1:
        raise ManifestError(path, "holds more than one document")
    return read_manifest(path, documents[0][0], batch_id)


def _load(session: Session, manifest: Manifest, step: StepRun) -> None:
    if _is_loaded(session, manifest.batch_id):  # another run was faster while this one waited for the lock
        step.worked = False
        return
    for dataset in manifest.datasets:
        _load_dataset(session, manifest.batch_id, dataset)
    run(
        session,
        "insert_batch",
        [
            manifest.batch_id,
            manifest.contract_version,
            manifest.mode,
            manifest.document,
            time_text(manifest.published_at),
            str((utc_now() - step.started_at).total_seconds()),
            code_version(),
        ],
    )


def _load_dataset(session: Session, batch_id: str, dataset: Dataset) -> None:
    subject = f"Batch {batch_id}"
    if dataset.files:
        run(session, "delete_batch_rows", [batch_id], table=dataset.name)
        check_files(subject, dataset.name, dataset.files, copy_batch_files(session, batch_id, dataset))
        totals = _loaded_totals(session, batch_id, dataset)
    else:
        totals = ControlTotals(0, None if dataset.totals.money is None else Decimal(0), None, None)
    check_totals(subject, dataset.name, dataset.totals, totals)
    run(
        session,
        "insert_batch_dataset",
        [
            batch_id,
            dataset.name,
            dataset.handling,
            dataset.scope,
            len(dataset.files),
            dataset.bytes,
            *dataset.snapshots,
            totals.rows,
            None if totals.money is None else str(totals.money),
            _text(totals.min_time),
            _text(totals.max_time),
        ],
    )


def _loaded_totals(session: Session, batch_id: str, dataset: Dataset) -> ControlTotals:
    """Return what RAW has of the batch's dataset."""
    money, time = _CHECKED[dataset.name]
    found = run(session, "loaded_totals", [batch_id], table=dataset.name, money=money, time=time)[0]
    return ControlTotals(
        rows=int(found[0]),
        money=None if dataset.totals.money is None else Decimal(found[1] or 0),
        min_time=_time(found[2]),
        max_time=_time(found[3]),
    )


def _time(text: str | None) -> datetime.datetime | None:
    return None if text is None else datetime.datetime.fromisoformat(text)


def _text(time: datetime.datetime | None) -> str | None:
    return None if time is None else time_text(time)
