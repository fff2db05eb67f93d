"""recon.unload_buckets: what the batch side's days come to, bucket by bucket, for the extraction to compare with."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from reconcile.comparison.metrics_sql import MetricDefinition
from reconcile.speed.buckets import Bucketing
from reconcile.speed.names import buckets_path
from snowpark_procs.bucket_sql import bucketing, hashed_rows
from snowpark_procs.comparison_metrics import read_metrics
from snowpark_procs.environment import require_own_landing
from snowpark_procs.identifiers import compared_columns, hashed
from snowpark_procs.ledger import StepRun, recorded_failure, transaction, utc_now
from snowpark_procs.statements import literal, run, statement

if TYPE_CHECKING:
    from snowflake.snowpark import Session

_FILE = re.compile(r"(?:^|/)_buckets/(\d{4}-\d{2}-\d{2})[.]parquet$", re.ASCII)


def unload_buckets(session: Session) -> dict[str, Any]:
    """Write one file into the landing for each day whose marts were built since, of those that recon.settings take in.

    What was written before is written again with the same content, so a run that is killed is made good by the next.
    Raises EnvironmentMismatchError in a clone: the landing is another environment's.
    """
    require_own_landing(session)
    step = StepRun("unload_buckets", None)
    with recorded_failure(session, step), transaction(session, step, "reconcile"):
        metrics, lacking = read_metrics(session), _lacking(session)
        compared = ",".join(bucketing(metrics, lacking, 0).columns)
        days = run(session, "days_to_unload", [json.dumps(_filed(session)), compared])
        for day, change_id, sessions in days:
            _unload(session, date.fromisoformat(day), int(change_id), int(sessions), metrics, lacking)
        step.worked, step.row_count = bool(days), len(days)
    return {"days": len(days)}


def comparable_sessions(day: date, of: Bucketing) -> str:
    """A query for the batch side's sessions of a day, each with its bucket and its hash."""
    columns = compared_columns("s", hashed)
    rows = statement("comparable_sessions", day=literal(day.isoformat()), compared_columns=columns)
    return hashed_rows(rows, of)


def _unload(
    session: Session,
    day: date,
    change_id: int,
    sessions: int,
    metrics: Sequence[MetricDefinition],
    lacking: Collection[str],
) -> None:
    of = bucketing(metrics, lacking, sessions)
    compared = ",".join(of.columns)
    run(
        session,
        "unload_buckets",
        location=literal(f"@raw.landing/{buckets_path(day)}"),
        day=literal(day.isoformat()),
        compared=literal(compared),
        count=str(of.count),
        hashed=comparable_sessions(day, of),
    )
    run(session, "delete_bucket_unload", [day.isoformat()])
    unloaded_at = utc_now().isoformat(sep=" ", timespec="microseconds")
    run(session, "insert_bucket_unload", [day.isoformat(), change_id, compared, of.count, sessions, unloaded_at])


def _lacking(session: Session) -> list[str]:
    """Columns that the speed layer did not have when it was read last."""
    rows = run(session, "newest_missing_columns")
    return [name for name in (rows[0][0] or "").split(",") if name] if rows else []


def _filed(session: Session) -> list[str]:
    """The dates that have a file."""
    found = (_FILE.search(row[0]) for row in run(session, "list_buckets"))
    return [match[1] for match in found if match]
