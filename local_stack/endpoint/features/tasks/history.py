"""Keep the history of task runs: a table in the endpoint's own database, read by INFORMATION_SCHEMA.TASK_HISTORY."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, fields, replace

from local_stack.endpoint.engine.catalog import Catalog

TABLE = "_fs_global.local_objects.task_history"
# As in Snowflake, where the table function looks back seven days.
KEPT = dt.timedelta(days=7)


@dataclass(frozen=True)
class TaskRun:
    """Hold one run of one task, with the columns of TASK_HISTORY. Times in UTC. state: SCHEDULED, EXECUTING, SUCCEEDED,
    FAILED, FAILED_AND_AUTO_SUSPENDED, CANCELLED, SKIPPED. run_id: of the graph's run (milliseconds since the epoch)."""

    name: str
    database_name: str
    schema_name: str
    query_text: str
    state: str
    scheduled_time: dt.datetime
    root_task_id: str
    graph_run_group_id: int
    run_id: int
    scheduled_from: str
    attempt_number: int = 1
    query_id: str | None = None
    condition_text: str | None = None
    error_code: int | None = None
    error_message: str | None = None
    query_start_time: dt.datetime | None = None
    next_scheduled_time: dt.datetime | None = None
    completed_time: dt.datetime | None = None
    return_value: str | None = None
    config: str | None = None
    graph_version: int = 1
    task_id: str = ""


_TYPES = {
    "scheduled_time": "TIMESTAMPTZ", "query_start_time": "TIMESTAMPTZ", "completed_time": "TIMESTAMPTZ",
    "next_scheduled_time": "TIMESTAMPTZ", "graph_run_group_id": "BIGINT", "run_id": "BIGINT", "attempt_number": "BIGINT",
    "graph_version": "BIGINT", "error_code": "BIGINT",
}  # fmt: skip
COLUMNS = tuple(f.name for f in fields(TaskRun))


class TaskHistory:
    """Keep runs by (task, graph run, attempt); they are durable when a call returns."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        columns = ", ".join(f"{name} {_TYPES.get(name, 'VARCHAR')}" for name in COLUMNS)
        with catalog.connection() as duckdb:
            duckdb.execute(f"CREATE TABLE IF NOT EXISTS {TABLE} ({columns})")

    def record(self, run: TaskRun) -> TaskRun:
        """Store a run, or its new state."""
        with self._catalog.connection() as duckdb:
            duckdb.execute("BEGIN")
            duckdb.execute(
                f"DELETE FROM {TABLE} WHERE task_id = ? AND run_id = ? AND attempt_number = ?",
                [run.task_id, run.run_id, run.attempt_number],
            )
            marks = ", ".join("?" for _ in COLUMNS)
            duckdb.execute(f"INSERT INTO {TABLE} VALUES ({marks})", [getattr(run, name) for name in COLUMNS])
            duckdb.execute("COMMIT")
        return run

    def close_interrupted(self) -> int:
        """Note runs that were under way when the endpoint ended as failed, forget old ones, and return how many failed."""
        now = dt.datetime.now(dt.UTC)
        with self._catalog.connection() as duckdb:
            duckdb.execute(f"DELETE FROM {TABLE} WHERE scheduled_time < ?", [now - KEPT])
            (count,) = duckdb.execute(
                f"UPDATE {TABLE} SET state = 'FAILED', error_code = 604, completed_time = ?,"
                " error_message = 'The local endpoint ended during this run.' WHERE state IN ('SCHEDULED', 'EXECUTING')",
                [now],
            ).fetchall()[0]
        return int(count)

    def last_graph_run(self, root_task_id: str) -> list[TaskRun]:
        """Return the newest attempt of each task in the newest run of a graph."""
        names = ", ".join(COLUMNS)
        with self._catalog.connection() as duckdb:
            rows = duckdb.execute(
                f"SELECT {names} FROM {TABLE} WHERE root_task_id = ? AND graph_run_group_id ="
                f" (SELECT max(graph_run_group_id) FROM {TABLE} WHERE root_task_id = ?)"
                " QUALIFY row_number() OVER (PARTITION BY task_id ORDER BY attempt_number DESC) = 1",
                [root_task_id, root_task_id],
            ).fetchall()
        return [_run(dict(zip(COLUMNS, row, strict=True))) for row in rows]


def _run(values: dict[str, object]) -> TaskRun:
    times = {k: v.astimezone(dt.UTC) for k, v in values.items() if isinstance(v, dt.datetime)}
    return replace(TaskRun(**values), **times)  # type: ignore[arg-type]
