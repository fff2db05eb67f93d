"""Answer table functions over tasks and their runs (TASK_HISTORY and its like) by queries.

See: https://docs.snowflake.com/en/sql-reference/functions/task_history
"""

from __future__ import annotations

from local_stack.endpoint.engine.grants import ACCOUNT
from local_stack.endpoint.errors import compilation_error
from local_stack.endpoint.features.information_functions import Arguments, Functions, require_known
from local_stack.endpoint.features.tasks import graph, history, store
from local_stack.endpoint.features.tasks.listing import COLUMNS, row
from local_stack.endpoint.language.quoting import quote_string
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import Result


def task_dependents(arguments: Arguments, session: Session) -> Result:
    """Answer TASK_DEPENDENTS(TASK_NAME => 't' [, RECURSIVE => TRUE]): the task and what comes after it."""
    if "TASK_NAME" not in arguments:
        raise compilation_error("Missing argument TASK_NAME of TASK_DEPENDENTS.", 938, "22023")
    name = Reader(Reader(arguments["TASK_NAME"]).string()).name()
    root = store.require(name, session)
    tasks = store.same_schema(root, session.catalog)
    found = graph.descendants(tasks, root)
    if arguments.get("RECURSIVE", "TRUE").upper() == "FALSE":
        found = [
            task for task in found if task is root or task.full_name == root.full_name or root.full_name in task.after
        ]
    last = graph.finalizer(tasks, root.full_name)
    return Result(COLUMNS, [row(task, tasks, session) for task in [*found, *([last] if last else [])]])


_HISTORY_ARGUMENTS = frozenset(
    {
        "SCHEDULED_TIME_RANGE_START",
        "SCHEDULED_TIME_RANGE_END",
        "RESULT_LIMIT",
        "TASK_NAME",
        "ERROR_ONLY",
        "ROOT_TASK_ID",
    }
)


def task_history(arguments: Arguments, session: Session) -> str:
    """Answer TASK_HISTORY([SCHEDULED_TIME_RANGE_START => …, …]): the newest runs first, 100 without RESULT_LIMIT."""
    require_known("TASK_HISTORY", arguments, _HISTORY_ARGUMENTS)
    conditions = [_seen(session, "")]
    if start := arguments.get("SCHEDULED_TIME_RANGE_START"):
        conditions.append(f"scheduled_time >= ({start})::TIMESTAMP_LTZ")
    if end := arguments.get("SCHEDULED_TIME_RANGE_END"):
        conditions.append(f"scheduled_time <= ({end})::TIMESTAMP_LTZ")
    if name := arguments.get("TASK_NAME"):
        conditions.append(f"name = UPPER(SPLIT_PART({name}, '.', -1))")
    if root := arguments.get("ROOT_TASK_ID"):
        conditions.append(f"root_task_id = {root}")
    if arguments.get("ERROR_ONLY", "FALSE").upper() == "TRUE":
        conditions.append("state LIKE 'FAILED%'")
    limit = int(arguments.get("RESULT_LIMIT", "100"))
    if not 1 <= limit <= 10_000:
        raise compilation_error(f"invalid value [{limit}] for RESULT_LIMIT: 1 to 10000.", 1008, "22023")
    columns = ", ".join(name for name in history.COLUMNS if name != "task_id")
    return (
        f"(SELECT {columns} FROM {history.TABLE} WHERE {' AND '.join(conditions)}"
        f" ORDER BY scheduled_time DESC, COALESCE(query_start_time, scheduled_time) DESC LIMIT {limit})"
    )


def complete_task_graphs(arguments: Arguments, session: Session) -> str:
    """Answer COMPLETE_TASK_GRAPHS([RESULT_LIMIT => n, ROOT_TASK_NAME => 't', ERROR_ONLY => TRUE]): finished runs of graphs."""
    conditions = ["r.task_id = r.root_task_id", _seen(session, "r.")]
    if name := arguments.get("ROOT_TASK_NAME"):
        conditions.append(f"r.name = UPPER(SPLIT_PART({name}, '.', -1))")
    outer = "first_error_code IS NOT NULL" if arguments.get("ERROR_ONLY", "FALSE").upper() == "TRUE" else "TRUE"
    limit = int(arguments.get("RESULT_LIMIT", "1000"))
    return (
        "(SELECT * FROM (SELECT r.name AS root_task_name, r.database_name, r.schema_name,"
        " CASE WHEN COUNT(t.error_code) > 0 THEN 'FAILED' ELSE 'SUCCEEDED' END AS state,"
        " MIN(CASE WHEN t.state LIKE 'FAILED%' THEN t.name END) AS first_error_task_name,"
        " MIN(CASE WHEN t.state LIKE 'FAILED%' THEN t.error_code END) AS first_error_code,"
        " MIN(CASE WHEN t.state LIKE 'FAILED%' THEN t.error_message END) AS first_error_message,"
        " MIN(r.scheduled_time) AS scheduled_time, MIN(t.query_start_time) AS query_start_time,"
        " MAX(t.completed_time) AS completed_time, r.root_task_id, MAX(r.graph_version) AS graph_version, r.run_id,"
        f" MAX(t.attempt_number) AS attempt_number, r.graph_run_group_id FROM {history.TABLE} r"
        f" JOIN (SELECT * FROM {history.TABLE} QUALIFY ROW_NUMBER() OVER (PARTITION BY task_id, graph_run_group_id"
        " ORDER BY attempt_number DESC) = 1) t"
        " ON t.root_task_id = r.root_task_id AND t.graph_run_group_id = r.graph_run_group_id"
        f" WHERE {' AND '.join(conditions)} GROUP BY r.name, r.database_name, r.schema_name, r.root_task_id, r.run_id,"
        " r.graph_run_group_id HAVING COUNT_IF(t.completed_time IS NULL) = 0)"
        f" WHERE {outer} ORDER BY scheduled_time DESC LIMIT {limit})"
    )


def _seen(session: Session, prefix: str) -> str:
    """Return the condition for the runs of tasks on which the roles have a privilege; MONITOR EXECUTION sees those of all.

    See: https://docs.snowflake.com/en/release-notes/bcr-bundles/2025_01/bcr-1799
    """
    if not session.grants.enforced or session.access.holds("ACCOUNT", ACCOUNT, "MONITOR EXECUTION"):
        return "TRUE"
    with session.catalog.connection() as duckdb:
        places = duckdb.execute(f"SELECT DISTINCT database_name, schema_name, name FROM {history.TABLE}").fetchall()
    seen = [place for place in places if session.access.sees("TASK", ".".join(place))]
    listed = ", ".join(f"({', '.join(map(quote_string, place))})" for place in seen)
    return f"({prefix}database_name, {prefix}schema_name, {prefix}name) IN ({listed})" if seen else "FALSE"


FUNCTIONS: Functions = {
    "TASK_HISTORY": task_history,
    "TASK_DEPENDENTS": task_dependents,
    "COMPLETE_TASK_GRAPHS": complete_task_graphs,
}
