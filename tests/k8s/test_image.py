"""Every manifest's own command in the image of the Containerfile, as the cluster runs it: an hour from the lake to a verdict.

The pods' commands, variables, volumes, Spark settings and read-only root are those that kustomize renders; Snowflake is the local
endpoint (with its log-in by key), S3 and Glue are moto's, the speed layer is chdb behind ClickHouse's HTTP interface.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pyiceberg.catalog import load_catalog

from monitoring.traces import trace_of
from tests.aws import REGION, aws
from tests.conftest import endpoint_folder
from tests.k8s.cluster import Cluster
from tests.k8s.image import Image, bubblewrap
from tests.k8s.manifests import applications, containers, needs_kubectl, pods
from tests.otlp import collector
from tests.reconcile.speed.tables import COLUMNS, ddl, run, served
from tests.snowpark_procs.batches import EVENT_SCHEMA, TRANSACTION_SCHEMA, event, transaction
from tests.snowpark_procs.conftest import DATABASE, Warehouse, start_copy
from tests.snowpark_procs.conftest import deployed as deployed

pytestmark = [pytest.mark.environment, pytest.mark.spark, pytest.mark.integration, needs_kubectl]
LAKE, LANDING = "data-s3-bucket", "ecommerce-landing"
SESSION, USER = "6f1c6d40-0000-4000-8000-0000000000a1", "6f1c6d40-0000-4000-8000-000000000001"
DAY = date(2024, 1, 15)
_FUNCTIONS = {"deploy": "OWNER", "transform": "TRANSFORMER", "reconcile": "RECONCILER", "monitor": "MONITOR"}


@dataclass
class Store:
    """moto's S3 and Glue, and the folder in which the endpoint has the same buckets."""

    client: Any
    folder: Path

    def keys(self, bucket: str) -> set[str]:
        return {one["Key"] for one in self.client.list_objects_v2(Bucket=bucket).get("Contents", [])}

    def to_the_warehouse(self) -> None:
        """Bring what is in the buckets to where the endpoint reads them."""
        for bucket in (LAKE, LANDING):
            for key in self.keys(bucket):
                path = self.folder / bucket / key
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(self.client.get_object(Bucket=bucket, Key=key)["Body"].read())

    def from_the_warehouse(self) -> None:
        """Bring what the warehouse has acknowledged to the buckets."""
        for path in (self.folder / LANDING / "_manifests").glob("*.loaded"):
            self.client.upload_file(str(path), LANDING, f"_manifests/{path.name}")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with aws(LAKE, LANDING) as client, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        store = Store(client, tmp_path_factory.mktemp("s3"))
        _fill_the_lake(client.meta.endpoint_url)
        yield store


def _fill_the_lake(url: str) -> None:
    """The lake as a producer leaves it: two tables of Iceberg, an append to each."""
    catalog = load_catalog(
        "lake",
        **{"type": "glue", "warehouse": f"s3://{LAKE}", "glue.endpoint": url, "glue.region": REGION},
        **{"s3.endpoint": url, "s3.region": REGION},
    )
    catalog.create_namespace("ecommerce")
    events = [
        event("e1", SESSION, f"{DAY} 10:00:00", user_id=USER),
        event(
            "e2",
            SESSION,
            f"{DAY} 10:05:00",
            "purchase",
            user_id=USER,
            transaction_id="t1",
            properties='{"amount": 12.50}',
        ),
    ]
    lines = [transaction("t1", "p1", f"{DAY} 10:05:00", "12.50", user_id=USER)]
    for name, schema, rows, by in (
        ("user_events", EVENT_SCHEMA, events, ("date", "hour")),
        ("transactions", TRANSACTION_SCHEMA, lines, ("date",)),
    ):
        table = catalog.create_table(f"ecommerce.{name}", schema=schema)
        with table.update_spec() as spec:
            for column in by:
                spec.add_identity(column)
        table.append(pa.Table.from_pylist(rows, schema=schema))


