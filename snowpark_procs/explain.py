"""recon.explain: the sessions behind the differences of a recorded run, each with a cause and its part."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from reconcile.comparison.causes import Cause
from reconcile.comparison.metrics_sql import MetricDefinition, session_fragments
from snowpark_procs.comparison import clear, evaluate
from snowpark_procs.comparison_metrics import read_metrics
from snowpark_procs.errors import ArgumentError, StaleRunError
from snowpark_procs.identifiers import begun_date, canonical, compared, compared_columns
from snowpark_procs.ledger import StepRun, recorded_failure, transaction, utc_now
from snowpark_procs.load_speed_snapshot import newer_snapshot
from snowpark_procs.published_batches import waiting_batches, waiting_session_files
from snowpark_procs.statements import literal, run, statement, time_text

if TYPE_CHECKING:
    from snowflake.snowpark import Session

EVERYTHING = "*"


def explain(
    session: Session, date: datetime.date | str, user_tier: str | None = EVERYTHING, metric: str | None = EVERYTHING
) -> dict[str, Any]:
    """Say which sessions make up the differences of the day's newest comparison, and why.

    user_tier and metric: '*' means all, a user_tier of NULL or '' the sessions without a tier. Writes one row a session,
    cell and cause to recon.explanations, for all cells of the run; anew where what they depend on beside the run has changed, or
    where a session was late then. Returns run_id, date, user_tier, metric and, for one cell, difference, explained,
    unexplained and causes; otherwise cells, a list of these. A number that a float cannot hold exactly is a text.
    set_aside: how many rows the snapshot left out, and the file that has them with their reasons; None where it left out none.
    Raises ArgumentError for what was never compared, naming what was; StaleRunError when the data have changed since, or
    the newest snapshot was refused.
    """
    user_tier = user_tier or None
    asked = begun_date(date)
    day = asked.isoformat()
    changed = StaleRunError(
        f"The data of {day} have changed since its newest comparison: reconcile again, CALL recon.reconcile_day('{day}')"
    )
    newer = newer_snapshot(session, asked)
    if newer and newer[1]:
        raise StaleRunError(
            f"The newest snapshot of {day}, {newer[0].extraction_id}, was refused, so its comparisons do not tell of it: "
            f"extract the day again (python -m reconcile extract --date {day}), then reconcile it. The reason: {newer[1]}"
        )
    rows = run(session, "newest_run", [day])
    if rows and newer:
        raise changed
    if not rows:
        raise ArgumentError(f"{day} was never compared: CALL recon.reconcile_day('{day}') first")
    run_id, extraction_id, waits_for, not_measured = rows[0]
    if extraction_id is None:
        raise ArgumentError(f"The comparison of {day} had no snapshot of the speed layer: there is nothing to explain")
    step = StepRun("explain", day)
    with recorded_failure(session, step), transaction(session, step, "reconcile"):
        # Under the lock no comparison or load of a snapshot can change what is explained.
        metrics = read_metrics(session)
        now = time_text(utc_now())
        if run(session, "newest_run", [day]) != rows or evaluate(session, metrics, [day], now):
            raise changed
        clear(session)
        cells = run(session, "explained_cells", [run_id])
        _refuse_unknown("user_tier", user_tier, (row[0] for row in cells))
        _refuse_unknown("metric", metric, (row[1] for row in cells))
        # A metric that was not measured has no cells.
        measured = [each for each in metrics if each.metric not in (not_measured or "").split(", ")]
        inputs = explanation_inputs(session)
        left_out = [tuple(row) for row in run(session, "left_out_rows", [extraction_id, day])]
        step.worked = [tuple(row) for row in run(session, "explained_run", [run_id])] != [(inputs, False)]
        if step.worked:
            run(session, "delete_explanations", [run_id])
            run(session, "delete_explained_run", [run_id])
            files = {"staged": _staged(session, day), "set_aside": _set_aside(path for _, path in left_out)}
            step.row_count = _write(session, measured, day, run_id, now, files, "not_built" in (waits_for or ""))
            run(session, "insert_explained_run", [run_id, inputs, now, run_id])
        found = _cells(run(session, "explained_cells", [run_id]), user_tier, metric)
    set_aside = {"rows": int(left_out[0][0]), "path": left_out[0][1]} if left_out else None
    answer = {"run_id": run_id, "date": day, "user_tier": user_tier, "metric": metric, "set_aside": set_aside}
    if user_tier == EVERYTHING or metric == EVERYTHING:
        return {**answer, "cells": found}
    return {**answer, **found[0]}


def explanation_inputs(session: Session) -> str:
    """A digest of what explanations depend on beside their runs: other days' snapshots, say, and batches on their way."""
    return str(run(session, "explanation_inputs", [json.dumps(waiting_batches(session))])[0][0])


