"""Each role of the design does its work, and is refused the rest: loader, transformer, reconciler, analyst."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from snowflake.connector.errors import Error

from tests.dbt_environment import profile_variables, run_dbt
from tests.snowpark_procs.batches import event, session
from tests.snowpark_procs.conftest import DATABASE, Warehouse, deploy

pytestmark = pytest.mark.integration

_READS = {
    "loader": ("raw.user_events", "ops.batches", "ops.recent_failures"),
    "transformer": ("raw.user_events", "staging.events_cleaned", "marts.daily_metrics", "ops.date_changes"),
    "reconciler": ("marts.daily_metrics", "recon.results", "recon.convergence", "ops.step_runs"),
    "analyst": ("marts.daily_metrics", "recon.results", "recon.convergence"),
}
_READ_ONLY_BY_OTHERS = {
    "loader": ("staging.events_cleaned", "marts.daily_metrics", "recon.results"),
    "transformer": ("recon.results",),
    "reconciler": ("raw.user_events", "staging.events_cleaned"),
    "analyst": ("raw.user_events", "staging.events_cleaned", "ops.batches"),
}
_CALLS = {
    "loader": ("ops.load_pending()",),
    "transformer": ("ops.flag_quality()", "ops.reflag()"),
    "reconciler": ("recon.reconcile_pending()", "recon.reconcile_range()"),
    "analyst": ("recon.reconcile_range()",),
}
_CALLED_BY_OTHERS = {
    "loader": ("ops.flag_quality()", "ops.reflag()", "recon.reconcile_pending()", "ops.report_run()"),
    "transformer": ("ops.load_pending()", "recon.reconcile_range()"),
    "reconciler": ("ops.load_pending()", "ops.flag_quality()"),
    "analyst": ("ops.load_pending()", "ops.flag_quality()", "ops.reflag()", "recon.reconcile_pending()"),
}
_ROLES = sorted(_READS)


@contextmanager
def as_role(warehouse: Warehouse, role: str) -> Iterator[Any]:
    with warehouse.endpoint.connect(database=DATABASE, schema=None, role=role, warehouse="COMPUTE_WH") as connection:
        connection.cursor().execute("USE WAREHOUSE compute_wh")
        yield connection


def rows(connection: Any, sql: str) -> Any:
    return connection.cursor().execute(sql).fetchall()


def refused(connection: Any, sql: str) -> int:
    with pytest.raises(Error) as refusal:
        rows(connection, sql)
    return int(refusal.value.errno or 0)


@pytest.fixture
def filled(warehouse: Warehouse) -> Warehouse:
    warehouse.publish(
        events=[event("e1", "s1", "2024-01-15 10:00:00", ip_address="10.1.2.3")],
        sessions=[session("s1", "2024-01-15 10:00:00")],
    )
    return warehouse


@pytest.mark.parametrize("role", _ROLES)
def test_a_role_reads_what_it_is_for(filled: Warehouse, role: str) -> None:
    with as_role(filled, role) as connection:
        for table in _READS[role]:
            rows(connection, f"SELECT * FROM {table}")
        for table in _READ_ONLY_BY_OTHERS[role]:
            assert refused(connection, f"SELECT * FROM {table}") == 2003, table


@pytest.mark.parametrize("role", _ROLES)
def test_a_role_calls_what_it_is_for(filled: Warehouse, role: str) -> None:
    with as_role(filled, role) as connection:
        for call in _CALLS[role]:
            assert len(rows(connection, f"CALL {call}")) == 1
        for call in _CALLED_BY_OTHERS[role]:
            assert refused(connection, f"CALL {call}") == 2140, call


@pytest.mark.parametrize("role", _ROLES)
def test_no_role_changes_anything_but_by_its_procedures(filled: Warehouse, role: str) -> None:
    with as_role(filled, role) as connection:
        for sql in (
            "DELETE FROM raw.user_events", "UPDATE staging.events_cleaned SET is_valid = TRUE",
            "INSERT INTO recon.results SELECT * FROM recon.results", "TRUNCATE TABLE ops.batches", "DROP SCHEMA recon",
            "CREATE TABLE ops.own (a INT)", "EXECUTE TASK ops.t_load", "ALTER TASK ops.t_load SUSPEND",
            "GRANT SELECT ON TABLE raw.user_events TO ROLE public", "CREATE ROLE own", "DROP PROCEDURE ops.load_pending()",
            "SELECT $1 FROM @raw.landing", "ALTER MASKING POLICY ops.mask_ip_address SET BODY -> val",
        ):  # fmt: skip
            assert refused(connection, sql) in (2003, 3001), sql


def test_the_work_is_done_by_its_roles_one_after_the_other(filled: Warehouse) -> None:
    with as_role(filled, "loader") as loader:
        rows(loader, "CALL ops.load_pending()")
        assert rows(loader, "SELECT ip_address FROM raw.user_events") == [("***MASKED***",)]
    with as_role(filled, "transformer") as transformer:
        rows(transformer, "CALL ops.flag_quality()")
        assert rows(transformer, "SELECT ip_address FROM staging.events_cleaned") == [("***MASKED***",)]
    # The owner of the procedures copied what it sees, and it sees addresses.
    assert filled.query("SELECT ip_address FROM staging.events_cleaned") == [("10.1.2.3",)]
    _dbt(filled, "build")
    with as_role(filled, "reconciler") as reconciler:
        rows(reconciler, "CALL recon.reconcile_pending()")
    with as_role(filled, "analyst") as analyst:
        assert rows(analyst, "SELECT COUNT(*) FROM marts.daily_metrics") == [(1,)]
        rows(analyst, "CALL recon.reconcile_day('2024-01-15')")
        schemas = {row[1] for row in rows(analyst, "SHOW SCHEMAS IN DATABASE ecommerce_dw")}
        assert schemas == {"INFORMATION_SCHEMA", "MARTS", "RECON"}


def test_marts_are_replaced_and_go_on_after_another_deployment(filled: Warehouse) -> None:
    filled.call("ops.load_pending()")
    filled.call("ops.flag_quality()")
    _dbt(filled, "run", "--full-refresh")
    deploy(filled.endpoint)
    _dbt(filled, "build")
    with as_role(filled, "analyst") as analyst:
        assert rows(analyst, "SELECT COUNT(*) FROM marts.daily_metrics") == [(1,)]


def _dbt(warehouse: Warehouse, *arguments: str) -> None:
    """Run dbt as the transformer."""
    variables = profile_variables(warehouse.endpoint, SNOWFLAKE_ROLE="TRANSFORMER")
    done = run_dbt(variables, warehouse.s3_root.parent / "dbt", "--quiet", *arguments)
    failed = [f"{node.node.name}: {node.message}" for node in getattr(done.result, "results", ()) if node.failures]
    assert done.success, done.exception or failed
