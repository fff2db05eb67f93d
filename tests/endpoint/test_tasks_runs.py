"""Task graphs as they run, through the plain connector."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import snowflake.connector

from tests.conftest import RunningEndpoint

pytestmark = pytest.mark.integration
_CLAUSES = "LANGUAGE PYTHON RUNTIME_VERSION='3.11' PACKAGES=('snowflake-snowpark-python') HANDLER='run'"


@pytest.fixture
def connection(endpoint: RunningEndpoint) -> Iterator[Any]:
    with endpoint.connect() as opened:
        for statement in (
            "CREATE OR REPLACE SCHEMA ops",
            "CREATE WAREHOUSE IF NOT EXISTS wh",
            "CREATE TABLE log (step STRING)",
        ):
            opened.cursor().execute(statement)
        yield opened


def run(connection: Any, sql: str) -> Any:
    return connection.cursor().execute(sql).fetchall()


def procedure(connection: Any, name: str, *lines: str) -> None:
    body = "\n".join(["def run(session):", *(f"    {line}" for line in lines)])
    run(connection, f"CREATE OR REPLACE PROCEDURE {name}() RETURNS STRING {_CLAUSES} AS $$\n{body}\n$$")


def wait_for(connection: Any, sql: str, seconds: float = 20) -> Any:
    """The rows of a query once it has some."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if rows := run(connection, sql):
            return rows
        time.sleep(0.1)
    raise TimeoutError(sql)


def history(connection: Any, columns: str = "name, state, attempt_number") -> Any:
    query = f"SELECT {columns} FROM TABLE(INFORMATION_SCHEMA.TASK_HISTORY()) WHERE schema_name = 'OPS' AND root_task_id = '{{}}'"
    root = (
        connection.cursor(snowflake.connector.DictCursor)
        .execute("SHOW TASKS LIKE 't_root' IN SCHEMA ops")
        .fetchall()[0]["id"]
    )
    return run(connection, query.format(root) + " ORDER BY name, attempt_number")


def execute(connection: Any, ending: str = "T_FIN", how: str = "") -> None:
    """Start the graph and wait for the end of its last task."""
    count = "SELECT COUNT(*) AS n FROM TABLE(INFORMATION_SCHEMA.TASK_HISTORY(TASK_NAME => '{}')) WHERE completed_time IS NOT NULL"
    before = run(connection, count.format(ending))[0][0]
    assert run(connection, f"EXECUTE TASK ops.t_root {how}") == [("Task T_ROOT is scheduled to run immediately.",)]
    wait_for(connection, f"SELECT 1 FROM ({count.format(ending)}) WHERE n > {before}")


def test_a_graph_runs_in_order_with_retry_condition_and_finalizer(connection: Any) -> None:
    procedure(
        connection,
        "ops.load",
        "name = session.sql('select system$current_user_task_name()').collect()[0][0]",
        "session.sql(\"insert into log select 'load ' || ?\", params=[name]).collect()",
        "session.call('system$set_return_value', 'LOADED')",
    )
    procedure(
        connection,
        "ops.flaky",
        "seen = session.sql(\"select count(*) from log where step = 'flaky'\").collect()[0][0]",
        "session.sql(\"insert into log values ('flaky')\").collect()",
        "assert seen, 'the first time'",
    )
    common = "WAREHOUSE = wh"
    for task in (
        f't_root {common} TASK_AUTO_RETRY_ATTEMPTS = 1 TIMEZONE = \'UTC\' CONFIG = \'{{"a": {{"b": 3}}, "c": 1}}\''
        " AS CALL ops.load()",
        f"t_flag {common} AFTER ops.t_root WHEN SYSTEM$GET_PREDECESSOR_RETURN_VALUE('T_ROOT') != 'EMPTY' AS CALL ops.flaky()",
        f"t_none {common} AFTER ops.t_root WHEN SYSTEM$GET_PREDECESSOR_RETURN_VALUE('T_ROOT') = 'EMPTY' AS CALL ops.flaky()",
        f"t_below {common} AFTER ops.t_none AS INSERT INTO ops.log VALUES ('never')",
        f"t_last {common} AFTER ops.t_flag AS INSERT INTO ops.log SELECT 'config ' || SYSTEM$GET_TASK_GRAPH_CONFIG('a.b')",
        f"t_fin {common} FINALIZE = ops.t_root AS"
        " INSERT INTO ops.log SELECT 'fin ' || SYSTEM$TASK_RUNTIME_INFO('CURRENT_ROOT_TASK_NAME')",
    ):
        run(connection, f"CREATE OR ALTER TASK ops.{task}")
    assert run(connection, "SELECT SYSTEM$TASK_DEPENDENTS_ENABLE('ops.t_root')") == [("SUCCESS",)]
    execute(connection)
    assert history(connection) == [
        ("T_BELOW", "SKIPPED", 1),
        ("T_FIN", "SUCCEEDED", 2),
        ("T_FLAG", "FAILED", 1),
        ("T_FLAG", "SUCCEEDED", 2),
        ("T_LAST", "SKIPPED", 1),
        ("T_LAST", "SUCCEEDED", 2),
        ("T_NONE", "SKIPPED", 1),
        ("T_ROOT", "SUCCEEDED", 1),
    ]
    steps = [row[0] for row in run(connection, "SELECT step FROM ops.log")]
    assert steps == ["load TEST.OPS.T_ROOT", "flaky", "flaky", "config 3", "fin T_ROOT"]
    details = history(connection, "name, return_value, scheduled_from, error_message, query_id")
    assert details[-1][:3] == ("T_ROOT", "LOADED", "EXECUTE TASK")
    assert "AssertionError: the first time" in details[2][3]
    assert details[-1][4]
    graphs = run(
        connection,
        "SELECT state, attempt_number FROM TABLE(INFORMATION_SCHEMA.COMPLETE_TASK_GRAPHS(ROOT_TASK_NAME => 'T_ROOT'))",
    )
    assert graphs == [("SUCCEEDED", 2)]
    execute(connection, how='USING CONFIG = $${"a": {"b": 4}}$$')
    assert run(connection, "SELECT COUNT(*) FROM ops.log WHERE step = 'config 4'") == [(1,)]


