"""Reads RECON through the Snowflake connector, by the name of a connection. The only module that touches the connector."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

from reconcile.errors import WarehouseError
from reconcile.report import warehouse_queries as queries
from reconcile.report.history import Reconciliation
from reconcile.report.warehouse_rows import Row, Rows, newest_runs, reconciliation

MOST_SESSIONS = 10  # of a day: the report names the worst ones, recon.explanations has all


def read_reconciliation(connection_name: str, dates: Sequence[date] = ()) -> Reconciliation:
    """Read all comparisons of the given dates, or of every date there is.

    Raises WarehouseError when the connection does not exist or fails, RECON's tables are missing, or hold what no
    version of these rules wrote.
    """
    with _connection(connection_name) as connection:
        return read_from(connection, f"Snowflake connection “{connection_name}”", dates)


def read_from(connection: Any, source: str, dates: Sequence[date] = ()) -> Reconciliation:
    """The same through an open connector connection with paramstyle qmark."""
    days = [day.isoformat() for day in dates]

    def query(sql: str, binds: Sequence[str] = ()) -> list[Row]:
        with connection.cursor() as cursor:
            cursor.execute(sql, binds or None)
            return list(cursor.fetchall())

    def of_dates(sql: str, column: str = "date") -> list[Row]:
        return query(sql.format(dates=f"{column} IN ({', '.join('?' * len(days))})" if days else "TRUE"), days)

    def of_runs(sql: str, newest: Sequence[str]) -> list[Row]:
        chosen = "SELECT f.value::STRING FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?))) f"
        return query(sql.format(runs=chosen, parts=queries.PARTS.format(runs=chosen), most=MOST_SESSIONS), newest)

    try:
        with _translated_errors():
            runs = of_dates(queries.RUNS, "r.date")
            # All else is of the runs just read, also when another comparison is written meanwhile.
            newest = [json.dumps(newest_runs(runs))]
            rows = Rows(
                runs=runs,
                metrics=query(queries.METRICS),
                results=of_runs(queries.RESULTS, newest),
                convergence=of_dates(queries.CONVERGENCE),
                points=of_dates(queries.POINTS),
                waits=of_dates(queries.WAITS),
                refusals=of_dates(queries.REFUSALS),
                causes=of_runs(queries.CAUSES, newest),
                sessions=of_runs(queries.SESSIONS, newest),
            )
        return reconciliation(source, rows)
    except (ValueError, ArithmeticError, TypeError) as error:
        raise WarehouseError(f"the RECON tables hold a value that is not understood: {error}") from error


def call_reconciliation(
    connection_name: str, days: Sequence[date] = (), span: tuple[date | None, date | None] | None = None
) -> Iterator[Any]:
    """CALL the warehouse's procedures: each of the days, the span (None: no bound), or, given neither, every day that is pending.

    Yields the procedures' summaries, or the WarehouseError of a CALL that was refused: the others go on.
    """
    calls: list[tuple[str, list[str | None]]] = [("CALL recon.reconcile_day(?)", [day.isoformat()]) for day in days]
    if span is not None:
        calls.append(("CALL recon.reconcile_range(?, ?)", [bound.isoformat() if bound else None for bound in span]))
    with _connection(connection_name) as connection:
        for sql, binds in calls or [("CALL recon.reconcile_pending()", [])]:
            yield _answer(connection, sql, binds, "reconcile", several=len(calls) > 1)


def newest_flagged_batch(connection_name: str) -> str | None:
    """Id of the newest batch that is in STAGING. Raises WarehouseError."""
    asked = "SELECT batch_id FROM ops.batches WHERE flagged_at IS NOT NULL ORDER BY flagged_at DESC LIMIT 1"
    with _connection(connection_name) as connection, _translated_errors(), connection.cursor() as cursor:
        found = cursor.execute(asked).fetchone()
    return found[0] if found else None


def call_explanation(
    connection_name: str, is_chosen: Callable[[date], bool], named: Collection[date] = ()
) -> Iterator[Any]:
    """CALL recon.explain for each chosen day whose newest comparison has a difference or whose newest snapshot was refused.

    Yields the procedure's answers, or the WarehouseError of a day, also another one that is named, that it refuses: others go on.
    """
    with _connection(connection_name) as connection:
        with _translated_errors("explain the differences in the warehouse"), connection.cursor() as cursor:
            differing, refused = (
                {row[0] for row in cursor.execute(sql).fetchall() if is_chosen(row[0])}
                for sql in (queries.DIFFERING, queries.REFUSED)
            )
        days = sorted(differing | refused | set(named))
        for day in days:
            answer = _answer(
                connection, "CALL recon.explain(?)", [day.isoformat()], "explain the differences", len(days) > 1
            )
            if day in differing or isinstance(answer, WarehouseError):
                yield answer


def _answer(connection: Any, sql: str, binds: list[str | None], action: str, several: bool) -> Any:
    """Return a procedure's answer, or the error that it raised; the error says what it was asked, where it is one of several."""
    from snowflake.connector.errors import ProgrammingError

    asked = f" ({', '.join(bind or 'any' for bind in binds)})" if several else ""
    try:
        with _translated_errors(f"{action} in the warehouse{asked}"):
            return _call(connection, sql, binds)
    except WarehouseError as error:
        if not isinstance(error.__cause__, ProgrammingError):
            raise
        return error


def _call(connection: Any, sql: str, binds: list[str | None]) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, binds or None)
        (value,) = cursor.fetchone()
    return json.loads(value) if isinstance(value, str) else value


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
    """Snowflake's message in a line; of a procedure's traceback only the error itself, with all lines of its text."""
    lines = [line for line in text.splitlines() if line.strip()]
    traces = [number for number, line in enumerate(lines) if "Traceback (most recent" in line]
    if traces:
        # Frames are indented; what follows them is the error.
        behind = list(itertools.dropwhile(lambda line: line.startswith(" "), lines[traces[-1] + 1 :]))
        lines = [line for line in behind if not line.strip().startswith("in function ")] or lines[-1:]
    return " ".join(line.strip() for line in lines)[:1000]
