"""What a pipeline runs around schemachange: edited scripts, two deployments at once, the statement that failed, drift."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.apply import BUSY, alone
from deploy.drift import differences, facts, renamed
from deploy.released import edited_scripts
from deploy.verify import problems
from tests.conftest import REPOSITORY, RunningEndpoint, endpoint_folder
from tests.snowpark_procs.conftest import DATABASE, SCHEDULED, Warehouse

pytestmark = pytest.mark.integration

_SCRIPTS = {
    "V1.0.0__table.sql": "CREATE TABLE IF NOT EXISTS public.t (a INT);",
    "V1.1.0__broken.sql": "INSERT INTO public.t (a) VALUES (1);\n\nINSERT INTO public.t (b) VALUES (2);\n\nSELECT 1;",
}


def test_an_edited_script_is_refused(tmp_path: Path) -> None:
    wrong, _ = edited_scripts()
    assert wrong == []
    for folder in ("migrations", "deploy"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder)
    (tmp_path / "migrations" / "V1.3.0__ops_tables.sql").open("a").write(
        "\nALTER TABLE ops.batches ADD COLUMN x INT;\n"
    )
    (tmp_path / "migrations" / "V1.7.0__staging_deltas.sql").unlink()
    (tmp_path / "migrations" / "V99.0.0__new.sql").write_text("SELECT 1;\n")
    wrong, new = edited_scripts(tmp_path)
    assert [line.split(" ")[:3] for line in wrong] == [
        ["V1.3.0__ops_tables.sql", "is", "edited:"], ["V1.7.0__staging_deltas.sql", "is", "gone:"],
    ]  # fmt: skip
    assert "V99.0.0__new.sql" in new


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningEndpoint, Path]]:
    """An endpoint, and a folder with two migrations, the second of which fails at its second statement."""
    folder = tmp_path_factory.mktemp("deployed")
    (folder / "migrations").mkdir()
    for name, text in _SCRIPTS.items():
        (folder / "migrations" / name).write_text(text, encoding="utf-8")
    shutil.copy(REPOSITORY / "schemachange-config.yml", folder)
    with endpoint_folder() as data:
        endpoint = RunningEndpoint(data / "warehouse", data / "s3", database="DEPLOYED")
        endpoint.start()
        yield endpoint, folder
        endpoint.stop()


def apply(endpoint: RunningEndpoint, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    known = {"SNOWFLAKE_DATABASE": "DEPLOYED", "SNOWFLAKE_ROLE": "SYSADMIN", "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-m", "deploy.apply"]
    variables = os.environ | endpoint.environment | known | environment
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)


def test_a_second_deployment_waits_and_then_refuses(empty: tuple[RunningEndpoint, Path]) -> None:
    endpoint, folder = empty
    with endpoint.connect(role="SYSADMIN") as other, alone(other, 1):
        done = apply(endpoint, folder, DEPLOY_WAIT_SECONDS="1")
        assert done.returncode == BUSY, done.stderr[-2000:]
        assert "Another deployment into DEPLOYED has been under way for 1 s; nothing was deployed" in done.stderr


def test_a_failed_deployment_names_the_statement(empty: tuple[RunningEndpoint, Path]) -> None:
    done = apply(*empty)
    assert done.returncode == 2
    assert "V1.1.0__broken.sql failed at the statement:\nINSERT INTO public.t (b) VALUES (2)" in done.stderr


def test_drift_is_told_line_by_line(warehouse: Warehouse) -> None:
    connection = warehouse.connection
    wanted = facts(connection, DATABASE)
    grant = "SELECT ON TABLE raw.user_events {} ROLE ecommerce_dw_analyst"
    schedule = "ALTER TASK ops.t_reconcile_apart SET SCHEDULE = '{}'"
    changes = {
        "ALTER TABLE ops.batches ADD COLUMN x INT": "ALTER TABLE ops.batches DROP COLUMN x",
        "CREATE TABLE ops.own (a INT)": "DROP TABLE ops.own",
        "GRANT " + grant.format("TO"): "REVOKE " + grant.format("FROM"),
        schedule.format("60 MINUTE"): schedule.format("USING CRON 47 * * * * UTC"),
        "ALTER MASKING POLICY ops.mask_user_id SET BODY -> val": "",
    }
    (policy,) = [row[3] for row in warehouse.query("DESCRIBE MASKING POLICY ops.mask_user_id")]
    for change in changes:
        warehouse.query(change)
    try:
        found = "\n".join(differences(facts(connection, DATABASE), wanted))
    finally:
        for back in filter(None, changes.values()):
            warehouse.query(back)
        warehouse.query(f"ALTER MASKING POLICY ops.mask_user_id SET BODY -> {policy}")
    assert [line for line in found.splitlines() if not line.startswith("  ")] == [
        "not from the migrations: TABLE OPS.OWN",
        "differs: MASKING POLICY OPS.MASK_USER_ID (- as migrated, + as it is)",
        "differs: ROLE ECOMMERCE_DW_ANALYST (- as migrated, + as it is)",
        "differs: TABLE OPS.BATCHES (- as migrated, + as it is)",
        "differs: TASK OPS.T_RECONCILE_APART (- as migrated, + as it is)",
    ]
    assert "  +SELECT ON TABLE ECOMMERCE_DW.RAW.USER_EVENTS" in found
    assert list(differences(facts(connection, DATABASE), wanted)) == []


def test_one_environment_is_compared_under_the_name_of_another() -> None:
    there = {"ROLE DW_OWNER": "USAGE ON DATABASE DW\nurl: s3://b/"}
    scratch = {"ROLE DW_DRIFT_OWNER": "USAGE ON DATABASE DW_DRIFT\nurl: s3://b/_drift/"}
    assert list(differences(there, renamed(scratch, "DW_DRIFT", "DW"))) == []


def test_a_verified_environment_is_at_work(warehouse: Warehouse) -> None:
    suspended = {
        f"{kind} {name.rpartition('.')[2].upper()} is suspended" for kind, name in (one.split() for one in SCHEDULED)
    }
    assert set(problems(warehouse.connection)) == suspended  # the tests' warehouse runs nothing by itself
    warehouse.query("UPDATE ops.environment SET database_name = 'OTHER'")
    try:
        assert "The landing is that of OTHER: this database is a clone" in problems(warehouse.connection)
    finally:
        warehouse.query(f"UPDATE ops.environment SET database_name = '{DATABASE}'")
