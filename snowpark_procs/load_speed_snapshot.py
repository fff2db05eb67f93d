"""recon.load_speed_snapshot: the newest snapshot of a day of the speed layer into RECON."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from reconcile.speed.buckets import Fetched, Sums
from reconcile.speed.columns import SPEED_COLUMNS
from reconcile.speed.names import MANIFESTS, Published
from snowpark_procs.bucket_sql import hashed_rows
from snowpark_procs.errors import LoadMismatchError, ManifestError, ProcedureError, StaleSnapshotError
from snowpark_procs.identifiers import begun_date
from snowpark_procs.ledger import StepRun, recorded_failure, transaction, utc_now
from snowpark_procs.manifest import ControlTotals
from snowpark_procs.speed_snapshots import Loaded, Snapshot, is_new, read_snapshot, to_load
from snowpark_procs.staged_copy import copy_files
from snowpark_procs.statements import literal, run, statement, time_text
from snowpark_procs.unload_buckets import comparable_sessions
from snowpark_procs.verification import check_totals

if TYPE_CHECKING:
    from snowflake.snowpark import Session

_MANIFESTS_PER_QUERY = 200
# Snowflake's errors about the content of files and values, and not about what is busy, forbidden or missing.
_ABOUT_DATA = range(100000, 101000)


def load_speed_snapshot(session: Session, date: datetime.date | str) -> dict[str, Any]:
    """Load the newest snapshot of one UTC day, replacing the one loaded before; the same snapshot again is a no-op.

    Raises ArgumentError, ManifestError, LoadMismatchError, StaleSnapshotError.
    """
    day = begun_date(date)
    loaded = load_newest_snapshots(session, day, day)
    if loaded:
        return {"date": day.isoformat(), "status": "loaded", **loaded[0].ledger_entry}
    current = _current(session).get(day.isoformat())
    if current is None:
        return {"date": day.isoformat(), "status": "no_snapshot", "extraction_id": None}
    return {"date": day.isoformat(), "status": "already_loaded", "extraction_id": current.extraction_id}


def load_newest_snapshots(session: Session, first: datetime.date | None, last: datetime.date | None) -> list[Snapshot]:
    """Load the newest snapshot of every day from first to last (None: no bound); return those loaded.

    One that cannot be loaded stops no other day: it is noted in recon.refused_snapshots. Of a single day the error is raised.
    """
    alone = first is not None and first == last
    waiting = _waiting(session, first, last)
    if not waiting:
        return []
    texts = _read(session, waiting, _folder(first, last))
    if len(waiting) > 1:
        try:
            return _load(session, [read_snapshot(one.path, texts.get(one.path, "")) for one in waiting])
        except Exception as error:
            if not _about_data(error):
                raise
    loaded = []
    for one in waiting:
        try:
            with recorded_failure(session, StepRun("load_speed_snapshot", one.day.isoformat())):
                loaded += _load(session, [read_snapshot(one.path, texts.get(one.path, ""))])
        except Exception as error:
            if alone or not _about_data(error):
                raise
            _refuse(session, one, error)
    return loaded


def newer_snapshot(session: Session, day: datetime.date) -> tuple[Published, str | None] | None:
    """The day's newest snapshot in the landing where it is not loaded, and why it was refused if it was."""
    for waiting in _waiting(session, day, day):
        refusals = run(session, "refusal", [waiting.path])
        return waiting, refusals[0][0] if refusals else None
    return None


def _waiting(session: Session, first: datetime.date | None, last: datetime.date | None) -> list[Published]:
    """The snapshots to load; of a single day also one that was refused."""
    folder = _folder(first, last)
    refused = set() if folder else {row[0] for row in run(session, "refused_snapshots")}
    names = [row[0] for row in run(session, "list_speed_manifests", folder=folder)]
    return to_load(names, _current(session), refused, first, last)


def _folder(first: datetime.date | None, last: datetime.date | None) -> str:
    """The folder of a single day's manifests, else empty."""
    return f"{first.isoformat()}/" if first is not None and first == last else ""


def _about_data(error: Exception) -> bool:
    """Whether the snapshot is to blame, and not the moment."""
    if isinstance(error, ManifestError | LoadMismatchError | StaleSnapshotError):
        return True
    code = getattr(error, "sql_error_code", None)
    return not isinstance(error, ProcedureError) and code is not None and int(code) in _ABOUT_DATA


def _read(session: Session, waiting: Sequence[Published], folder: str) -> dict[str, str]:
    """The manifests' texts by path; a torn one is a text as well."""
    texts = {}
    for start in range(0, len(waiting), _MANIFESTS_PER_QUERY):
        group = waiting[start : start + _MANIFESTS_PER_QUERY]
        names = "|".join(one.path.rpartition("/")[2].replace(".", "[.]") for one in group)
        for row in run(session, "read_speed_manifests", folder=folder, pattern=literal(f".*({names})")):
            path = f"{MANIFESTS}/{row[0].rpartition(f'{MANIFESTS}/')[2]}"
            texts[path] = row[1] or ""
    return texts


