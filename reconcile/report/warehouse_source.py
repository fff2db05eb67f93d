"""Reads RECON through the Snowflake connector, by the name of a connection. The only module that touches the connector."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from typing import Any

from reconcile.comparison.outcomes import Metric, Result, Status, Tolerance, Verdict
from reconcile.errors import WarehouseError
from reconcile.report.history import DayHistory, Extraction, Reconciliation, RunSummary

# A run with limits of one CALL is no verdict of its day. A run of an earlier version recorded nothing of its snapshot.
_RUNS = """
SELECT r.run_id, r.date, r.compared_at, r.verdict, r.waits_for, r.change_id,
       r.matching, r.within_tolerance, r.out_of_tolerance, r.missing_in_batch, r.missing_in_speed,
       r.extraction_id, COALESCE(r.extracted_at, e.extracted_at), COALESCE(r.speed_rows, e.row_count), e.non_uuid_ids
FROM recon.runs r
LEFT JOIN recon.speed_extractions e ON e.extraction_id = r.extraction_id AND e.date = r.date
WHERE NOT COALESCE(r.is_override, FALSE) AND {dates}
ORDER BY r.date, r.compared_at, r.run_id
"""
_LARGEST = """
SELECT c.run_id, MAX(c.relative_difference), COUNT_IF(c.relative_difference IS NULL AND c.difference <> 0)
FROM recon.results c
WHERE {dates}
GROUP BY c.run_id
"""
_RESULTS = """
SELECT c.run_id, c.date, c.user_tier, c.metric, c.speed_value, c.batch_value, c.difference, c.relative_difference, c.status,
       c.absolute_tolerance, c.relative_tolerance, c.invalid_value
