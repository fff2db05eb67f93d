"""Earlier releases roll forward with their data, clones leave production alone, rules are withdrawn."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from snowflake.connector.errors import Error

from deploy.rendering import render, variables
from tests.conftest import REPOSITORY, RunningEndpoint, endpoint_folder
from tests.snowpark_procs import batches
from tests.snowpark_procs.batches import event, session
from tests.snowpark_procs.conftest import DATABASE, OWNER, Warehouse, deploy

pytestmark = pytest.mark.integration

CLONE = f"{DATABASE}_PR7"
_ITS_LANDING = "s3://ecommerce-landing-pr7/"
# What an account administrator had made when SYSADMIN deployed.
_AS_IT_WAS = f"""
    CREATE DATABASE IF NOT EXISTS {DATABASE};
    GRANT OWNERSHIP ON DATABASE {DATABASE} TO ROLE sysadmin;
    GRANT CREATE ROLE, MODIFY LOG LEVEL, MODIFY TRACE LEVEL ON ACCOUNT TO ROLE sysadmin;
    CREATE STORAGE INTEGRATION IF NOT EXISTS {DATABASE}_lake TYPE = EXTERNAL_STAGE STORAGE_PROVIDER = 'S3' ENABLED = TRUE
        STORAGE_AWS_ROLE_ARN = 'arn' STORAGE_ALLOWED_LOCATIONS = ('*');
    GRANT USAGE ON INTEGRATION {DATABASE}_lake TO ROLE sysadmin;
