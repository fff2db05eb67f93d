"""Each role does its work and is refused the rest: a matrix of roles and statements; what the executing role sees."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from snowflake.connector.errors import Error

from deploy.rendering import render, variables
from tests.dbt_environment import profile_variables, run_dbt
from tests.snowpark_procs.batches import event, session
from tests.snowpark_procs.conftest import DATABASE, OWNER, Warehouse, deploy

pytestmark = pytest.mark.integration

ROLES = ("loader", "transformer", "reconciler", "analyst", "operator", "monitor", "user_read")
# What is asked of which object, and who may: every other role is refused.
_EVERYBODY_OPS = "loader transformer reconciler operator monitor"
_RECON = "reconciler analyst operator monitor"
MATRIX = {
    "SELECT COUNT(*) FROM raw.user_events": "loader transformer",
    "SELECT COUNT(*) FROM raw.user_sessions": "loader transformer",
    "SELECT COUNT(*) FROM staging.events_cleaned": "transformer user_read",
    "SELECT COUNT(*) FROM staging.int_user_days": "transformer user_read",
    "SELECT COUNT(*) FROM recon.speed_sessions": "user_read",
    "SELECT COUNT(*) FROM ops.user_totals": "transformer",
    "SELECT COUNT(*) FROM ops.address_probe": "",
    "SELECT COUNT(*) FROM marts.daily_metrics": "transformer reconciler analyst",
    "SELECT COUNT(*) FROM marts.product_performance": "transformer reconciler analyst",
    "SELECT COUNT(*) FROM ops.batches": _EVERYBODY_OPS,
    "SELECT COUNT(*) FROM ops.recent_failures": _EVERYBODY_OPS,
    "SELECT COUNT(*) FROM ops.date_changes": _EVERYBODY_OPS,
    "SELECT COUNT(*) FROM ops.quality_rules": _EVERYBODY_OPS,
    "SELECT COUNT(*) FROM ops.alert_events": _EVERYBODY_OPS,
    "SELECT COUNT(*) FROM recon.results": _RECON,
    "SELECT COUNT(*) FROM recon.convergence": _RECON,
    "SELECT COUNT(*) FROM recon.explanations": _RECON,
    "SELECT COUNT(*) FROM recon.tolerances": _RECON,
    "SELECT $1 FROM @raw.landing": "",
    "CALL ops.load_pending()": "loader",
    "CALL ops.flag_quality()": "transformer",
    "CALL ops.reflag()": "transformer operator",
    "CALL ops.report_run()": "",
    "CALL ops.set_rule('events', 'missing_user_id', TRUE)": "operator",
    "CALL ops.set_threshold('bot_repeats', 200)": "operator",
    "CALL recon.set_tolerance('revenue', 0, 0.05)": "operator",
    "CALL recon.reconcile_pending()": "reconciler",
    "CALL recon.reconcile_range()": "reconciler analyst operator",
    "CALL recon.reconcile_day('2024-01-15')": "reconciler analyst operator",
    "DELETE FROM raw.user_events": "",
    "UPDATE staging.events_cleaned SET is_valid = TRUE": "",
    "UPDATE ops.quality_rules SET predicate = 'FALSE'": "",
    "UPDATE ops.quality_thresholds SET value = 1": "",
    "INSERT INTO recon.results SELECT * FROM recon.results": "",
    "INSERT INTO ops.derived_changes SELECT * FROM ops.derived_changes": "transformer",
    "DELETE FROM marts.daily_metrics": "transformer",
    "TRUNCATE TABLE ops.batches": "",
    "ALTER TASK ops.t_reconcile_apart SUSPEND": "operator",
    "ALTER ALERT ops.a_not_ready SUSPEND": "operator",
    "ALTER TASK ops.t_load SET COMMENT = 'x'": "",
    "CREATE TABLE ops.own (a INT)": "",
    "CREATE OR REPLACE TABLE marts.own (a INT)": "transformer",
    "CREATE OR REPLACE VIEW staging.own AS SELECT 1 AS a": "transformer",
    "DROP PROCEDURE ops.load_pending(BOOLEAN)": "",
    "DROP SCHEMA recon": "",
    "ALTER MASKING POLICY ops.mask_ip_address SET BODY -> val": "",
    "ALTER STAGE raw.landing SET URL = 's3://data-s3-bucket/'": "",
    "GRANT SELECT ON TABLE raw.user_events TO ROLE public": "",
    "CREATE ROLE own": "",
    "CREATE DATABASE own": "",
    "ALTER WAREHOUSE compute_wh SUSPEND": "",
}
# The numbers of Snowflake's refusals: does not exist or not authorized, insufficient privileges, no such procedure.
_REFUSALS = {2003, 3001, 2140}
# Read by the owner alone: what is compared (a work table), the probe of the mask.
_OF_THE_OWNER = {"RECON.COMPARISON", "OPS.ADDRESS_PROBE", "OPS.USER_TOTALS"}
_OF_USERS = {"USER_ID", "SESSION_ID", "IP_ADDRESS", "USER_ID_AS_STORED", "SESSION_ID_AS_STORED"}


@contextmanager
def as_role(warehouse: Warehouse, role: str) -> Iterator[Any]:
    logged_in = {"database": DATABASE, "schema": None, "role": f"{DATABASE}_{role}", "warehouse": "COMPUTE_WH"}
    with warehouse.endpoint.connect(**logged_in) as connection:
        connection.cursor().execute("USE WAREHOUSE compute_wh")
        yield connection


def rows(connection: Any, sql: str) -> Any:
    return connection.cursor().execute(sql).fetchall()


@pytest.fixture
def filled(warehouse: Warehouse) -> Warehouse:
    warehouse.publish(
        events=[event("e1", "s1", "2024-01-15 10:00:00", ip_address="10.1.2.3")],
        sessions=[session("s1", "2024-01-15 10:00:00")],
    )
    return warehouse


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_what_the_matrix_says(filled: Warehouse, role: str) -> None:
    wrong = []
    with as_role(filled, role) as connection:
        for statement, allowed in MATRIX.items():
            try:
                rows(connection, statement)
                outcome = "done"
            except Error as error:
                outcome = "refused" if error.errno in _REFUSALS else str(error.msg)
            if outcome != ("done" if role in allowed.split() else "refused"):
                wrong.append((statement, outcome))
    assert wrong == []
    for made in ("TABLE marts", "VIEW staging"):
        filled.query(f"DROP {made.replace(' ', ' IF EXISTS ')}.own")


def test_an_operator_runs_a_task_and_sees_how_it_went(warehouse: Warehouse) -> None:
    history = "SELECT state FROM TABLE(INFORMATION_SCHEMA.TASK_HISTORY(TASK_NAME => 'T_RECONCILE_APART'))"
    with as_role(warehouse, "operator") as operator:
        rows(operator, "EXECUTE TASK ops.t_reconcile_apart")
        deadline = time.monotonic() + 60
        while (states := rows(operator, history)) != [("SUCCEEDED",)] and time.monotonic() < deadline:
            time.sleep(0.1)
    assert states == [("SUCCEEDED",)]
    with as_role(warehouse, "analyst") as analyst:
        assert rows(analyst, history) == []  # who has no privilege on a task sees no run of it
    with as_role(warehouse, "monitor") as monitor:
        assert rows(monitor, history) == [("SUCCEEDED",)]
        assert "T_RECONCILE_APART" in {row[1] for row in rows(monitor, "SHOW TASKS IN SCHEMA ops")}
        with pytest.raises(Error) as refusal:
            rows(monitor, "EXECUTE TASK ops.t_reconcile_apart")
        assert refusal.value.errno == 3001


def test_every_table_has_its_readers_and_no_analyst_reads_single_users(warehouse: Warehouse) -> None:
    columns: dict[str, set[str]] = {}
    for schema, table, column in warehouse.query(
        "SELECT table_schema, table_name, column_name FROM information_schema.columns"
        " WHERE table_schema IN ('RAW', 'STAGING', 'MARTS', 'OPS', 'RECON')"
    ):
        columns.setdefault(f"{schema}.{table}", set()).add(column)
    seen: dict[str, set[str]] = {}
    for role in ROLES:
        with as_role(warehouse, role) as connection:
            found = rows(connection, "SELECT table_schema || '.' || table_name FROM information_schema.tables")
        seen[role] = {row[0] for row in found if row[0] in columns}
    assert set(columns) - set().union(*(seen[role] for role in ROLES if role != "transformer")) - _OF_THE_OWNER == {
        name for name in columns if name.startswith("STAGING.") and name not in seen["user_read"]
    }
    for role in ("analyst", "operator", "monitor", "reconciler"):
        # Explanations name sessions; their users are masked.
        assert {name for name in seen[role] if columns[name] & _OF_USERS} == {"RECON.EXPLANATIONS"}


def test_nobody_writes_masked_addresses_into_staging(filled: Warehouse) -> None:
    """A procedure runs with its owner's role: where that sees the mask, nothing is flagged."""
    filled.call("ops.load_pending()")
    grant = f"ROLE {DATABASE}_pii_read {{}} ROLE {OWNER}"
    filled.query("REVOKE " + grant.format("FROM"))
    try:
        for call in ("ops.flag_quality()", "ops.reflag()"):
            with pytest.raises(Error, match=r"reads IP addresses as '\*\*\*MASKED\*\*\*'"):
                filled.call(call)
        assert filled.counts()["staging.events_cleaned"] == 0
    finally:
        filled.query("GRANT " + grant.format("TO"))
    filled.call("ops.flag_quality()")
    assert filled.query("SELECT ip_address FROM staging.events_cleaned") == [("10.1.2.3",)]


