"""Calls of recon.explain: their arguments, by the hour, and killed in the middle."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from snowflake.connector.errors import ProgrammingError
from snowflake.snowpark import Session
from snowflake.snowpark.exceptions import SnowparkSQLException

from local_stack.endpoint.features.procedures.python.telemetry import Recorder
from snowpark_procs.explain import explain
from snowpark_procs.reconcile_days import reconcile_range
from tests.snowpark_procs.batches import publish_snapshot
from tests.snowpark_procs.conftest import DATABASE, Warehouse
from tests.snowpark_procs.planted import DAY, brings, explained, stage, visit

pytestmark = pytest.mark.integration


def test_one_cell_and_wrong_arguments(warehouse: Warehouse) -> None:
    rows = [visit(number) for number in range(6)]
    with pytest.raises(ProgrammingError, match=r"2024-01-15 was never compared: CALL recon\.reconcile_day"):
        warehouse.call(f"recon.explain('{DAY}')")
    stage(warehouse, rows)
    publish_snapshot(warehouse.s3_root, str(DAY), rows[:-1])
    warehouse.call(f"recon.reconcile_day('{DAY}')")
    answer = warehouse.call(f"recon.explain('{DAY}', NULL, 'page_views')")
    assert {
        name: answer[name] for name in ("user_tier", "metric", "difference", "explained", "unexplained", "causes")
    } == {
        "user_tier": None,
        "metric": "page_views",
        "difference": -7,
        "explained": -7,
        "unexplained": 0,
        "causes": [{"cause": "lost_in_speed", "sessions": 1, "difference": -7}],
    }
    assert warehouse.call(f"recon.explain('{DAY}', '', 'page_views')") == answer
    assert len(warehouse.call(f"recon.explain('{DAY}', '*', 'page_views')")["cells"]) == 3
    before = warehouse.contents()
    warehouse.call(f"recon.explain('{DAY}')")
    assert warehouse.contents() == before
    for arguments, sentence in (
        (
            "'brass'",
            r"user_tier: the comparison has no 'brass'; it has 'gold', 'silver', NULL \(no tier\), and '\*' for all",
        ),
        ("'gold', 'profit'", "metric: the comparison has no 'profit'; it has 'sessions', 'page_views'"),
        ("'gold', NULL", "metric: the comparison has no NULL"),
    ):
        with pytest.raises(ProgrammingError, match=sentence):
            warehouse.call(f"recon.explain('{DAY}', {arguments})")
    # What has changed since is not explained: a newer snapshot, and then newer marts.
    publish_snapshot(warehouse.s3_root, str(DAY), rows, extracted_at="2024-02-01T02:00:00Z")
    for change in (None, "UPDATE marts.daily_speed_comparable SET page_views = page_views + 1"):
        if change:
            warehouse.call(f"recon.reconcile_day('{DAY}')")
            warehouse.query(change)
        with pytest.raises(ProgrammingError, match=r"have changed since its newest comparison: reconcile again"):
            warehouse.call(f"recon.explain('{DAY}')")


def test_the_hourly_comparison_explains_what_disagrees_and_the_alert_says_why(warehouse: Warehouse) -> None:
    rows = [visit(number) for number in range(6)]
    stage(warehouse, rows)
    publish_snapshot(warehouse.s3_root, str(DAY), [{**rows[0], "page_views": 9}, *rows[1:3]])
    assert warehouse.call("recon.reconcile_pending()")["explained"] == 1
    assert warehouse.call("recon.reconcile_pending()")["explained"] == 0
    warehouse.query("UPDATE recon.runs SET compared_at = DATEADD('hour', -49, compared_at)")
    causes = "SELECT user_tier, detail:causes::STRING FROM ops.due_alerts ORDER BY user_tier"
    assert warehouse.query(causes) == [
        ("gold", "lost_in_speed 1, value_differs 1"),
        ("silver", "lost_in_speed 1"),
        (None, "lost_in_speed 1"),
    ]


class DoomedSession:
    """A session of a procedure that is aborted from outside before its `nth` statement that begins with `text`."""

    def __init__(self, warehouse: Warehouse, text: str, nth: int) -> None:
        self.warehouse, self.text, self.left = warehouse, text, nth
        self.connection = warehouse.endpoint.connect(database=DATABASE, schema="OPS", paramstyle="qmark")
        self.session = Session.builder.configs({"connection": self.connection}).create()

    def sql(self, text: str, params: Any = None) -> Any:
        self.left -= text.startswith(self.text)
        if not self.left:
            self.left = -1
            self.warehouse.query(f"SELECT SYSTEM$ABORT_SESSION({self.connection.session_id})")
        return self.session.sql(text, params=params)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.session, name)


def test_a_run_that_dies_leaves_nothing_half_done_and_the_next_one_makes_it_good(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the end of each transaction of a comparison, after the last one, and at the end of that of a renewed explanation."""
    monkeypatch.setitem(sys.modules, "snowflake.telemetry", Recorder({}).module())  # which only handlers find

    def dies(
        work: Callable[..., Any], nth: int, text: str = "INSERT INTO ops.step_runs"
    ) -> dict[str, list[tuple[Any, ...]]]:
        doomed = DoomedSession(warehouse, text, nth)
        with pytest.raises(SnowparkSQLException):
            work(doomed, DAY, *([DAY] if work is reconcile_range else []))
        doomed.connection.close(retry=False)
        return warehouse.contents()

    rows = [visit(number) for number in range(6)]
    stage(warehouse, rows)
    publish_snapshot(warehouse.s3_root, str(DAY), rows[:-1])
    assert explained(warehouse)[0] == {"lost_in_speed": brings(rows[-1], -1)}
    publish_snapshot(warehouse.s3_root, str(DAY), rows[1:], extracted_at="2024-02-01T02:00:00Z")
    before = warehouse.contents()
    assert dies(reconcile_range, 1) == before
    loaded = dies(reconcile_range, 2)
    verdicts = ("recon.runs", "recon.results", "recon.explanations", "recon.explained_runs")
    assert [loaded[table] for table in verdicts] == [before[table] for table in verdicts]
    done = dies(reconcile_range, 1, "SELECT\n    TO_CHAR(runs.date")
    assert len(done["recon.runs"]) == 2
    assert warehouse.call(f"recon.reconcile_range('{DAY}', '{DAY}')")["new_runs"] == 0
    expected = {"lost_in_speed": brings(rows[0], -1)}
    assert explained(warehouse, reconcile=False)[0] == expected
    # Another day's snapshot may hold the session: it is explained anew.
    publish_snapshot(warehouse.s3_root, str(DAY + timedelta(days=1)), rows[:1])
    warehouse.call(f"recon.load_speed_snapshot('{DAY + timedelta(days=1)}')")
    before = warehouse.contents()
    assert dies(explain, 1) == before
    assert explained(warehouse, reconcile=False)[0] == {"day_differs": expected["lost_in_speed"]}
    assert warehouse.counts()["recon.explained_runs"] == warehouse.counts()["recon.runs"] == 2