"""
_RELEASED_VARIABLES = '{"role_prefix": "", "owner_role": "sysadmin"}'
# Tables that a later release dropped on purpose.
_DROPPED = {"OPS.MODEL_DATES", "OPS.LOCKS"}
_VALUES = {
    "TEXT": "'{name}'", "NUMBER": "1", "DATE": "'2024-01-15'", "TIMESTAMP_NTZ": "'2024-01-15 10:00:00'", "BOOLEAN": "TRUE",
    "VARIANT": "PARSE_JSON('{{\"a\": 1}}')", "ARRAY": "ARRAY_CONSTRUCT('a')",
}  # fmt: skip


@pytest.mark.parametrize("last", ["1.10.0", "1.17.0"])
def test_a_released_state_rolls_forward_and_keeps_its_data(last: str, tmp_path: Path) -> None:
    with endpoint_folder() as folder:
        endpoint = RunningEndpoint(folder / "warehouse", folder / "s3", database=DATABASE)
        endpoint.start()
        try:
            with endpoint.connect(database=None, schema=None, role="ACCOUNTADMIN") as administrator:
                administrator.execute_string(_AS_IT_WAS)
            _deploy_release(endpoint, last, tmp_path)
            warehouse = Warehouse(endpoint)
            warehouse.connect()
            before = _fill(warehouse)
            deploy(endpoint)
            gone = {table for table, (columns, _) in before.items() if not _columns(warehouse, table)}
            assert gone <= _DROPPED
            for table, (columns, row) in before.items():
                if table not in gone:
                    assert row in warehouse.query(f"SELECT {columns} FROM {table}"), table
            assert {row[0] for row in warehouse.query(f"SELECT schema_owner FROM {DATABASE}.information_schema.schemata")} <= {
                OWNER, None,
            }  # fmt: skip
            warehouse.connection.close()
        finally:
            endpoint.stop(signal.SIGKILL)


def _deploy_release(endpoint: RunningEndpoint, last: str, folder: Path) -> None:
    """Deploy the versioned scripts up to one, which are the same as ever (deploy/released.json), as SYSADMIN."""
    (folder / "migrations").mkdir()
    for script in sorted((REPOSITORY / "migrations").glob("V*.sql")):
        if _version(script.name) <= _version(f"V{last}__"):
            shutil.copy(script, folder / "migrations")
    shutil.copy(REPOSITORY / "schemachange-config.yml", folder)
    environment = endpoint.environment | {"SNOWFLAKE_DATABASE": DATABASE, "SNOWFLAKE_ROLE": "SYSADMIN"}
    done = subprocess.run(
        [str(Path(sys.executable).with_name("schemachange")), "deploy", "--vars", _RELEASED_VARIABLES],
        cwd=folder, env=os.environ | environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]


def _version(name: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", name.partition("__")[0]))


def _fill(warehouse: Warehouse) -> dict[str, tuple[str, tuple[Any, ...]]]:
    """Put a row into every table; return its columns and values, by table."""
    filled = {}
    tables = warehouse.query(
        "SELECT table_schema || '.' || table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE'"
        " AND table_schema IN ('RAW', 'STAGING', 'MARTS', 'OPS', 'RECON')"
    )
    for (table,) in tables:
        known = _columns(warehouse, table)
        names = ", ".join(known)
        values = ", ".join(_VALUES[kind].format(name=name.lower()) for name, kind in known.items())
        warehouse.query(f"INSERT INTO {table} ({names}) SELECT {values}")
        filled[table] = (names, warehouse.query(f"SELECT {names} FROM {table}")[-1])
    return filled


def _columns(warehouse: Warehouse, table: str) -> dict[str, str]:
    schema, _, name = table.partition(".")
    found = warehouse.query(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = %s AND table_name = %s"
        " ORDER BY ordinal_position", schema, name,
    )  # fmt: skip
    return dict(found)


def test_a_clone_leaves_the_landing_of_production_alone(warehouse: Warehouse) -> None:
    batch_id = warehouse.publish(
        events=[event("e1", "s1", "2024-01-15 10:00:00")], sessions=[session("s1", "2024-01-15 10:00:00")]
    )
    (warehouse.s3_root / "ecommerce-landing-pr7").mkdir(exist_ok=True)
    warehouse.query(f"CREATE OR REPLACE DATABASE {CLONE} CLONE {DATABASE}")
    try:
        states = [row["state"] for row in _dictionaries(warehouse, f"SHOW TASKS IN SCHEMA {CLONE}.ops")]
        assert states == ["suspended"] * len(states) != []
        for call in ("load_pending()", f"load_batch('{batch_id}')"):
            with pytest.raises(Error, match=f"This database is a clone of {DATABASE}"):
                warehouse.query(f"CALL {CLONE}.ops.{call}")
        before = sorted(warehouse.landing.rglob("*"))
        with pytest.raises(Error, match="belongs to the environment that this database was cloned from"):
            _redeploy(warehouse, "R__06_stages.sql", {})
        warehouse.query(
            "ALTER STORAGE INTEGRATION ecommerce_dw_lake SET STORAGE_ALLOWED_LOCATIONS ="
            f" ('s3://ecommerce-landing/', 's3://data-s3-bucket/', '{_ITS_LANDING}')"
        )
        _redeploy(warehouse, "R__06_stages.sql", {"landing_url": _ITS_LANDING})
        assert warehouse.query(f"SELECT database_name, landing_url FROM {CLONE}.ops.environment") == [
            (CLONE, _ITS_LANDING)
        ]
        assert warehouse.call(f"{CLONE}.ops.load_pending()")["loaded"] == 0
        assert sorted(warehouse.landing.rglob("*")) == before
        own = batches.publish(warehouse.s3_root / "pr7", sessions=[session("s2", "2024-01-15 11:00:00")])
        published = warehouse.s3_root / "pr7" / "ecommerce-landing"
        shutil.copytree(published, warehouse.s3_root / "ecommerce-landing-pr7", dirs_exist_ok=True)
        assert warehouse.call(f"{CLONE}.ops.load_pending()")["loaded"] == 1
        assert (warehouse.s3_root / "ecommerce-landing-pr7" / "_manifests" / f"{own}.loaded").exists()
        assert warehouse.query(f"SELECT COUNT(*) FROM {DATABASE}.ops.batches") == [(0,)]
        assert warehouse.call(f"{DATABASE}.ops.load_pending()")["loaded"] == 1
    finally:
        warehouse.query(f"DROP DATABASE {CLONE}")
        warehouse.query(f"USE SCHEMA {DATABASE}.ops")


def _redeploy(warehouse: Warehouse, script: str, chosen: dict[str, Any]) -> None:
    """Run a script as a deployment of the clone would."""
    known = (
        variables(SNOWFLAKE_DATABASE=CLONE, SNOWFLAKE_ROLE=OWNER)
        | {"storage_integration": "ecommerce_dw_lake"}
        | chosen
    )
    with warehouse.endpoint.connect(database=CLONE, schema=None, role="ACCOUNTADMIN") as connection:
        connection.execute_string(render(script, known))


def _dictionaries(warehouse: Warehouse, sql: str) -> list[dict[str, Any]]:
    with warehouse.connection.cursor() as cursor:
        cursor.execute(sql)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def test_a_deployment_adds_changes_and_withdraws_rules(warehouse: Warehouse) -> None:
    """One CALL then takes dates anew, and corrects exactly what the rules say otherwise."""
    script = render("R__10_quality_rules.sql", variables())
    without = re.sub(r"\('sessions', 'many_ip_addresses'.*\n", "", script)
    assert without != script
    # Another one is changed, and one is new.
    without = without.replace("user_tier NOT IN (''bronze'', ", "user_tier NOT IN (")
    of_release = "('events', 'of_this_release', 'error', 'browser = ''Opera''', 'New')"
    without = without.replace("VALUES\n    (", f"VALUES\n    {of_release},\n    (", 1)
    assert of_release in without
    days = ("2024-01-15", "2024-01-16")
    rows = [event(f"{day} {name}", "s", f"{day} 10:00:00", browser=name) for day in days for name in ("Opera", "X")]
    rows.append(event("bronze", "s", "2024-01-15 10:00:00", user_tier="bronze"))
    warehouse.publish(events=rows, sessions=[session("s1", "2024-01-15 10:00:00", distinct_ip_count=11)])
    warehouse.call("ops.load_pending()")
    warehouse.call("ops.flag_quality()")
    warned = "ARRAY_CONTAINS('{}'::VARIANT, validation_warnings)"
    is_found = f"NOT is_valid OR {warned.format('unknown_user_tier')}"
    judged = f"SELECT event_id FROM staging.events_cleaned WHERE {is_found} ORDER BY 1"
    sessions = f"SELECT {warned.format('many_ip_addresses')} FROM staging.user_sessions_enhanced"
    assert (warehouse.query(judged), warehouse.query(sessions)) == ([], [(True,)])
    state = (
        "SELECT code, enabled, withdrawn FROM ops.quality_rules"
        " WHERE code IN ('many_ip_addresses', 'missing_user_id', 'of_our_own') AND dataset = 'sessions' ORDER BY code"
    )
    warehouse.query(
        "INSERT INTO ops.quality_rules (dataset, code, severity, predicate, description)"
        " VALUES ('sessions', 'of_our_own', 'warn', 'FALSE', 'Of the account')"
    )
    warehouse.call("ops.set_rule('sessions', 'missing_user_id', FALSE)")
    try:
        warehouse.connection.execute_string(without)
        assert warehouse.query(state) == [
            ("many_ip_addresses", False, True), ("missing_user_id", False, False), ("of_our_own", True, False),
        ]  # fmt: skip
        changed = warehouse.call("ops.reflag('2024-01-15', '2024-01-15')")
        assert changed["changed"] == {"user_events": 2, "user_sessions": 1, "transactions": 0}
        dates = "SELECT DISTINCT date::STRING FROM ops.date_changes WHERE change_id = %s"
        assert warehouse.query(dates, changed["change_id"]) == [("2024-01-15",)]
        assert warehouse.query(judged) == [("2024-01-15 Opera",), ("bronze",)]
        assert warehouse.query(sessions) == [(False,)]
        with pytest.raises(Error, match="is withdrawn"):
            warehouse.call("ops.set_rule('sessions', 'many_ip_addresses', TRUE)")
        warehouse.connection.execute_string(script)
        assert warehouse.query(state) == [
            ("many_ip_addresses", True, False), ("missing_user_id", False, False), ("of_our_own", True, False),
        ]  # fmt: skip
    finally:
        warehouse.query("DELETE FROM ops.quality_rules WHERE code IN ('of_our_own', 'of_this_release')")
        warehouse.call("ops.set_rule('sessions', 'missing_user_id', TRUE)")
        warehouse.connection.execute_string(script)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("ops.set_rule('events', 'nothing', TRUE)", "There is no rule 'events.nothing'"),
        (
            "ops.set_threshold('nothing', 1)",
            "There is no threshold 'nothing': the thresholds are .*\\bbot_min_requests\\b",
        ),
    ],
)
def test_what_cannot_be_set_is_said(warehouse: Warehouse, call: str, said: str) -> None:
    with pytest.raises(Error, match=said):
        warehouse.call(call)


def test_raw_keeps_what_may_still_be_asked_for(warehouse: Warehouse) -> None:
    published = [
        warehouse.publish(
            sessions=[session(f"s{day}", f"2024-01-{day} 10:00:00")],
            options=batches.BatchOptions(published_at=f"2024-02-{day}T00:00:00Z"),
        )
        for day in (15, 16, 17)
    ]
    warehouse.call("ops.load_pending()")
    warehouse.call(f"ops.flag_quality('{published[0]}')")
    warehouse.call(f"ops.flag_quality('{published[2]}')")
    warehouse.query("UPDATE ops.batches SET flagged_at = DATEADD('day', -91, flagged_at) WHERE flagged_at IS NOT NULL")
    assert warehouse.call("ops.purge_raw(90)")["rows"]["user_sessions"] == 1  # the third came after one that waits
    assert {row[0] for row in warehouse.query("SELECT batch_id FROM raw.user_sessions")} == set(published[1:])
    warehouse.call("ops.flag_quality()")
    assert warehouse.call("ops.purge_raw(90)")["rows"]["user_sessions"] == 1
    assert warehouse.query("SELECT COUNT(*) FROM staging.user_sessions_enhanced") == [(3,)]
    assert warehouse.call("ops.purge_raw(90)")["rows"] == {"user_events": 0, "transactions": 0, "user_sessions": 0}
    with pytest.raises(Error, match="keep_days: 0 is not a number of days"):
        warehouse.call("ops.purge_raw(0)")