def test_a_failed_graph_is_retried_from_the_failure(connection: Any) -> None:
    run(connection, "CREATE TASK ops.t_root WAREHOUSE = wh AS INSERT INTO ops.log VALUES ('root')")
    run(connection, "CREATE TASK ops.t_next WAREHOUSE = wh AFTER ops.t_root AS INSERT INTO ops.later VALUES ('next')")
    run(connection, "CREATE TASK ops.t_fin WAREHOUSE = wh FINALIZE = ops.t_root AS INSERT INTO ops.log VALUES ('fin')")
    run(connection, "SELECT SYSTEM$TASK_DEPENDENTS_ENABLE('ops.t_root')")
    execute(connection)
    assert [state for _, state, _ in history(connection)] == ["SUCCEEDED", "FAILED", "SUCCEEDED"]
    run(connection, "CREATE TABLE ops.later (step STRING)")
    execute(connection, how="RETRY LAST")
    assert run(connection, "SELECT step FROM ops.log ORDER BY step") == [("fin",), ("fin",), ("root",)]
    assert run(connection, "SELECT step FROM ops.later") == [("next",)]
    with pytest.raises(snowflake.connector.errors.ProgrammingError, match="did not fail"):
        run(connection, "EXECUTE TASK ops.t_root RETRY LAST")


def test_suspended_tasks_take_no_part(connection: Any) -> None:
    run(connection, "CREATE TASK ops.t_root WAREHOUSE = wh AS SELECT 1")
    run(connection, "CREATE TASK ops.t_off WAREHOUSE = wh AFTER ops.t_root AS INSERT INTO ops.log VALUES ('off')")
    run(connection, "CREATE TASK ops.t_below WAREHOUSE = wh AFTER ops.t_off AS INSERT INTO ops.log VALUES ('below')")
    run(
        connection,
        "CREATE TASK ops.t_both WAREHOUSE = wh AFTER ops.t_off, ops.t_root AS INSERT INTO ops.log VALUES ('both')",
    )
    run(connection, "ALTER TASK ops.t_below RESUME")
    run(connection, "ALTER TASK ops.t_both RESUME")
    execute(connection, "T_BOTH")
    assert run(connection, "SELECT step FROM ops.log") == [("both",)]


def test_a_root_is_suspended_after_failures_in_a_row_and_times_out(connection: Any) -> None:
    run(
        connection,
        "CREATE TASK ops.t_root WAREHOUSE = wh SCHEDULE = '60 MINUTE' SUSPEND_TASK_AFTER_NUM_FAILURES = 1"
        " USER_TASK_TIMEOUT_MS = 300 AS"
        " SELECT COUNT(*) FROM TABLE(GENERATOR(ROWCOUNT => 200000)) a, TABLE(GENERATOR(ROWCOUNT => 200000)) b",
    )
    run(connection, "ALTER TASK ops.t_root RESUME")
    execute(connection, "T_ROOT")
    ((code, message),) = history(connection, "error_code, error_message")
    assert (code, "timeout of 0.3 second" in message) == (630, True)
    cursor = connection.cursor(snowflake.connector.DictCursor)
    (shown,) = wait_for_state(cursor, "suspended")
    assert shown["last_suspended_reason"] == "SUSPENDED_DUE_TO_ERRORS"


def wait_for_state(cursor: Any, state: str) -> Any:
    for _ in range(50):
        rows = cursor.execute("SHOW TASKS LIKE 't_root' IN SCHEMA ops").fetchall()
        if [row["state"] for row in rows] == [state]:
            return rows
        time.sleep(0.1)
    raise TimeoutError(state)


