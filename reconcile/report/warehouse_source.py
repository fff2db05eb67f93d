"""Reads RECON through the Snowflake connector, by the name of a connection. The only module that touches the connector."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from reconcile.comparison.outcomes import DEFAULT_TOLERANCES, Metric, Result, Status, Tolerance, Verdict
from reconcile.errors import WarehouseError
from reconcile.report.history import DayHistory, Extraction, Reconciliation, RunSummary

_RUNS = """
SELECT r.run_id, r.date, r.compared_at, r.verdict, r.change_id,
       e.extraction_id, e.extracted_at, e.row_count, e.non_uuid_ids
FROM recon.runs r
LEFT JOIN recon.speed_extractions e ON e.extraction_id = r.extraction_id AND e.date = r.date
WHERE {dates}
ORDER BY r.date, r.compared_at, r.run_id
"""
_COUNTS = """
SELECT c.run_id, c.status, COUNT(*), MAX(c.relative_difference),
       SUM(CASE WHEN c.relative_difference IS NULL AND c.difference <> 0 THEN 1 ELSE 0 END)
FROM recon.results c
WHERE {dates}
GROUP BY c.run_id, c.status
"""
_RESULTS = """
SELECT c.run_id, c.date, c.user_tier, c.metric, c.speed_value, c.batch_value, c.difference, c.relative_difference, c.status
FROM recon.results c
JOIN (
    SELECT run_id FROM recon.runs
    QUALIFY ROW_NUMBER() OVER (PARTITION BY date ORDER BY compared_at DESC, run_id DESC) = 1
) newest ON newest.run_id = c.run_id
WHERE {dates}
"""
_TOLERANCES = "SELECT metric, absolute, relative FROM recon.tolerances"

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
            rows = (query(_RUNS, "r.date"), query(_COUNTS, "c.date"), query(_RESULTS, "c.date"), query(_TOLERANCES))
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


def _call(connection: Any, sql: str, binds: list[str | None]) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, binds or None)
        (value,) = cursor.fetchone()
    return json.loads(value) if isinstance(value, str) else value


def _reconciliation(
    source: str, run_rows: list[Row], count_rows: list[Row], result_rows: list[Row], tolerance_rows: list[Row]
) -> Reconciliation:
    counts: dict[str, list[Row]] = {}
    for row in count_rows:
        counts.setdefault(str(row[0]), []).append(row)
    results: dict[str, list[Result]] = {}
    for row in result_rows:
        results.setdefault(str(row[0]), []).append(_result(row))
    by_day: dict[date, list[RunSummary]] = {}
    for row in run_rows:
        by_day.setdefault(row[1], []).append(_run(row, counts.get(str(row[0]), [])))
    days = tuple(
        DayHistory(day, tuple(runs), tuple(sorted(results.get(runs[-1].run_id, []), key=_cell_order)))
        for day, runs in sorted(by_day.items())
    )
    tolerances = {Metric(row[0]): Tolerance(Decimal(row[1]), Decimal(row[2])) for row in tolerance_rows}
    return Reconciliation(datetime.now(UTC), source, {**DEFAULT_TOLERANCES, **tolerances}, days)


def _run(row: Row, count_rows: list[Row]) -> RunSummary:
    run_id, _, compared_at, verdict, change_id, extraction_id, extracted_at, row_count, non_uuid_ids = row
    relative = [Decimal(count[3]) for count in count_rows if count[3] is not None]
    return RunSummary(
        run_id=str(run_id),
        compared_at=_utc(compared_at),
        verdict=Verdict(verdict),
        change_id=None if change_id is None else int(change_id),
        extraction=None
        if extraction_id is None
        else Extraction(str(extraction_id), _utc(extracted_at), int(row_count), int(non_uuid_ids)),
        counts={Status(count[1]): int(count[2]) for count in count_rows},
        max_relative=max(relative, default=None),
        undefined=sum(int(count[4] or 0) for count in count_rows),
    )


def _result(row: Row) -> Result:
    _, day, tier, metric, speed, batch, difference, relative, status = row
    return Result(
        date=day,
        user_tier=tier,
        metric=Metric(metric),
        speed_value=_decimal(speed),
        batch_value=_decimal(batch),
        difference=Decimal(difference),
        relative_difference=_decimal(relative),
        status=Status(status),
    )


def _cell_order(result: Result) -> tuple[bool, str, int]:
    return result.user_tier is None, result.user_tier or "", list(Metric).index(result.metric)


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
