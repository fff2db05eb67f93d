"""The grammar of tasks, the rules of their graphs, and schedules: all without a server."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from local_stack.endpoint.features.tasks import graph
from local_stack.endpoint.features.tasks.create import CreateTask, parse_alter_task, parse_create_task
from local_stack.endpoint.features.tasks.definition import Task
from local_stack.endpoint.language.schedule import DueTimes, check_schedule
from local_stack.endpoint.statements import SqlError


def test_every_clause_of_a_task_is_read() -> None:
    created = parse_create_task(
        "CREATE OR ALTER TASK ops.t_flag WAREHOUSE = wh USER_TASK_TIMEOUT_MS = 3600000 TIMEZONE = 'UTC', QUERY_TAG = 'pipeline'"
        " COMMENT = 'c' AFTER ops.t_root, t_other WHEN SYSTEM$GET_PREDECESSOR_RETURN_VALUE('T_ROOT') != 'EMPTY'"
        " AS CALL ops.flag_quality()"
    )
    assert created == CreateTask(
        name=("OPS", "T_FLAG"),
        body="CALL ops.flag_quality()",
        properties={"WAREHOUSE": "WH", "USER_TASK_TIMEOUT_MS": 3600000, "COMMENT": "c"},
        parameters={"TIMEZONE": "UTC", "QUERY_TAG": "pipeline"},
        after=(("OPS", "T_ROOT"), ("T_OTHER",)),
        when="SYSTEM$GET_PREDECESSOR_RETURN_VALUE('T_ROOT') != 'EMPTY'",
        or_alter=True,
    )


@pytest.mark.parametrize(
    ("clauses", "errno"),
    [
        ("AFTER a SCHEDULE = '1 MINUTE' AS SELECT 1", 1003),  # properties come before AFTER
        ("WHEN TRUE AFTER a AS SELECT 1", 1003),
        ("SCHEDULE = '1 MINUTE' AFTER a AS SELECT 1", 91083),  # a child takes no schedule
        ("SCHEDULE = '1 MINUTE' FINALIZE = r AS SELECT 1", 91083),
        ("TASK_AUTO_RETRY_ATTEMPTS = 2 AFTER a AS SELECT 1", 91083),
        ("FINALIZE = r AFTER a AS SELECT 1", 91094),
        ("SCHEDULE = 'every day' AS SELECT 1", 1008),
        ("SCHEDULE = 'USING CRON 61 * * * * UTC' AS SELECT 1", 1008),
        ("SCHEDULE = 'USING CRON 1 * * * * Mars/Olympus' AS SELECT 1", 1008),
        ("SCHEDULE = '0 MINUTE' AS SELECT 1", 1008),
        ("CONFIG = '[1]' AS SELECT 1", 1008),
        ("TASK_AUTO_RETRY_ATTEMPTS = 31 AS SELECT 1", 1008),
        ("WAREHOUSE = a WAREHOUSE = b AS SELECT 1", 1424),
        ("WAREHOUZE = a AS SELECT 1", 1422),
        ("WHEN CURRENT_DATE() > '2024-01-01' AS SELECT 1", 91093),
        ("WHEN SYSTEM$STREAM_HAS_DATA('s') AS SELECT 1", 2),
        ("WAREHOUSE = a", 1003),
        ("AS", 1003),
    ],
)
def test_a_wrong_task_is_refused(clauses: str, errno: int) -> None:
    with pytest.raises(SqlError) as refusal:
        parse_create_task(f"CREATE TASK t {clauses}")
    assert refusal.value.errno == errno


def test_alterations_are_read() -> None:
    altered = parse_alter_task("ALTER TASK IF EXISTS ops.t SET SCHEDULE = '5 MINUTE', TIMEZONE = 'UTC'")
    assert altered is not None
    assert (altered.verb, altered.if_exists, altered.properties) == (
        "SET",
        True,
        {"SCHEDULE": "5 MINUTE", "TIMEZONE": "UTC"},
    )
    for sql, verb in (
        ("ALTER TASK t RESUME", "RESUME"),
        ("ALTER TASK t ADD AFTER a, b", "ADD AFTER"),
        ("ALTER TASK t REMOVE AFTER a", "REMOVE AFTER"),
        ("ALTER TASK t MODIFY AS CALL p()", "MODIFY AS"),
        ("ALTER TASK t MODIFY WHEN TRUE", "MODIFY WHEN"),
        ("ALTER TASK t REMOVE WHEN", "REMOVE WHEN"),
        ("ALTER TASK t UNSET COMMENT, TIMEZONE", "UNSET"),
    ):
        parsed = parse_alter_task(sql)
        assert parsed is not None
        assert parsed.verb == verb
    with pytest.raises(SqlError):
        parse_alter_task("ALTER TASK t RESUME NOW")


def _task(name: str, *after: str, schema: str = "S", **fields: object) -> Task:
    full = tuple(a if "." in a else f"D.S.{a}" for a in after)
    return replace(Task(name, "D", schema, name, "SELECT 1", after=full), **fields)  # type: ignore[arg-type]


def _graph(*tasks: Task) -> dict[str, Task]:
    return {task.full_name: task for task in tasks}


_DIAMOND = _graph(_task("R"), _task("A", "R"), _task("B", "R"), _task("C", "A", "B"), _task("F", finalize="D.S.R"))


def test_a_graph_is_walked_predecessors_first() -> None:
    order = [task.name for task in graph.descendants(_DIAMOND, _DIAMOND["D.S.R"])]
    assert (
        order.index("R")
        < min(order.index("A"), order.index("B"))
        < max(order.index("A"), order.index("B"))
        < order.index("C")
    )
    assert "F" not in order
    assert {graph.root_of(_DIAMOND, task).name for task in _DIAMOND.values()} == {"R"}
    finalizer = graph.finalizer(_DIAMOND, "D.S.R")
    assert finalizer is not None
    assert finalizer.name == "F"


@pytest.mark.parametrize(
    ("task", "errno"),
    [
        (_task("R", "C"), 91089),  # a cycle
        (_task("N", "N"), 91089),
        (_task("N", "MISSING"), 2003),
        (_task("N", "D.OTHER.X"), 91086),  # another schema
        (_task("N", "R", "LONELY"), 91084),  # two roots
        (_task("F2", finalize="D.S.R"), 91097),  # a second finalizer
        (_task("N", finalize="D.S.A"), 91096),  # no root
        (_task("N", "F"), 91098),  # a child of the finalizer
        (_task("N", "R", "R"), 91087),
    ],
)
def test_what_breaks_a_graph_is_refused(task: Task, errno: int) -> None:
    tasks = {**_DIAMOND, **_graph(_task("LONELY"))}
    with pytest.raises(SqlError) as refusal:
        graph.check(tasks, task)
    assert refusal.value.errno == errno


def test_a_started_root_forbids_changes() -> None:
    graph.require_suspended_root(_DIAMOND, _DIAMOND["D.S.C"])
    started = {**_DIAMOND, **_graph(_task("R", state="started"))}
    for name in ("D.S.R", "D.S.C", "D.S.F"):
        with pytest.raises(SqlError, match="that root task is not suspended"):
            graph.require_suspended_root(started, started[name])


def test_cron_follows_its_time_zone_over_the_clock_change() -> None:
    schedule = check_schedule("USING CRON 30 1 * * * America/New_York")
    moments = [dt.datetime(2024, 3, 9, 0, tzinfo=dt.UTC)]
    for _ in range(3):
        moments.append(schedule.next_after(moments[-1]))
    assert [(m.day, m.hour, m.minute) for m in moments[1:]] == [(9, 6, 30), (10, 6, 30), (11, 5, 30)]


def test_due_times_fire_once_and_restart_when_the_key_changes() -> None:
    due = DueTimes()
    start = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    minute = dt.timedelta(minutes=1)
    assert due.take({"a": "1 MINUTE"}, start) == {}
    assert due.pause(start) == 30.0
    assert due.take({"a": "1 MINUTE"}, start + minute) == {"a": start + minute}
    assert due.take({"a": "1 MINUTE"}, start + minute) == {}
    assert due.take({"b": "1 MINUTE"}, start + 3 * minute) == {}  # resumed anew: a minute from now
    assert due.pause(start + 4 * minute - dt.timedelta(seconds=1)) == 1.0