def test_a_schedule_really_fires_and_stops(connection: Any) -> None:
    run(
        connection,
        "CREATE TASK ops.t_root WAREHOUSE = wh SCHEDULE = '10 SECONDS' AS INSERT INTO ops.log VALUES ('tick')",
    )
    run(connection, "ALTER TASK ops.t_root RESUME")
    wait_for(connection, "SELECT 1 FROM ops.log WHERE step = 'tick'", 25)
    run(connection, "ALTER TASK ops.t_root SUSPEND")
    assert history(connection, "scheduled_from")[0] == ("SCHEDULE",)


def test_changes_are_refused_while_the_root_is_started(connection: Any) -> None:
    run(connection, "CREATE TASK ops.t_root WAREHOUSE = wh SCHEDULE = '60 MINUTE' AS SELECT 1")
    run(connection, "CREATE TASK ops.t_next WAREHOUSE = wh AFTER ops.t_root AS SELECT 1")
    run(connection, "SELECT SYSTEM$TASK_DEPENDENTS_ENABLE('ops.t_root')")
    for statement in (
        "ALTER TASK ops.t_next SUSPEND",
        "ALTER TASK ops.t_next MODIFY AS SELECT 2",
        "CREATE OR REPLACE TASK ops.t_next WAREHOUSE = wh AFTER ops.t_root AS SELECT 2",
        "CREATE OR ALTER TASK ops.t_root WAREHOUSE = wh AS SELECT 2",
        "CREATE TASK ops.t_new WAREHOUSE = wh AFTER ops.t_root AS SELECT 2",
        "DROP TASK ops.t_next",
    ):
        with pytest.raises(snowflake.connector.errors.ProgrammingError) as refusal:
            run(connection, statement)
        assert refusal.value.errno == 91088
    run(connection, "ALTER TASK ops.t_root SUSPEND")
    run(connection, "CREATE OR ALTER TASK ops.t_next WAREHOUSE = wh AFTER ops.t_root AS SELECT 2")
    cursor = connection.cursor(snowflake.connector.DictCursor)
    states = {r["name"]: (r["state"], r["definition"]) for r in cursor.execute("SHOW TASKS IN SCHEMA ops").fetchall()}
    assert states == {"T_ROOT": ("suspended", "SELECT 1"), "T_NEXT": ("started", "SELECT 2")}
    run(connection, "CREATE OR REPLACE TASK ops.t_next WAREHOUSE = wh AFTER ops.t_root AS SELECT 3")
    assert cursor.execute("DESCRIBE TASK ops.t_next").fetchall()[0]["state"] == "suspended"
    dependents = (
        "SELECT name FROM TABLE(INFORMATION_SCHEMA.TASK_DEPENDENTS(TASK_NAME => 'ops.t_root', RECURSIVE => FALSE))"
    )
    dependents += " ORDER BY 1"
    assert run(connection, dependents) == [("T_NEXT",), ("T_ROOT",)]
    run(connection, "DROP TASK ops.t_root")
    assert cursor.execute("SHOW TASKS IN SCHEMA ops").fetchall()[0]["predecessors"] == "[]"


def test_missing_things_are_refused(connection: Any) -> None:
    for statement, errno in (
        ("CREATE TASK ops.t WAREHOUSE = nowhere AS SELECT 1", 2003),
        ("CREATE TASK nowhere.t WAREHOUSE = wh AS SELECT 1", 2003),
        ("ALTER TASK ops.nothing RESUME", 2003),
        ("EXECUTE TASK ops.nothing", 2003),
        ("SELECT SYSTEM$GET_PREDECESSOR_RETURN_VALUE('T')", 91100),
        ("CALL SYSTEM$SET_RETURN_VALUE('x')", 91100),
    ):
        with pytest.raises(snowflake.connector.errors.ProgrammingError) as refusal:
            run(connection, statement)
        assert refusal.value.errno == errno
    run(connection, "ALTER TASK IF EXISTS ops.nothing RESUME")
    run(connection, "DROP TASK IF EXISTS ops.nothing")
    assert run(connection, "SELECT SYSTEM$CURRENT_USER_TASK_NAME()") == [(None,)]


def test_an_interrupted_run_has_failed_after_the_restart(tmp_path_factory: pytest.TempPathFactory) -> None:
    import signal

    folder = tmp_path_factory.mktemp("tasks")
    running = RunningEndpoint(folder / "warehouse", folder / "s3")
    running.start()
    try:
        with running.connect() as opened:
            run(opened, "CREATE WAREHOUSE wh")
            run(
                opened,
                f"CREATE PROCEDURE slow() RETURNS INT {_CLAUSES} AS $$\ndef run(session):\n    import time; time.sleep(60)\n$$",
            )
            run(opened, "CREATE TASK t WAREHOUSE = wh AS CALL slow()")
            run(opened, "EXECUTE TASK t")
            wait_for(opened, "SELECT 1 FROM TABLE(INFORMATION_SCHEMA.TASK_HISTORY()) WHERE state = 'EXECUTING'")
        running.stop(signal.SIGKILL)
        running.start()
        with running.connect() as opened:
            rows = run(opened, "SELECT state, error_message FROM TABLE(INFORMATION_SCHEMA.TASK_HISTORY())")
        assert rows == [("FAILED", "The local endpoint ended during this run.")]
    finally:
        running.stop()
