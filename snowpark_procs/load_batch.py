"""ops.load_batch: the files of one published batch into RAW, whole and as promised, or not at all."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from snowflake.snowpark.exceptions import SnowparkSQLException

from snowpark_procs.environment import require_own_landing
from snowpark_procs.errors import ManifestError
from snowpark_procs.identifiers import batch_identifier
from snowpark_procs.landing import acknowledge_if_missing, manifest_path
from snowpark_procs.ledger import StepRun, recorded_failure, transaction
from snowpark_procs.manifest import ControlTotals, Dataset, Manifest, read_manifest
from snowpark_procs.staged_copy import copy_files, refuse_shifting_time_zone
from snowpark_procs.statements import run, time_text
from snowpark_procs.verification import check_files, check_totals

if TYPE_CHECKING:
    from snowflake.snowpark import Session

# Per dataset: the money column (NULL: none), the column whose range is checked, and the columns that identify a row.
_CHECKED = {
    "user_events": ("NULL", "timestamp", ("event_id", "timestamp", "event_type")),
    "transactions": ("total_amount", "created_at", ("transaction_id", "created_at", "total_amount")),
    "user_sessions": ("total_spent", "session_start", ("session_id", "session_start", "event_count")),
}


def load_batch(session: Session, batch_id: str) -> dict[str, Any]:
    """Load one batch, in one transaction, checked against its manifest; then acknowledge it in the landing.

    A batch that is loaded already is left alone: the summary says `already_loaded`.
    Raises ArgumentError, ManifestError, TimeZoneError, LoadMismatchError: nothing is loaded then.
    """
    batch_id = batch_identifier(batch_id)
    step = StepRun("load_batch", batch_id)
    with recorded_failure(session, step):
        require_own_landing(session)
        if _is_loaded(session, batch_id):
            step.worked = False
        else:
            manifest = _manifest(session, batch_id)
            refuse_shifting_time_zone(session)
            with transaction(session, step, "load"):
                _load(session, manifest, step)
        acknowledged = acknowledge_if_missing(session, batch_id)
    if not step.worked:
        return {"batch_id": batch_id, "status": "already_loaded", "acknowledged": acknowledged}
    return {"batch_id": batch_id, "status": "loaded", "rows": step.row_count, "datasets": step.detail}


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
        step.detail[dataset.name] = dataset.totals.rows
    step.row_count = sum(dataset.totals.rows for dataset in manifest.datasets)
    run(
        session,
        "insert_batch",
        [
            manifest.batch_id,
            manifest.contract_version,
            manifest.mode,
            manifest.document,
            time_text(manifest.published_at),
        ],
    )


def _load_dataset(session: Session, batch_id: str, dataset: Dataset) -> None:
    run(session, "delete_batch_rows", [batch_id], table=dataset.name)
    copy_files(session, f"raw.{dataset.name}", dataset.stage, [file.path for file in dataset.files])
    # COPY that matches by column name can set no constant; the files may lack the column, so their rows have none yet.
    run(session, "claim_rows", [batch_id], table=dataset.name)
    by_file = {row[0]: int(row[1]) for row in run(session, "loaded_files", [batch_id], table=dataset.name)}
    subject = f"Batch {batch_id}"
    check_files(subject, dataset.name, dataset.files, by_file)
    money, time, key = _CHECKED[dataset.name]
    matched = " + ".join(f"COUNT({column})" for column in key)
    found = run(session, "loaded_totals", [batch_id], table=dataset.name, money=money, time=time, matched=matched)[0]
    totals = ControlTotals(
        rows=int(found[0]),
        money=None if dataset.totals.money is None else Decimal(found[2] or 0),
        min_time=_time(found[3]),
        max_time=_time(found[4]),
    )
    check_totals(subject, dataset.name, dataset.totals, totals, int(found[1]))
    run(
        session,
        "insert_batch_dataset",
        [
            batch_id,
            dataset.name,
            dataset.handling,
            dataset.scope,
            len(dataset.files),
            totals.rows,
            None if totals.money is None else str(totals.money),
            _text(totals.min_time),
            _text(totals.max_time),
        ],
    )


def _time(text: str | None) -> datetime.datetime | None:
    return None if text is None else datetime.datetime.fromisoformat(text)


def _text(time: datetime.datetime | None) -> str | None:
    return None if time is None else time_text(time)