def test_another_role_cannot_deploy(warehouse: Warehouse) -> None:
    """It gets no further than the roles, before any procedure of its own could see the mask."""
    for sql in (
        "CREATE OR REPLACE ROLE lesser",
        "GRANT ROLE lesser TO ROLE sysadmin",
        f"GRANT USAGE, CREATE SCHEMA ON DATABASE {DATABASE} TO ROLE lesser",
        "GRANT CREATE ROLE, EXECUTE TASK ON ACCOUNT TO ROLE lesser",
    ):
        warehouse.query(sql)
    with warehouse.endpoint.connect(database=DATABASE, schema=None, role="LESSER") as connection:
        with pytest.raises(Error) as refusal:
            connection.execute_string(render("R__05_roles.sql", variables(SNOWFLAKE_ROLE="LESSER")))
        assert refusal.value.errno == 3001


def test_what_a_role_sees_of_addresses(filled: Warehouse) -> None:
    with as_role(filled, "loader") as loader:
        rows(loader, "CALL ops.load_pending()")
        assert rows(loader, "SELECT ip_address FROM raw.user_events") == [("***MASKED***",)]
    with as_role(filled, "transformer") as transformer:
        rows(transformer, "CALL ops.flag_quality()")
        assert rows(transformer, "SELECT ip_address FROM staging.events_cleaned") == [("***MASKED***",)]
    # The owner of the procedures copied what it sees, and it sees addresses.
    assert filled.query("SELECT ip_address FROM staging.events_cleaned") == [("10.1.2.3",)]
    with as_role(filled, "analyst") as analyst:
        schemas = {row[1] for row in rows(analyst, "SHOW SCHEMAS IN DATABASE ecommerce_dw")}
        assert schemas == {"INFORMATION_SCHEMA", "MARTS", "RECON"}


def test_marts_are_replaced_and_go_on_after_another_deployment(filled: Warehouse) -> None:
    filled.call("ops.load_pending()")
    filled.call("ops.flag_quality()")
    _dbt(filled, "run", "--full-refresh")
    deploy(filled.endpoint)
    _dbt(filled, "run")
    with as_role(filled, "analyst") as analyst:
        assert rows(analyst, "SELECT COUNT(*) FROM marts.daily_metrics") == [(1,)]


def _dbt(warehouse: Warehouse, *arguments: str) -> None:
    """Run dbt as the transformer."""
    variables = profile_variables(warehouse.endpoint, SNOWFLAKE_ROLE=f"{DATABASE}_TRANSFORMER")
    done = run_dbt(variables, warehouse.s3_root.parent / "dbt", "--quiet", *arguments)
    failed = [f"{node.node.name}: {node.message}" for node in getattr(done.result, "results", ()) if node.failures]
    assert done.success, done.exception or failed
