"""ops.report_run: the finalizer of the task graph writes down how the run went."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from snowpark_procs.errors import ProcedureError
from snowpark_procs.statements import run
from snowpark_procs.task_context import current_task

if TYPE_CHECKING:
    from snowflake.snowpark import Session


def report_run(session: Session) -> dict[str, Any]:
    """Store one row in ops.graph_runs. Only a task can call it. Raises ProcedureError outside a task graph."""
    if current_task(session) is None:
        raise ProcedureError("ops.report_run is the finalizer of a task graph; there is no graph run to report here")
    graph_run_id, root_task = run(session, "graph_run")[0]
    names = ("name", "state", "error_message", "started_at", "completed_at")
    tasks = [dict(zip(names, row, strict=True)) for row in run(session, "graph_tasks", [graph_run_id])]
    failed = next((task for task in tasks if task["state"] == "FAILED"), None)
    summary = {
        "graph_run_id": graph_run_id,
        "root_task": root_task,
        "status": "failed" if failed else "succeeded",
        "failed_task": failed["name"] if failed else None,
        "error_message": failed["error_message"] if failed else None,
    }
    started = [task["started_at"] for task in tasks if task["started_at"]]
    run(session, "insert_graph_run", [*summary.values(), json.dumps(tasks), min(started, default=None)])
    return summary
