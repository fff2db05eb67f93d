"""recon.extract_speed_layer on the local endpoint, against the embedded engine behind ClickHouse's HTTP interface."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from snowflake.connector.errors import ProgrammingError

from deploy.rendering import render, variables
from reconcile.config import ReconcileConfig
from reconcile.speed.buckets import Bucketing, Sums
from reconcile.speed.connection import open_speed_layer
from reconcile.speed.extraction import extract_day
from reconcile.speed.landing import Landing
from reconcile.speed.names import buckets_path
from tests.reconcile.speed import vectors
from tests.reconcile.speed.tables import COLUMNS, TABLE, config, ddl, run, served
from tests.snowpark_procs.conftest import Warehouse

pytestmark = pytest.mark.integration

DAY = date(2024, 1, 15)
PASSWORD = "p@ss:/w"


@pytest.fixture(scope="module")
def speed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A speed layer with 3,000 sessions of the day, one of them set aside, that demands a password."""
    folder = tmp_path_factory.mktemp("speed")
    start = "toDateTime64('2024-01-15 00:00:00', 6, 'UTC') + number"
    rows = (
        f"INSERT INTO {TABLE} SELECT if(number = 0, unhex('FF'), concat('Guest ', toString(number))), NULL, "
        f"if(number % 3 = 0, NULL, 'gold'), {start}, {start}, number % 7, 0, 0, 0, 1, "
        "toDecimal64(number, 2) / 100 FROM numbers(3000)"
    )
    run(folder, ddl({**COLUMNS, "session_id": "String"}), rows)
    with served(folder) as server:
        server.authorization = "Basic " + base64.b64encode(f"reader:{PASSWORD}".encode()).decode()
        yield server


@pytest.fixture(scope="module")
def deployed_procedure(module_warehouse: Warehouse, speed: Any) -> Warehouse:
    """The optional migration, as schemachange renders it with its variables set."""
    host = f"127.0.0.1:{speed.server_port}"
    chosen = {"speed_integration": "clickhouse", "speed_secret": "ops.clickhouse", "speed_url": f"http://{host}"}
    for statement in (
        f"CREATE NETWORK RULE ops.clickhouse MODE = EGRESS TYPE = HOST_PORT VALUE_LIST = ('{host}')",
        f"CREATE SECRET ops.clickhouse TYPE = PASSWORD USERNAME = 'reader' PASSWORD = '{PASSWORD}'",
        "CREATE EXTERNAL ACCESS INTEGRATION clickhouse ALLOWED_NETWORK_RULES = (ops.clickhouse) "
        "ALLOWED_AUTHENTICATION_SECRETS = (ops.clickhouse) ENABLED = TRUE",
    ):
        module_warehouse.query(statement)
    module_warehouse.connection.execute_string(render("R__22_procedures_speed.sql", {**variables(), **chosen}))
    return module_warehouse


@pytest.mark.parametrize("way", ["whole", "by buckets"])
def test_the_same_snapshot_as_from_outside(
    deployed_procedure: Warehouse, warehouse: Warehouse, speed: Any, tmp_path: Path, way: str
) -> None:
    url = f"http://127.0.0.1:{speed.server_port}"
    settings = config(Path(), tmp_path, clickhouse_url=url, clickhouse_user="reader", clickhouse_password=PASSWORD)
    if way == "by buckets":
        _unload_almost_the_same(settings, tmp_path, warehouse.landing)
    speed.statements.clear()
    with open_speed_layer(settings) as speed_layer:
        outside = extract_day(speed_layer, Landing(settings), DAY)
    asked = [sql for sql in speed.statements if "c_hash" in sql]
    speed.statements.clear()
    summary = warehouse.call(f"recon.extract_speed_layer('{DAY}')")
    bare = [sql.rpartition(" FORMAT ")[0].strip() for sql in speed.statements if "c_hash" in sql]
    assert bare == [sql.rpartition("FORMAT ")[0].strip() for sql in asked]
    assert (summary["extraction_id"], summary["outcome"]) == (outside.extraction_id, "published")
    assert (summary["rows"], summary["set_aside"], summary["money"]) == (2999, 1, outside.money)
    for path in (outside.path, str(outside.set_aside_path)):
        assert (warehouse.landing / path).read_bytes() == (tmp_path / path).read_bytes()
    manifests = [
        json.loads(next((root / "_speed_manifests").rglob("*.json")).read_text())
        for root in (warehouse.landing, tmp_path)
    ]
    assert manifests[0] | {"extracted_at": ""} == manifests[1] | {"extracted_at": ""}
    assert warehouse.query("LIST @recon.outgoing") == []
    if way == "by buckets":
        assert 0 < outside.fetched < 5
        return

    assert warehouse.call(f"recon.load_speed_snapshot('{DAY}')")["set_aside_rows"] == 1
    form = (
        "SELECT session_id, session_id_as_stored FROM recon.speed_sessions WHERE session_start = '2024-01-15 00:00:07'"
    )
    assert warehouse.query(form) == [("guest 7", "Guest 7")]
    assert warehouse.call(f"recon.extract_speed_layer('{DAY}')")["outcome"] == "unchanged"
    steps = "SELECT status, row_count FROM ops.step_runs WHERE step = 'extract_speed_layer'"
    assert warehouse.query(steps) == [("succeeded", 2999)]


def _unload_almost_the_same(settings: ReconcileConfig, *landings: Path) -> None:
    """The batch side has the same sessions but for two buckets."""
    columns = tuple(name for name in vectors.COLUMNS if name not in ("session_start", "session_end"))
    with open_speed_layer(settings) as speed_layer:
        sums = dict(speed_layer.day_buckets(DAY, Bucketing(columns, 8192), 8192).sums)
    first, second, *_ = sums
    sums[first] += Sums(0, 1, 0)
    del sums[second]
    for landing in landings:
        vectors.write_buckets(landing / buckets_path(DAY), sums, columns, 8192)


def test_what_goes_wrong_is_one_sentence_without_the_password(
    deployed_procedure: Warehouse, warehouse: Warehouse, speed: Any
) -> None:
    """A wrong password is not tried again; what may pass is."""
    call = f"CALL recon.extract_speed_layer('{DAY}')"
    speed.troubles += ["cut", "busy"]
    assert warehouse.call(f"recon.extract_speed_layer('{DAY}')")["outcome"] == "published"
    warehouse.query("ALTER SECRET ops.clickhouse SET PASSWORD = 'wrong-secret'")
    try:
        speed.statements.clear()
        with pytest.raises(ProgrammingError, match="denies access: Code: 516") as refused:
            warehouse.query(call)
        assert "wrong-secret" not in str(refused.value)
        assert speed.statements == []
    finally:
        warehouse.query(f"ALTER SECRET ops.clickhouse SET PASSWORD = '{PASSWORD}'")
    failed = "SELECT detail:error::STRING FROM ops.step_runs WHERE step = 'extract_speed_layer' AND status = 'failed'"
    assert "denies access" in warehouse.one(failed)