def _load(session: Session, wanted: Sequence[Snapshot]) -> list[Snapshot]:
    """Load the snapshots in one transaction. Returns those that no other run has loaded meanwhile."""
    days = [snapshot.date.isoformat() for snapshot in wanted]
    step = StepRun("load_speed_snapshot", " to ".join(dict.fromkeys((days[0], days[-1]))))
    with transaction(session, step, "speed"):
        current = _current(session)
        snapshots = [one for one in wanted if is_new(current.get(one.date.isoformat()), one.extraction_id, _utc(one))]
        loaded = {each.extraction_id for each in current.values()}
        if changed := [one for one in snapshots if one.extraction_id not in loaded]:
            _replace(session, changed)
        if snapshots:
            run(session, "delete_speed_extractions", [json.dumps([one.extraction_id for one in snapshots])])
            run(session, "insert_speed_extractions", [json.dumps([one.ledger_entry for one in snapshots])])
        step.worked = bool(snapshots)
        step.row_count = sum(snapshot.totals.rows for snapshot in snapshots)
        step.detail = {"days": len(snapshots)}
    return snapshots


def _refuse(session: Session, one: Published, error: Exception) -> None:
    entry = [one.path, one.day.isoformat(), one.extraction_id, str(error)[:4000], time_text(utc_now())]
    run(session, "begin")
    run(session, "insert_refused_snapshot", entry)
    run(session, "commit")


def _current(session: Session) -> dict[str, Loaded]:
    """The snapshot loaded last, by ISO date."""
    rows = run(session, "current_snapshots")
    return {
        row[0]: Loaded(row[1], datetime.datetime.fromisoformat(row[2]).replace(tzinfo=datetime.UTC)) for row in rows
    }


def _utc(snapshot: Snapshot) -> datetime.datetime:
    return snapshot.extracted_at.replace(tzinfo=datetime.UTC)


def _replace(session: Session, snapshots: Sequence[Snapshot]) -> None:
    dates = json.dumps([snapshot.date.isoformat() for snapshot in snapshots])
    run(session, "delete_speed_sessions", [dates])
    copy_files(session, "recon.speed_sessions", "landing", [snapshot.path for snapshot in snapshots])
    for snapshot in snapshots:
        if snapshot.fetched is not None:
            _complete(session, snapshot, snapshot.fetched)
    found = {(row[0], row[1]): row for row in run(session, "speed_totals", [dates])}
    for snapshot in snapshots:
        row = found.pop((snapshot.date.isoformat(), snapshot.extraction_id), None)
        totals, matched = _totals(row)
        if snapshot.fetched is not None:  # times are not compared: most of them are the batch side's
            totals = replace(totals, min_time=snapshot.totals.min_time, max_time=snapshot.totals.max_time)
        subject = f"Snapshot {snapshot.extraction_id} of {snapshot.date}"
        check_totals(subject, "speed_sessions", snapshot.totals, totals, matched)
    for (day, extraction_id), row in found.items():
        raise LoadMismatchError(
            f"Snapshot of {day}", "speed_sessions", f"rows of extraction {extraction_id}", 0, row[2]
        )


def _complete(session: Session, snapshot: Snapshot, fetched: Fetched) -> None:
    """Add the rows of all other buckets, which are the same on both sides. Raises StaleSnapshotError where they no longer are."""
    columns = [
        f"NULL AS {column.name}" if column.name in snapshot.lacks else f"hashed.{column.name}"
        for column in SPEED_COLUMNS
    ]
    no_user = "user_id" in snapshot.lacks
    run(
        session,
        "insert_agreeing_sessions",
        [json.dumps(fetched.buckets), snapshot.extraction_id],
        taken=", ".join(columns),
        user_as_stored="NULL"
        if no_user
        else "IFF(hashed.user_id IS NULL, NULL, NULLIF(hashed.stored_user_id, hashed.user_id))",
        hashed=comparable_sessions(snapshot.date, fetched.bucketing),
    )
    rows = statement("loaded_snapshot", extraction_id=literal(snapshot.extraction_id))
    (found,) = run(session, "snapshot_sums", hashed=hashed_rows(rows, fetched.bucketing))
    if Sums(*map(int, found)) != fetched.total:
        raise StaleSnapshotError(snapshot.extraction_id, snapshot.date, fetched.change_id)


def _totals(row: Any) -> tuple[ControlTotals, int]:
    if row is None:
        return ControlTotals(0, Decimal(0), None, None), 0
    times = [None if text is None else datetime.datetime.fromisoformat(text) for text in (row[5], row[6])]
    return ControlTotals(int(row[2]), Decimal(row[4]), times[0], times[1]), int(row[3])
