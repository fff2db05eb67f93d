"""Batches that lie in the landing and are not loaded: which dates they are about."""

from __future__ import annotations

import datetime
import json
import math
from typing import TYPE_CHECKING, Any

from snowflake.snowpark.exceptions import SnowparkSQLException

from snowpark_procs.landing import list_published, manifest_path
from snowpark_procs.statements import run

if TYPE_CHECKING:
    from snowflake.snowpark import Session


def dates_not_loaded(session: Session, asked: list[str]) -> list[dict[str, Any]]:
    """Each of the asked dates that a batch waits to bring sessions of, as {"batch_id", "date"}.

    A session that has an event on a date begins at most the session limit before. A manifest that cannot be read may be about any
    date.
    """
    found = []
    for batch_id in waiting_batches(session):
        manifest = _manifest(session, batch_id)
        about = asked if manifest is None else sorted(_dates(manifest).intersection(asked))
        found += [{"batch_id": batch_id, "date": date} for date in about]
    return found


def waiting_session_files(session: Session, date: str) -> list[tuple[str, str]]:
    """The landing's files of sessions that a batch waits to bring and that may be of the date: batch id and path."""
    files = []
    for batch_id in waiting_batches(session):
        manifest = _manifest(session, batch_id)
        if manifest is not None and date in _dates(manifest):
            files += [(batch_id, str(each["path"])) for each in json.loads(manifest[2])]
    return files


def waiting_batches(session: Session) -> list[str]:
    """Batches that are published and not loaded."""
    loaded = {row[0] for row in run(session, "loaded_batch_ids")}
    return sorted(list_published(session).manifests - loaded)


def _manifest(session: Session, batch_id: str) -> Any:
    """affected_dates, max_session_hours and files of sessions; None where it cannot be read."""
    try:
        rows = run(session, "waiting_manifest", path=manifest_path(batch_id))
    except SnowparkSQLException:  # no JSON: ops.load_batch will name the file and record the failure
        return None
    return None if not rows or None in tuple(rows[0]) else rows[0]


def _dates(manifest: Any) -> frozenset[str]:
    days_before = math.ceil(manifest[1] / 24)
    dates = [datetime.date.fromisoformat(text).toordinal() for text in json.loads(manifest[0])]
    return frozenset(
        datetime.date.fromordinal(ordinal - back).isoformat()
        for ordinal in dates
        for back in range(days_before + 1)
        if ordinal > back
    )
