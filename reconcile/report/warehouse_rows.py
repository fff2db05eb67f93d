"""Rows of RECON, as the queries of a report return them, made into typed results."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from reconcile.comparison.outcomes import Metric, Result, Status, Tolerance, Verdict
from reconcile.report.history import (
    CauseTotal,
    Convergence,
    DayHistory,
    Extraction,
    Point,
    Reconciliation,
    Refusal,
    RunSummary,
    State,
    Wait,
    WorstSession,
    tier_order,
)

Row = Sequence[Any]


@dataclass(frozen=True)
class Rows:
    """What the queries of reconcile.report.warehouse_queries returned."""

    runs: Sequence[Row]
    metrics: Sequence[Row]
    results: Sequence[Row]
    convergence: Sequence[Row]
    points: Sequence[Row]
    waits: Sequence[Row]
    refusals: Sequence[Row]
    causes: Sequence[Row]
    sessions: Sequence[Row]


def newest_runs(runs: Iterable[Row]) -> list[str]:
    """The id of each date's newest run, of rows in order of time."""
    return list({row[1]: str(row[0]) for row in runs}.values())


def reconciliation(source: str, rows: Rows) -> Reconciliation:
    """Put a report together. Raises ValueError, ArithmeticError or TypeError for what no version of these rules wrote."""
    metrics = {str(row[0]): Metric(*map(str, row)) for row in rows.metrics}
    # A metric that was deleted still has its results.
    for name in sorted({str(row[3]) for row in rows.results} - metrics.keys()):
        metrics[name] = Metric(name, "")
    order = list(metrics)
    runs, results = _by(rows.runs, 1), _by(rows.results, 0)
    convergence, points, waits = _by(rows.convergence, 0), _by(rows.points, 0, 1), _by(rows.waits, 0)
    causes, sessions, refusals = _by(rows.causes, 0), _by(rows.sessions, 0), _by(rows.refusals, 0)

    def day(when: date) -> DayHistory:
        history = tuple(_run(row) for row in runs[when])
        newest = history[-1].run_id
        cells = (_result(row, metrics) for row in results.get(newest, ()))
        tiers = (_convergence(row, points.get((when, row[1]), ())) for row in convergence.get(when, ()))
        return DayHistory(
            date=when,
            runs=history,
            results=tuple(sorted(cells, key=lambda one: (tier_order(one.user_tier), order.index(one.metric.name)))),
            convergence=tuple(sorted(tiers, key=lambda one: tier_order(one.user_tier))),
            wait=next((_wait(row) for row in waits.get(when, ())), None),
            refusal=next((_refusal(row) for row in refusals.get(when, ())), None),
            causes=tuple(_cause(found, metrics) for found in _by(causes.get(newest, ()), 1, 2).values()),
            sessions=tuple(_session(found, metrics) for found in _by(sessions.get(newest, ()), 1).values()),
        )

    return Reconciliation(datetime.now(UTC), source, tuple(metrics.values()), tuple(day(when) for when in sorted(runs)))


def _by(rows: Iterable[Row], *columns: int) -> dict[Any, list[Row]]:
    """The rows by one column, or by several, in their order."""
    found: dict[Hashable, list[Row]] = {}
    for row in rows:
        key = tuple(row[column] for column in columns)
        found.setdefault(key[0] if len(columns) == 1 else key, []).append(row)
    return found


def _run(row: Row) -> RunSummary:
    run_id, _, compared_at, verdict, waits_for, change_id, *rest = row
    counts, (extraction_id, extracted_at, row_count, non_uuid_ids, *aside) = rest[: len(Status)], rest[len(Status) :]
    set_aside_rows, set_aside_path, read_as = aside
    return RunSummary(
        run_id=str(run_id),
        compared_at=_utc(compared_at),
        verdict=Verdict(verdict),
        change_id=_count(change_id),
        extraction=None
        if extraction_id is None
        else Extraction(
            str(extraction_id),
            None if extracted_at is None else _utc(extracted_at),
            _count(row_count),
            _count(non_uuid_ids),
            _count(set_aside_rows),
            set_aside_path,
            read_as,
        ),
        counts={status: int(count) for status, count in zip(Status, counts, strict=True) if count},
        waits_for=tuple(waits_for.split(", ")) if waits_for else (),
    )


def _result(row: Row, metrics: Mapping[str, Metric]) -> Result:
    _, day, tier, metric, speed, batch, difference, relative, status, absolute_limit, relative_limit, invalid = row
    recorded = absolute_limit is not None and relative_limit is not None
    return Result(
        date=day,
        user_tier=tier,
        metric=metrics[metric],
        speed_value=_decimal(speed),
        batch_value=_decimal(batch),
        difference=Decimal(difference),
        relative_difference=_decimal(relative),
        status=Status(status),
        tolerance=Tolerance(Decimal(absolute_limit), Decimal(relative_limit)) if recorded else None,
        invalid_value=_decimal(invalid),
    )


def _convergence(row: Row, points: Iterable[Row]) -> Convergence:
    _, tier, state, bad_since_at, hours, slo_hours, slo_burn = row
    return Convergence(
        user_tier=tier,
        state=State(state),
        bad_since_at=None if bad_since_at is None else _utc(bad_since_at),
        hours=Decimal(hours),
        slo_hours=Decimal(slo_hours),
        slo_burn=_decimal(slo_burn),
        points=tuple(Point(_utc(moment), int(bad), Decimal(size)) for _, _, moment, bad, size in points),
    )


def _wait(row: Row) -> Wait:
    return Wait(_utc(row[1]), _utc(row[2]), bool(row[3]))


def _refusal(row: Row) -> Refusal:
    return Refusal(str(row[1]), str(row[2]), _utc(row[3]))


def _cause(rows: Sequence[Row], metrics: Mapping[str, Metric]) -> CauseTotal:
    _, tier, cause, _, _, sessions = rows[0]
    parts = {row[3]: Decimal(row[4]) for row in rows}
    differences = {metric: parts[name] for name, metric in metrics.items() if name in parts}
    return CauseTotal(tier, str(cause), int(sessions), differences)


def _session(rows: Sequence[Row], metrics: Mapping[str, Metric]) -> WorstSession:
    differences: dict[str | None, dict[Metric, Decimal]] = {}
    for tier in sorted({row[2] for row in rows}, key=tier_order):
        parts = _by((row for row in rows if row[2] == tier), 3)
        differences[tier] = {
            metric: sum((Decimal(row[6]) for row in parts[name]), Decimal(0))
            for name, metric in metrics.items()
            if name in parts
        }
    return WorstSession(
        session_id=str(rows[0][1]),
        causes=tuple(dict.fromkeys(str(row[4]) for row in rows)),
        details=tuple(dict.fromkeys(str(row[5]) for row in rows if row[5])),
        differences=differences,
    )


def _decimal(value: Any) -> Decimal | None:
    return None if value is None else Decimal(value)


def _count(value: Any) -> int | None:
    return None if value is None else int(value)


def _utc(value: datetime) -> datetime:
    """RECON's TIMESTAMP_NTZ columns hold UTC."""
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
