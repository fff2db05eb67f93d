"""recon.reconcile_day, reconcile_range and reconcile_pending: compare the speed layer with the marts, day by day.

One set-based comparison serves one day or a year. The rules (statuses, verdicts) are those of the package `reconcile`.
"""

from __future__ import annotations

import datetime
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from reconcile.comparison.status_sql import (
    difference_expression,
    relative_difference_expression,
    status_case,
    verdict_case,
)
from snowpark_procs.errors import ArgumentError
from snowpark_procs.identifiers import calendar_date
from snowpark_procs.ledger import StepRun, recorded_failure, transaction, utc_now
from snowpark_procs.load_speed_snapshot import load_newest_snapshots
from snowpark_procs.statements import run, statement

if TYPE_CHECKING:
    from snowflake.snowpark import Session

_MAX_DAYS = 3660


def reconcile_day(session: Session, date: datetime.date | str) -> dict[str, Any]:
    """Load the day's newest snapshot and compare it with the mart's day (UTC). Raises ArgumentError and what loading raises.

    A comparison of the same inputs as the day's newest run adds nothing: `new_run` is False and the run is that one.
    """
    day = calendar_date(date)
    load_newest_snapshots(session, day, day)
    new_runs = _compare(session, [day.isoformat()], day.isoformat())
    return {**_verdicts(session, [day.isoformat()])[0], "new_run": bool(new_runs)}


def reconcile_range(
    session: Session, from_date: datetime.date | str | None = None, to_date: datetime.date | str | None = None
) -> dict[str, Any]:
    """The same for every day from from_date to to_date, both included.

    With a bound left out: for the days, within the other bound, that the marts or the landing's snapshots know.
    """
    first = None if from_date is None else calendar_date(from_date, "from_date")
    last = None if to_date is None else calendar_date(to_date, "to_date")
    if first is not None and last is not None and first > last:
        raise ArgumentError(f"from_date {first} is after to_date {last}")
    load_newest_snapshots(session, first, last)
    if first is not None and last is not None:
        return _reconcile(session, _calendar(first, last))
    return _reconcile(session, [day for day, _ in _known(session, first, last)])


def reconcile_pending(session: Session) -> dict[str, Any]:
    """The same for every known day whose marts are up to date with STAGING: what a task can run at any time.

    A day that was changed and not built since would only show the mart's lag; it waits for the build.
    """
    load_newest_snapshots(session, None, None)
    known = _known(session, None, None)
    summary = _reconcile(session, [day for day, is_built in known if is_built])
    return {**summary, "not_built": sum(not is_built for _, is_built in known)}


def _reconcile(session: Session, days: list[str]) -> dict[str, Any]:
    if not days:
        return {"days": 0, "new_runs": 0, "verdicts": {}, "results": []}
    new_runs = _compare(session, days, f"{days[0]} to {days[-1]}")
    verdicts = _verdicts(session, days)
    counts = dict(Counter(entry["verdict"] for entry in verdicts))
    return {"days": len(days), "new_runs": new_runs, "verdicts": counts, "results": verdicts}


def _compare(session: Session, days: list[str], subject: str) -> int:
    """Compare the days whose inputs changed. Returns the number of new runs."""
    step = StepRun("reconcile", subject)
    inputs = statement("comparison_inputs")
    with recorded_failure(session, step), transaction(session, step, "reconcile"):
        params = [json.dumps(days), utc_now().isoformat(sep=" ")]
        run(
            session,
            "insert_results",
            params,
            inputs=inputs,
            difference=difference_expression("cells.speed_value", "cells.batch_value"),
            # A quotient gets six more places than its operands: of two-place values too few for nine.
            relative_difference=relative_difference_expression(
                "cells.speed_value::NUMBER(32, 6)", "cells.batch_value::NUMBER(32, 6)"
            ),
            status=status_case("cells.speed_value", "cells.batch_value", "limits.absolute", "limits.relative"),
        )
        inserted = run(session, "insert_runs", params, inputs=inputs, verdict=verdict_case("status"))
        step.row_count = int(inserted[0][0])
        step.worked = step.row_count > 0
    return step.row_count or 0


def _verdicts(session: Session, days: list[str]) -> list[dict[str, Any]]:
    """The newest run of each day."""
    names = ("date", "run_id", "extraction_id", "verdict", "compared_at", "cells", "bad_cells")
    return [dict(zip(names, row, strict=True)) for row in run(session, "newest_verdicts", [json.dumps(days)])]


def _known(session: Session, first: datetime.date | None, last: datetime.date | None) -> list[tuple[str, bool]]:
    """The days that the marts or loaded snapshots know, within the bounds, and whether their marts are up to date."""
    low = first.isoformat() if first else ""
    high = last.isoformat() if last else "9999-12-31"
    return [(row[0], bool(row[1])) for row in run(session, "known_dates") if low <= row[0] <= high]


def _calendar(first: datetime.date, last: datetime.date) -> list[str]:
    count = (last - first).days + 1
    if count > _MAX_DAYS:
        raise ArgumentError(f"{count} days are more than {_MAX_DAYS}")
    return [(first + datetime.timedelta(days=n)).isoformat() for n in range(count)]
