"""A deployed warehouse on the local endpoint: deployed once with the real schemachange, copied for each module."""

from __future__ import annotations

import fcntl
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from snowflake.connector import DictCursor

from tests.conftest import REPOSITORY, RunningEndpoint, endpoint_folder
from tests.snowpark_procs import batches
from tests.table_rows import remove_rows, row_counts

DATABASE = "ECOMMERCE_DW"
OWNER = f"{DATABASE}_OWNER"
_STATE = {
    "raw": ("user_events", "transactions", "user_sessions"),
    "staging": ("events_cleaned", "user_sessions_enhanced", "transactions_validated"),
    "ops": ("batches", "batch_datasets", "date_changes", "step_runs", "graph_runs", "alert_events", "applied_rules"),
    "marts": ("daily_metrics", "daily_speed_comparable"),
    "recon": (
        "speed_extractions",
        "speed_sessions",
        "refused_snapshots",
        "runs",
        "results",
        "explanations",
        "explained_runs",
        "bucket_unloads",
    ),
}
# What the deployment leaves running by schedule.
SCHEDULED = (
    *("TASK ops.t_load", "TASK ops.t_reconcile_apart", "TASK ops.t_purge"),
    *("ALERT ops.a_graph_failed", "ALERT ops.a_graph_stopped", "ALERT ops.a_convergence_slo", "ALERT ops.a_not_ready"),
)
_STATE_TABLES = [f"{schema}.{table}" for schema, tables in _STATE.items() for table in tables]


def deploy(endpoint: RunningEndpoint, *arguments: str) -> str:
    """Bootstrap the account and run `schemachange deploy` as a person would, from the repository's folder. Returns its log."""
    with endpoint.connect(role="ACCOUNTADMIN") as administrator:
        administrator.execute_string((REPOSITORY / "deploy" / "bootstrap.sql").read_text(encoding="utf-8"))
    environment = {
        **endpoint.environment,
        "SNOWFLAKE_DATABASE": DATABASE,
        "SNOWFLAKE_ROLE": OWNER,
        "SNOWFLAKE_WAREHOUSE": "COMPUTE_WH",
    }
    done = subprocess.run(
        [str(Path(sys.executable).with_name("schemachange")), "deploy", *arguments],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    log = done.stdout + done.stderr
    if done.returncode:
        raise RuntimeError(f"schemachange failed:\n{log[-4000:]}")
    return log


@dataclass
class Warehouse:
    """A deployed warehouse, its landing and lake, and a connection in UTC."""

    endpoint: RunningEndpoint
    connection: Any = None

    def connect(self) -> None:
        parameters = {"CLIENT_TELEMETRY_ENABLED": False, "TIMEZONE": "UTC"}
        self.connection = self.endpoint.connect(database=DATABASE, schema="OPS", session_parameters=parameters)

    @property
    def s3_root(self) -> Path:
        return self.endpoint.s3_root

    @property
    def landing(self) -> Path:
        return self.s3_root / "ecommerce-landing"

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.connection.cursor() as cursor:
            return list(cursor.execute(sql, values or None).fetchall())

    def one(self, sql: str) -> Any:
        rows = self.query(sql)
        assert len(rows) == 1, rows
        return rows[0][0] if len(rows[0]) == 1 else rows[0]

    def call(self, call: str) -> dict[str, Any]:
        """The VARIANT summary of a procedure."""
        summary: dict[str, Any] = json.loads(self.one(f"CALL {call}"))
        return summary

    def publish(self, **parts: Any) -> str:
        return batches.publish(self.s3_root, **parts)

    def counts(self) -> dict[str, int]:
        """Rows of every table that holds state."""
        return row_counts(self.query, _STATE_TABLES)

    def contents(self, *tables: str) -> dict[str, list[tuple[Any, ...]]]:
        """All rows of the given tables, or of all that hold state, in a fixed order."""
        return {t: sorted(self.query(f"SELECT * FROM {t}"), key=repr) for t in tables or _STATE_TABLES}

    def reset(self) -> None:
        """Empty every table that holds state, the landing and the lake."""
        remove_rows(self.query, _STATE_TABLES)
        self.query("UPDATE ops.model_builds SET watermarks = NULL")
        for bucket in self.s3_root.iterdir():
            shutil.rmtree(bucket)
            bucket.mkdir()


def _buckets(s3_root: Path) -> None:
    for bucket in ("data-s3-bucket", "ecommerce-landing"):
        (s3_root / bucket).mkdir(parents=True, exist_ok=True)


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The data folder of an endpoint on which everything is deployed; suspended, so that no schedule meets a test.

    Deployed once for all workers of a run of the tests: the first deploys, the others wait for it.
    """
    own = tmp_path_factory.getbasetemp()
    folder = (own if worker_id == "master" else own.parent) / "deployed"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = folder / "done"
        if not done.exists():
            shutil.rmtree(folder / "warehouse", ignore_errors=True)  # of a worker that failed
            with endpoint_folder() as working:
                _deploy_suspended(RunningEndpoint(working / "warehouse", working / "s3", database=DATABASE))
                shutil.copytree(working / "warehouse", folder / "warehouse")
            done.touch()
    return folder / "warehouse"


def _deploy_suspended(endpoint: RunningEndpoint) -> None:
    _buckets(endpoint.s3_root)
    endpoint.start()
    try:
        deploy(endpoint)
        warehouse = Warehouse(endpoint)
        warehouse.connect()
        assert started(warehouse) == set(SCHEDULED)
        for name in SCHEDULED:
            warehouse.query(f"ALTER {name} SUSPEND")
        warehouse.connection.close()
    finally:
        endpoint.stop()


def started(warehouse: Warehouse) -> set[str]:
    """What has a schedule and is not suspended."""
    found = set()
    for kind in ("TASK", "ALERT"):
        with warehouse.connection.cursor(DictCursor) as cursor:
            rows = cursor.execute(f"SHOW {kind}S IN SCHEMA ops").fetchall()
        found |= {f"{kind} ops.{row['name'].lower()}" for row in rows if row["schedule"] and row["state"] == "started"}
    return found


def start_copy(deployed: Path, folder: Path, endpoint: RunningEndpoint | None = None) -> Warehouse:
    """A warehouse of its own from a copy of the deployed one. endpoint: over that folder, where it is no usual one."""
    shutil.copytree(deployed, folder / "warehouse")
    endpoint = endpoint or RunningEndpoint(folder / "warehouse", folder / "s3", database=DATABASE)
    _buckets(endpoint.s3_root)
    endpoint.start()
    warehouse = Warehouse(endpoint)
    warehouse.connect()
    return warehouse


@pytest.fixture(scope="module")
def module_warehouse(deployed: Path) -> Iterator[Warehouse]:
    with endpoint_folder() as folder:
        warehouse = start_copy(deployed, folder)
        yield warehouse
        warehouse.connection.close()
        warehouse.endpoint.stop(signal.SIGKILL)  # nothing of it is kept


@pytest.fixture
def warehouse(module_warehouse: Warehouse) -> Iterator[Warehouse]:
    """An empty, deployed warehouse."""
    yield module_warehouse
    module_warehouse.reset()
