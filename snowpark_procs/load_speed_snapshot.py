"""recon.load_speed_snapshot: the newest snapshot of a day of the speed layer into RECON."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from snowpark_procs.errors import LoadMismatchError
from snowpark_procs.identifiers import calendar_date
from snowpark_procs.ledger import StepRun, recorded_failure, transaction
from snowpark_procs.manifest import ControlTotals
from snowpark_procs.speed_snapshots import Snapshot, read_snapshot, to_load
from snowpark_procs.staged_copy import copy_files, refuse_shifting_time_zone
from snowpark_procs.statements import run
from snowpark_procs.verification import check_totals

if TYPE_CHECKING:
    from snowflake.snowpark import Session


def load_speed_snapshot(session: Session, date: datetime.date | str) -> dict[str, Any]:
    """Load the newest snapshot of one UTC day, replacing the one loaded before; the same snapshot again is a no-op.

    Raises ArgumentError, ManifestError, TimeZoneError, LoadMismatchError.
    """
    day = calendar_date(date)
    loaded = load_newest_snapshots(session, day, day)
    if loaded:
        return {"date": day.isoformat(), "status": "loaded", **loaded[0].ledger_entry}
    current = _current(session).get(day.isoformat())
    status = "no_snapshot" if current is None else "already_loaded"
    return {"date": day.isoformat(), "status": status, "extraction_id": current}


def load_newest_snapshots(session: Session, first: datetime.date | None, last: datetime.date | None) -> list[Snapshot]:
    """Load the newest snapshot of every day from first to last (None: no bound) in one transaction; return those loaded."""
    subject = " to ".join(bound.isoformat() if bound else "…" for bound in dict.fromkeys((first, last)))
    step = StepRun("load_speed_snapshot", subject)
    loaded: list[Snapshot] = []
    with recorded_failure(session, step):
        if to_load(_published(session, first, last), _current(session)):
            refuse_shifting_time_zone(session)
            with transaction(session, step, "speed"):
                # Again, under the lock: another run may have loaded them meanwhile.
                loaded = to_load(_published(session, first, last), _current(session))
                if loaded:
                    _load(session, loaded)
                step.worked = bool(loaded)
                step.row_count = sum(snapshot.totals.rows for snapshot in loaded)
                step.detail = {"days": len(loaded)}
    return loaded


def _published(session: Session, first: datetime.date | None, last: datetime.date | None) -> list[Snapshot]:
    folder = f"{first.isoformat()}/" if first is not None and first == last else ""
    snapshots = [read_snapshot(row[0], row[1]) for row in run(session, "speed_manifests", folder=folder)]
    return [s for s in snapshots if (first is None or s.date >= first) and (last is None or s.date <= last)]


def _current(session: Session) -> dict[str, str]:
    """The extraction loaded last, by ISO date."""
    return {row[0]: row[1] for row in run(session, "current_snapshots")}


def _load(session: Session, snapshots: list[Snapshot]) -> None:
    dates = json.dumps([snapshot.date.isoformat() for snapshot in snapshots])
    run(session, "delete_speed_sessions", [dates])
    copy_files(session, "recon.speed_sessions", "landing", [snapshot.path for snapshot in snapshots])
    found = {(row[0], row[1]): row for row in run(session, "speed_totals", [dates])}
    for snapshot in snapshots:
        row = found.pop((snapshot.date.isoformat(), snapshot.extraction_id), None)
        totals, matched = _totals(row)
        subject = f"Snapshot {snapshot.extraction_id} of {snapshot.date}"
        check_totals(subject, "speed_sessions", snapshot.totals, totals, matched)
    for (day, extraction_id), row in found.items():
        raise LoadMismatchError(
            f"Snapshot of {day}", "speed_sessions", f"rows of extraction {extraction_id}", 0, row[2]
        )
    run(session, "delete_speed_extractions", [json.dumps([snapshot.extraction_id for snapshot in snapshots])])
    run(session, "insert_speed_extractions", [json.dumps([snapshot.ledger_entry for snapshot in snapshots])])


def _totals(row: Any) -> tuple[ControlTotals, int]:
    if row is None:
        return ControlTotals(0, Decimal(0), None, None), 0
    times = [None if text is None else datetime.datetime.fromisoformat(text) for text in (row[5], row[6])]
    return ControlTotals(int(row[2]), Decimal(row[4]), times[0], times[1]), int(row[3])