@pytest.fixture(scope="module")
def warehouse(deployed: Path, store: Store) -> Iterator[Warehouse]:
    """A deployed warehouse, whose service users have keys."""
    with endpoint_folder() as folder:
        warehouse = start_copy(deployed, folder)
        store.folder = warehouse.s3_root
        yield warehouse
        warehouse.connection.close()
        warehouse.endpoint.stop(signal.SIGKILL)


@pytest.fixture(scope="module")
def cluster(warehouse: Warehouse, store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    endpoint, url = warehouse.endpoint, store.client.meta.endpoint_url
    secrets = {f"snowflake-{name}": _service_user(warehouse, name, role) for name, role in _FUNCTIONS.items()}
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": REGION}
    secrets |= {"s3-ingest": keys, "s3-extract": keys}
    secrets["clickhouse"] = {"RECONCILE_CLICKHOUSE_USER": "reader", "RECONCILE_CLICKHOUSE_PASSWORD": "secret"}
    folder = tmp_path_factory.mktemp("cluster")
    speed = folder / "speed"
    run(
        speed,
        ddl(COLUMNS),
        f"INSERT INTO user_sessions_realtime VALUES ('{SESSION}', '{USER}', 'gold', '{DAY} 10:00:00', '{DAY} 10:05:00',"
        " 1, 0, 0, 0, 1, 12.50)",
    )
    with served(speed) as clickhouse, collector() as traces:
        clickhouse.authorization = "Basic cmVhZGVyOnNlY3JldA=="
        # What a cluster behind private addresses sets as well.
        settings = {
            "SNOWFLAKE_ACCOUNT": "local",
            "SNOWFLAKE_HOST": endpoint.host,
            "SNOWFLAKE_PORT": str(endpoint.port),
            "SNOWFLAKE_PROTOCOL": "http",
            "SPARK_INGEST_CATALOG_URI": url,
            "SPARK_INGEST_S3_ENDPOINT": url,
            "RECONCILE_S3_ENDPOINT": url,
            "RECONCILE_CLICKHOUSE_URL": f"http://127.0.0.1:{clickhouse.server_port}",
            "OTEL_EXPORTER_OTLP_ENDPOINT": traces.url,
            "JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1",  # two rows never pay for the thorough compiler
        }
        yield Cluster(Image.built(folder / "image", bubblewrap()), folder, settings, secrets, traces)


def _service_user(warehouse: Warehouse, name: str, role: str) -> dict[str, str]:
    """A Secret as docs/kubernetes.md makes it: the user's key, and how the connector reaches the account with it."""
    key = rsa.generate_private_key(65537, 2048)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    text = "".join(public.decode().splitlines()[1:-1])
    with warehouse.endpoint.connect(role="ACCOUNTADMIN") as administrator:
        administrator.cursor().execute(f"ALTER USER {DATABASE}_{name} SET RSA_PUBLIC_KEY = '{text}'")
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    connection = {
        "account": "local",
        "user": f"{DATABASE}_{name.upper()}",
        "role": f"{DATABASE}_{role}",
        "warehouse": "COMPUTE_WH",
        "database": DATABASE,
        "authenticator": "SNOWFLAKE_JWT",
        "private_key_file": "/etc/snowflake/rsa_key.p8",
        "host": warehouse.endpoint.host,
        "port": warehouse.endpoint.port,
        "protocol": "http",
    }
    section = {"reconcile": "pipeline"}.get(name, name)
    lines = "".join(f"{setting} = {json.dumps(value)}\n" for setting, value in connection.items())
    return {"rsa_key.p8": private.decode(), "connections.toml": f"[{section}]\n{lines}"}


def succeed(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout + done.stderr


def test_a_driver_that_is_told_to_go(cluster: Cluster, store: Store) -> None:
    """The manifest's preStop hook ends a run while it holds the landing: it gives the lease back, and publishes nothing."""
    (hook,) = _hooks(cluster)
    # The kubelet's part: the hook in the container, then SIGTERM to its first process.
    kubelet = f'"$@" & driver=$!; until [ -e /tmp/go ]; do sleep 0.1; done; {hook}; kill -TERM $driver; wait $driver'
    sandbox = cluster.submitted("batch-ingest", "local[2]", ["bash", "-c", kubelet, "kubelet"])
    with subprocess.Popen(sandbox, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as driver:
        while not store.keys(LANDING):
            assert driver.poll() is None, driver.stdout.read() if driver.stdout else ""
            time.sleep(0.05)
        (cluster.folder / f"pod-{cluster._pods}" / "tmp" / "go").touch()
        told, _ = driver.communicate(timeout=900)
    assert "spark_ingest: terminated; the next run completes what is missing" in told
    assert driver.returncode == 143
    assert store.keys(LANDING) == set()
    assert {span.failed for span in cluster.traces.spans if not span.parent_id} == {True}


def _hooks(cluster: Cluster) -> set[str]:
    commands = {
        tuple(spec["driver"]["lifecycle"]["preStop"]["exec"]["command"]) for spec in applications(cluster.overlay)
    }
    return {script for shell, option, script in commands if (shell, option) == ("sh", "-c")}


def test_an_hour(cluster: Cluster, store: Store, warehouse: Warehouse) -> None:
    """The deployment, a batch on two executors of which one is killed, the warehouse's graph, dbt, the verdict, table care."""
    found = pods(cluster.overlay)
    pod = found["schemachange-deploy"]
    assert "Completed successfully" in succeed(cluster.run(pod, pod["containers"][0]))

    executors = cluster.submitted("batch-ingest", "local-cluster[2,2,2304]")
    with subprocess.Popen(executors, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as driver:
        killed = _kill_an_executor(driver)
        printed, _ = driver.communicate(timeout=900)
    assert (driver.returncode, killed) == (0, True), printed[-4000:]
    published = {key for key in store.keys(LANDING) if key.startswith("_manifests/")}
    (batch_id,) = (Path(key).stem for key in published)
    assert cluster.traces.of(batch_id)["publish"].failed is False

    store.to_the_warehouse()
    assert [one["status"] for one in warehouse.call("ops.load_pending()")["batches"]] == ["loaded"]
    warehouse.call("ops.flag_quality()")
    store.from_the_warehouse()

    for name in ("dbt-build", "reconcile"):
        for container in containers(found[name]):
            succeed(cluster.run(found[name], container))
            store.to_the_warehouse()
    assert warehouse.query("SELECT date, verdict FROM recon.latest_runs") == [(DAY, "agree")]
    traced = {
        (one.service, one.name) for one in cluster.traces.spans if one.trace_id == trace_of(batch_id) and not one.failed
    }
    assert traced >= {("dbt", "dbt build"), ("reconcile", "extract"), ("reconcile", "run")}
    assert f"{DAY}" in (cluster.claim("reports") / "reconciliation.html").read_text(encoding="utf-8")

    care = subprocess.run(
        cluster.submitted("table-care", "local[2]"), capture_output=True, text=True, timeout=900, check=False
    )
    succeed(care)


def _kill_an_executor(driver: subprocess.Popen[str]) -> bool:
    """Kill one of the driver's executors with SIGKILL once it is there; False where the driver ends before."""
    while driver.poll() is None:
        for process in _descendants(driver.pid):
            try:
                if b"CoarseGrainedExecutorBackend" in Path(f"/proc/{process}/cmdline").read_bytes():
                    os.kill(process, signal.SIGKILL)
                    return True
            except OSError:
                continue
        time.sleep(0.05)
    return False


def _descendants(parent: int) -> list[int]:
    children = []
    try:
        for task in Path(f"/proc/{parent}/task").iterdir():
            children += [int(child) for child in (task / "children").read_text(encoding="ascii").split()]
    except OSError:
        return []
    return [*children, *(one for child in children for one in _descendants(child))]