def _write(
    session: Session,
    metrics: Sequence[MetricDefinition],
    day: str,
    run_id: str,
    now: str,
    files: Mapping[str, str],
    is_unbuilt: bool,
) -> int:
    """Write the run's explanations; return how many rows they are. files: queries for what files in the landing tell."""
    of_metrics = session_fragments(metrics)
    fragments = {
        **of_metrics,
        **files,
        "parts": statement("explanation_parts", **of_metrics),
        "compared_columns": compared_columns("s"),
        "compared_id": compared("s.session_id"),
        "causes": ", ".join(f"'{cause.value}'" for cause in Cause),
        "canonical_id": canonical("r.session_id"),
        "canonical_user": canonical("r.user_id"),
    }
    run(session, "insert_explanations", [day, run_id, now], **fragments)
    known = None
    if is_unbuilt:
        purged = [row[0] for row in run(session, "purged_batches", [day])]
        run(session, "insert_not_yet_built", [day, run_id, bool(purged), run_id], **fragments)
        known = f"RAW of {', '.join(purged)} was purged" if purged else "RAW does not tell which session"
    run(session, "insert_unexplained", [run_id, known, run_id])
    return int(run(session, "count_explanations", [run_id])[0][0])


def _staged(session: Session, day: str) -> str:
    """A query for the session ids, and batches, in the landing's files that wait to be loaded and are about the day."""
    read = [
        statement("staged_sessions", batch_literal=literal(batch_id), file=literal(f"@raw.landing/{path}"))
        for batch_id, path in waiting_session_files(session, day)
    ]
    return _union("batch_id", read)


def _set_aside(paths: Iterable[str]) -> str:
    """A query for the session ids, and reasons, in the landing's files of rows that snapshots left out."""
    return _union("reason", [statement("set_aside_sessions", file=literal(f"@raw.landing/{path}")) for path in paths])


def _union(name: str, queries: Iterable[str]) -> str:
    """All that the queries for session ids and another column find, of which there may be none."""
    nothing = f"SELECT NULL::STRING AS session_id, NULL::STRING AS {name} WHERE FALSE"
    return "\n        UNION ALL\n        ".join([nothing, *queries])


def _refuse_unknown(name: str, asked: str | None, known: Iterable[str | None]) -> None:
    names = list(dict.fromkeys(known))
    if asked not in (EVERYTHING, *names):
        listed = ", ".join("NULL (no tier)" if each is None else f"'{each}'" for each in names)
        said = "NULL" if asked is None else f"'{asked}'"
        raise ArgumentError(f"{name}: the comparison has no {said}; it has {listed or 'no cell'}, and '*' for all")


def _cells(rows: Iterable[Any], user_tier: str | None, metric: str | None) -> list[dict[str, Any]]:
    """The cells asked for, with their causes."""
    cells: dict[tuple[str | None, str], dict[str, Any]] = {}
    rest: dict[tuple[str | None, str], Decimal] = {}
    for tier, name, difference, cause, sessions, part in rows:
        if user_tier not in (EVERYTHING, tier) or metric not in (EVERYTHING, name):
            continue
        key = (tier, name)
        cell = cells.setdefault(
            key, {"user_tier": tier, "metric": name, "difference": Decimal(difference), "causes": []}
        )
        if cause == Cause.UNEXPLAINED.value:
            rest[key] = Decimal(part)
        elif cause is not None:
            cell["causes"].append({"cause": cause, "sessions": int(sessions), "difference": _number(part)})
    for key, cell in cells.items():
        unexplained = rest.get(key, Decimal(0))
        cell["explained"], cell["unexplained"] = _number(cell["difference"] - unexplained), _number(unexplained)
        cell["difference"] = _number(cell["difference"])
    return list(cells.values())


def _number(value: Any) -> int | float | str:
    """A decimal as JSON has it: a number where that is exact, else a text."""
    exact = Decimal(str(value))
    if exact == exact.to_integral_value() and abs(exact) < 2**53:
        return int(exact)
    return float(exact) if Decimal(repr(float(exact))) == exact else f"{exact.normalize():f}"
