"""ops.report_run: the finalizer of the task graph writes down how the run went."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from snowpark_procs.errors import ProcedureError
from snowpark_procs.statements import run
from snowpark_procs.task_context import current_task

if TYPE_CHECKING:
    from snowflake.snowpark import Session

_COLUMNS = ("name", "state", "attempt", "error_message", "started_at", "completed_at")
# The states that decide how a run went, in this order. A skipped task decides nothing: what it waited for did not succeed, or it
# had nothing to do.
# See: https://docs.snowflake.com/en/sql-reference/functions/task_history
_DECIDING = {"FAILED_AND_AUTO_SUSPENDED": "suspended", "FAILED": "failed", "CANCELLED": "cancelled"}


def report_run(session: Session) -> dict[str, Any]:
    """Store one row in ops.graph_runs. Only a task can call it. Raises ProcedureError outside a task graph."""
    if current_task(session) is None:
        raise ProcedureError("ops.report_run is the finalizer of a task graph; there is no graph run to report here")
    graph_run_id, root_task = run(session, "graph_run")[0]
    tasks = [dict(zip(_COLUMNS, row, strict=True)) for row in run(session, "graph_tasks", [graph_run_id])]
    status, culprit = outcome(tasks, root_task)
    summary = {
        "graph_run_id": graph_run_id,
        "root_task": root_task,
        "status": status,
        "failed_task": culprit["name"] if culprit else None,
        "error_message": culprit["error_message"] if culprit else None,
    }
    started = [task["started_at"] for task in tasks if task["started_at"]]
    run(session, "insert_graph_run", [*summary.values(), json.dumps(tasks), min(started, default=None)])
    return summary


def outcome(tasks: Sequence[Mapping[str, Any]], root_task: str) -> tuple[str, Mapping[str, Any] | None]:
    """Tell how a run went, and which task decided that, by the newest attempt of each task.

    It is succeeded, failed, suspended, cancelled or skipped. suspended: it failed, and the graph stands until it is resumed.
    skipped: the condition of the root did not hold, so nothing ran.
    """
    for state, status in _DECIDING.items():
        for task in tasks:
            if task["state"] == state:
                return status, task
    root = root_task.rpartition(".")[2]
    is_skipped = any(task["name"] == root and task["state"] == "SKIPPED" for task in tasks)
    return "skipped" if is_skipped else "succeeded", None
