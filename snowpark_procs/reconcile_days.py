"""recon.reconcile_day, reconcile_range and reconcile_pending: compare the speed layer with the marts, day by day.

One set-based comparison serves one day or a year. The rules (statuses, verdicts, metrics) are those of the package `reconcile`.
"""

from __future__ import annotations

import datetime
import json
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from reconcile.comparison.status_sql import verdict_case
from snowpark_procs.comparison import clear, evaluate
from snowpark_procs.comparison_metrics import read_metrics
from snowpark_procs.errors import ArgumentError, EnvironmentMismatchError, StaleRunError
from snowpark_procs.explain import explain, explanation_inputs
from snowpark_procs.identifiers import begun_date
from snowpark_procs.ledger import StepRun, recorded_failure, transaction, utc_now
from snowpark_procs.load_speed_snapshot import load_newest_snapshots
from snowpark_procs.statements import run, time_text
from snowpark_procs.tolerances import limits_of_call, refuse_two_limits
from snowpark_procs.unload_buckets import unload_buckets

if TYPE_CHECKING:
    from snowflake.snowpark import Session

_MAX_DAYS = 3660


def reconcile_day(session: Session, date: datetime.date | str, tolerances: Any = None) -> dict[str, Any]:
    """Load the day's newest snapshot and compare it with the mart's day (UTC).

    A comparison of the same inputs as the day's newest run adds nothing: `new_run` is False and the run is that one.
    tolerances: limits for this CALL, as {metric: {"absolute": …, "relative": …} }; '*' means every metric not named. Such a
    run is kept apart: it is no verdict of the day and no part of its convergence. An object without limits is none.
    Raises ArgumentError, ToleranceError, MetricError, and what loading raises.
    """
    day = begun_date(date)
    load_newest_snapshots(session, day, day)
    new_runs, is_override = _compare(session, [day.isoformat()], day.isoformat(), tolerances)
    verdict = _verdicts(session, [day.isoformat()], is_override)[0]
    return {**verdict, "new_run": bool(new_runs), "is_override": is_override}


def reconcile_range(
    session: Session, from_date: datetime.date | str | None = None, to_date: datetime.date | str | None = None
) -> dict[str, Any]:
    """The same for every day from from_date to to_date, both included.

    With a bound left out: for the days, within the other bound, that the marts or the landing's snapshots know.
    """
    first = None if from_date is None else begun_date(from_date, "from_date")
    last = None if to_date is None else begun_date(to_date, "to_date")
    if first is not None and last is not None and first > last:
        raise ArgumentError(f"from_date {first} is after to_date {last}")
    load_newest_snapshots(session, first, last)
    if first is not None and last is not None:
        return _reconcile(session, _calendar(first, last))
    return _reconcile(session, _known(session, first, last))


def reconcile_pending(session: Session) -> dict[str, Any]:
    """The same for every known day: what a task can run at any time. A day that is not all here yet comes out as not_ready.

    Then explains the days that disagree and are not explained by what is known now, the newest 31 of them, so that alerts and
    reports can say why, and unloads the buckets of days whose marts were built since, for the next extraction.
    """
    load_newest_snapshots(session, None, None)
    summary = _reconcile(session, _known(session, None, None))
    explained = 0
    for row in run(session, "disagreeing_dates", [explanation_inputs(session)]):
        with suppress(StaleRunError):  # changed since: the next comparison is the one to explain
            explain(session, row[0])
            explained += 1
    unloaded = 0
    with suppress(EnvironmentMismatchError):  # a clone compares, and leaves the landing of the other environment alone
        unloaded = unload_buckets(session)["days"]
    return {**summary, "explained": explained, "unloaded": unloaded}


def _reconcile(session: Session, days: list[str]) -> dict[str, Any]:
    if not days:
        return {"days": 0, "new_runs": 0, "verdicts": {}, "results": []}
    new_runs, _ = _compare(session, days, f"{days[0]} to {days[-1]}", None)
    verdicts = _verdicts(session, days, False)
    counts = dict(Counter(entry["verdict"] for entry in verdicts))
    return {"days": len(days), "new_runs": new_runs, "verdicts": counts, "results": verdicts}


def _compare(session: Session, days: list[str], subject: str, tolerances: Any) -> tuple[int, bool]:
    """Compare the days whose inputs changed. Returns the number of new runs, and whether they have limits of this CALL."""
    step = StepRun("reconcile", subject)
    with recorded_failure(session, step):
        metrics = read_metrics(session)
        limits = limits_of_call(tolerances, [each.metric for each in metrics])
        refuse_two_limits(session, days)
        with transaction(session, step, "reconcile"):
            compared_at = time_text(utc_now())
            evaluate(session, metrics, days, compared_at, limits)
            run(session, "insert_results", [compared_at])
            verdict = verdict_case("status", "extraction_id", "waits_for")
            inserted = run(session, "insert_runs", [bool(limits), compared_at], verdict=verdict)
            clear(session)
            step.row_count = int(inserted[0][0])
            step.worked = step.row_count > 0
    return step.row_count or 0, bool(limits)


def _verdicts(session: Session, days: list[str], is_override: bool) -> list[dict[str, Any]]:
    """The newest run of each day."""
    names = ("date", "run_id", "extraction_id", "verdict", "waits_for", "compared_at", "cells", "bad_cells")
    rows = run(session, "newest_verdicts", [json.dumps(days), is_override])
    return [dict(zip(names, row, strict=True)) for row in rows]


def _known(session: Session, first: datetime.date | None, last: datetime.date | None) -> list[str]:
    """The days that the marts or loaded snapshots know, within the bounds."""
    low = first.isoformat() if first else ""
    high = last.isoformat() if last else "9999-12-31"
    return [row[0] for row in run(session, "known_dates") if low <= row[0] <= high]


def _calendar(first: datetime.date, last: datetime.date) -> list[str]:
    count = (last - first).days + 1
    if count > _MAX_DAYS:
        raise ArgumentError(f"{count} days are more than {_MAX_DAYS}")
    return [(first + datetime.timedelta(days=n)).isoformat() for n in range(count)]
