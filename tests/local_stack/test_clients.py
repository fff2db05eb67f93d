"""`make up` for people: each real client reaches the endpoint with what `.local` holds, and data outlives the endpoint."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import snowflake.connector
from snowflake.snowpark import Session

from local_stack import endpoint_process
from local_stack.endpoint_process import Address
from local_stack.layout import REPO, Layout
from local_stack.warehouse_client import connect
from tests.local_stack.stack import contents, local_stack, run_tool

pytestmark = pytest.mark.integration

_SNOW = REPO / ".venv-snow" / "bin" / "snow"


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Layout]:
    layout = Layout(tmp_path_factory.mktemp("clients") / "state")
    local_stack(layout, "up")
    yield layout
    local_stack(layout, "down")


@pytest.fixture(scope="module")
def address(layout: Layout) -> Address:
    found = endpoint_process.running(layout)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def deployed(layout: Layout, address: Address) -> Layout:
    done = run_tool(layout, address, str(Path(sys.executable).parent / "schemachange"), "deploy")
    assert done.returncode == 0, done.stdout + done.stderr
    return layout


def test_up_twice_is_the_same_endpoint(layout: Layout, address: Address) -> None:
    assert f"process {address.pid}" in local_stack(layout, "up")
    told = local_stack(layout, "status")
    assert told.startswith("The endpoint listens")
    assert "no tables yet" in told
    assert "nothing is deployed" in told


def test_the_file_to_source_gives_a_shell_everything(layout: Layout, deployed: Layout) -> None:
    script = f". {layout.env_file} && cd / && schemachange --help && dbt --version && echo $SNOWFLAKE_HOME"
    done = subprocess.run(["sh", "-eu", "-c", script], capture_output=True, text=True, check=True)
    assert str(layout.root) in done.stdout


def test_deploying_twice_changes_nothing(layout: Layout, deployed: Layout, address: Address) -> None:
    with connect(layout) as connection:
        before = contents(connection)
    done = run_tool(layout, address, str(Path(sys.executable).parent / "schemachange"), "deploy")
    assert done.returncode == 0, done.stdout + done.stderr
    with connect(layout) as connection:
        assert contents(connection) == before
        applied = connection.rows("SELECT script, COUNT(*) FROM schemachange.change_history GROUP BY script")
    always = {script for script, count in applied if count > 1}
    assert all(script.startswith("A__") for script in always), always


def test_a_plain_connector_by_connection_name(layout: Layout, deployed: Layout, address: Address) -> None:
    program = (
        "import snowflake.connector as c; x = c.connect(connection_name='local');"
        " print(x.cursor().execute('SELECT CURRENT_DATABASE(), COUNT(*) FROM ops.batches').fetchone())"
    )
    done = run_tool(layout, address, sys.executable, "-c", program)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "('ECOMMERCE_DW', 0)"


def test_a_snowpark_session(layout: Layout, deployed: Layout, address: Address) -> None:
    connection = snowflake.connector.connect(
        host=address.host,
        port=address.port,
        protocol="http",
        account="local",
        user="local",
        password="local",
        database="ECOMMERCE_DW",
    )
    with Session.builder.configs({"connection": connection}).create() as session:
        frame = session.create_dataframe([[1, "a"], [2, "b"]], schema=["n", "t"])
        assert [tuple(row) for row in frame.filter(frame.n > 1).collect()] == [(2, "b")]
        assert session.table("ops.quality_rules").count() > 0


def test_dbt_docs(layout: Layout, deployed: Layout, address: Address, tmp_path: Path) -> None:
    dbt = str(Path(sys.executable).parent / "dbt")
    done = run_tool(layout, address, dbt, "docs", "generate", "--target-path", str(tmp_path))
    assert done.returncode == 0, done.stdout
    catalog = json.loads((tmp_path / "catalog.json").read_text(encoding="utf-8"))
    assert any(name.endswith("mart_daily_metrics") for name in catalog["nodes"])


@pytest.mark.skipif(not _SNOW.exists(), reason="the Snowflake CLI is not installed (make snow)")
def test_the_snowflake_cli(layout: Layout, deployed: Layout, address: Address) -> None:
    call = "CALL recon.reconcile_day('2024-01-15')"
    done = run_tool(layout, address, str(_SNOW), "sql", "-c", "local", "--format", "json", "-q", call)
    assert done.returncode == 0, done.stdout + done.stderr
    (row,) = json.loads(done.stdout)
    (summary,) = row.values()
    summary = json.loads(summary) if isinstance(summary, str) else summary
    assert "nothing_to_compare" in json.dumps(summary)


def test_data_outlives_the_endpoint(layout: Layout, deployed: Layout) -> None:
    with connect(layout) as connection:
        connection.rows("CREATE TABLE ops.kept (n NUMBER)")
        connection.rows("INSERT INTO ops.kept VALUES (?)", [42])
        before = contents(connection)
    local_stack(layout, "down")
    local_stack(layout, "up")
    with connect(layout) as connection:
        assert connection.rows("SELECT n FROM ops.kept") == [(42,)]
        assert contents(connection) == before
        assert connection.rows("SHOW PROCEDURES LIKE 'LOAD_BATCH'")
        connection.rows("DROP TABLE ops.kept")