FROM recon.latest_results c
WHERE {dates}
"""
_METRICS = "SELECT metric, unit, description FROM recon.metrics ORDER BY position, metric"

Row = Sequence[Any]


def read_reconciliation(connection_name: str, dates: Sequence[date] = ()) -> Reconciliation:
    """Read all comparisons of the given dates, or of every date there is.

    Raises WarehouseError when the connection does not exist or fails, RECON's tables are missing, or hold what no
    version of these rules wrote.
    """
    with _connection(connection_name) as connection:
        return read_from(connection, f"Snowflake connection “{connection_name}”", dates)


def read_from(connection: Any, source: str, dates: Sequence[date] = ()) -> Reconciliation:
    """The same through an open connector connection with paramstyle qmark."""
    binds = [day.isoformat() for day in dates]

    def query(template: str, column: str = "") -> list[Row]:
        condition = f"{column} IN ({', '.join(['?'] * len(binds))})" if binds else "TRUE"
        with connection.cursor() as cursor:
            cursor.execute(template.format(dates=condition), binds if column and binds else None)
            return list(cursor.fetchall())

    try:
        with _translated_errors():
            rows = (query(_RUNS, "r.date"), query(_LARGEST, "c.date"), query(_RESULTS, "c.date"), query(_METRICS))
        return _reconciliation(source, *rows)
    except (ValueError, ArithmeticError, TypeError) as error:
        raise WarehouseError(f"the RECON tables hold a value that is not understood: {error}") from error


def call_reconciliation(
    connection_name: str, days: Sequence[date] = (), span: tuple[date | None, date | None] | None = None
) -> list[Any]:
    """CALL the warehouse's procedures: each of the days, the span (None: no bound), or, given neither, every day that is pending.

    Returns the procedures' summaries. Raises WarehouseError with the procedure's own error.
    """
    calls: list[tuple[str, list[str | None]]] = [("CALL recon.reconcile_day(?)", [day.isoformat()]) for day in days]
    if span is not None:
        calls.append(("CALL recon.reconcile_range(?, ?)", [bound.isoformat() if bound else None for bound in span]))
    with _connection(connection_name) as connection, _translated_errors("reconcile in the warehouse"):
        return [_call(connection, sql, binds) for sql, binds in calls or [("CALL recon.reconcile_pending()", [])]]


def call_explanation(connection_name: str, is_chosen: Callable[[date], bool]) -> Iterator[Any]:
    """CALL recon.explain for each chosen day whose newest comparison has a difference; yield the procedure's answers.

    Raises WarehouseError with the procedure's own error.
    """
    with _connection(connection_name) as connection, _translated_errors("explain the differences in the warehouse"):
        with connection.cursor() as cursor:
            cursor.execute("SELECT DISTINCT date FROM recon.latest_results WHERE difference <> 0 ORDER BY date")
            days = [row[0] for row in cursor.fetchall() if is_chosen(row[0])]
        for day in days:
            yield _call(connection, "CALL recon.explain(?)", [day.isoformat()])


def _call(connection: Any, sql: str, binds: list[str | None]) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, binds or None)
        (value,) = cursor.fetchone()
    return json.loads(value) if isinstance(value, str) else value


def _reconciliation(
    source: str, run_rows: list[Row], largest_rows: list[Row], result_rows: list[Row], metric_rows: list[Row]
) -> Reconciliation:
    metrics = {str(row[0]): Metric(*map(str, row)) for row in metric_rows}
    # A metric that was deleted still has its results.
    for name in sorted({str(row[3]) for row in result_rows} - metrics.keys()):
        metrics[name] = Metric(name, "")
    largest = {str(row[0]): row for row in largest_rows}
    results: dict[str, list[Result]] = {}
    for row in result_rows:
        results.setdefault(str(row[0]), []).append(_result(row, metrics))
    by_day: dict[date, list[RunSummary]] = {}
    for row in run_rows:
        by_day.setdefault(row[1], []).append(_run(row, largest.get(str(row[0]))))
    order = list(metrics.values())
    days = tuple(
        DayHistory(day, tuple(runs), tuple(sorted(results.get(runs[-1].run_id, []), key=partial(_cell_order, order))))
        for day, runs in sorted(by_day.items())
    )
    return Reconciliation(datetime.now(UTC), source, tuple(order), days)


def _run(row: Row, largest: Row | None) -> RunSummary:
    run_id, _, compared_at, verdict, waits_for, change_id, *rest = row
    counts, (extraction_id, extracted_at, row_count, non_uuid_ids) = rest[: len(Status)], rest[len(Status) :]
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
        ),
        counts={status: int(count) for status, count in zip(Status, counts, strict=True) if count},
        max_relative=_decimal(largest[1]) if largest else None,
        undefined=int(largest[2]) if largest else 0,
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


def _cell_order(metrics: Sequence[Metric], result: Result) -> tuple[bool, str, int]:
    return result.user_tier is None, result.user_tier or "", metrics.index(result.metric)


def _count(value: Any) -> int | None:
    return None if value is None else int(value)


def _decimal(value: Any) -> Decimal | None:
    return None if value is None else Decimal(value)


def _utc(value: datetime) -> datetime:
    """RECON's TIMESTAMP_NTZ columns hold UTC."""
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


@contextmanager
def _connection(name: str) -> Iterator[Any]:
    import snowflake.connector  # here, so that extraction needs no Snowflake client

    with _translated_errors():
        connection = snowflake.connector.connect(
            connection_name=name,
            paramstyle="qmark",
            login_timeout=30,
            session_parameters={"TIMEZONE": "UTC", "QUERY_TAG": "reconcile report"},
        )
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def _translated_errors(action: str = "read the reconciliation results from the warehouse") -> Iterator[None]:
    from snowflake.connector.errors import Error

    try:
        yield
    except Error as error:
        raise WarehouseError(f"cannot {action}: {_one_line(str(error.msg or error))}") from error


def _one_line(text: str) -> str:
    """Snowflake's message in a line; of a procedure's traceback only the error itself, which is its last line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if any(line.startswith("Traceback") for line in lines):
        lines = [line for line in lines if not line.startswith("in function ")][-1:]
    return " ".join(lines)[:300]
