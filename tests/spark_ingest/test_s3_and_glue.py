"""The whole job on S3: lake, staged output and manifest in moto's S3 over HTTP, the catalog in its Glue."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.aws import REGION, aws
from tests.spark_ingest.rows import named
from tests.spark_ingest.test_cli import EVENT, environment

pytestmark = [pytest.mark.spark, pytest.mark.integration]
LAKE, LANDING = "data-s3-bucket", "ecommerce-landing"


@dataclass(frozen=True)
class Store:
    """An S3 with two empty buckets, and the job's settings to use it."""

    client: Any
    settings: dict[str, str]

    @classmethod
    def at(cls, client: Any, **catalog: str) -> Store:
        """The job's settings for lake and landing at a client's server. catalog: the settings CATALOG_… by their names."""
        settings = {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "SPARK_INGEST_WAREHOUSE": f"s3://{LAKE}",
            "SPARK_INGEST_LANDING": f"s3://{LANDING}",
            "SPARK_INGEST_S3_ENDPOINT": client.meta.endpoint_url,
            "SPARK_INGEST_S3_REGION": REGION,
        }
        return cls(
            client, settings | {f"SPARK_INGEST_CATALOG_{name.upper()}": value for name, value in catalog.items()}
        )

    def keys(self, bucket: str) -> list[str]:
        return [item["Key"] for item in self.client.list_objects_v2(Bucket=bucket).get("Contents", [])]

    def read(self, bucket: str, key: str) -> bytes:
        content: bytes = self.client.get_object(Bucket=bucket, Key=key)["Body"].read()
        return content

    def spark_ingest(self, root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "spark_ingest", *arguments]
        settings = {**environment(root), **self.settings}
        return subprocess.run(command, cwd=root, env=settings, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture
def store() -> Iterator[Store]:
    with aws(LAKE, LANDING) as client:
        yield Store.at(client, type="glue", uri=client.meta.endpoint_url)


def test_glue(store: Store, tmp_path: Path) -> None:
    """A missing table, an append, a batch, and nothing new: as on a folder, with nothing on the local disk."""
    events = tmp_path / "events.parquet"
    pq.write_table(pa.Table.from_pylist([EVENT, EVENT | {"event_id": named("event 1")}]), events)
    missing = store.spark_ingest(tmp_path, "run")
    assert missing.returncode == 4
    assert "table ecommerce.user_events does not exist" in missing.stderr

    appended = store.spark_ingest(tmp_path, "append", "--id", "one", "--events", str(events))
    assert (appended.returncode, appended.stderr) == (0, "")
    assert "user_events: 2 rows appended" in appended.stdout
    assert _terminated(store, tmp_path) == 143
    assert store.keys(LANDING) == []  # the lease is given back
    done = store.spark_ingest(tmp_path, "run")
    assert done.returncode == 0, done.stderr
    (key,) = (key for key in store.keys(LANDING) if "_manifests/" in key)
    datasets = json.loads(store.read(LANDING, key))["datasets"]
    (staged,) = datasets["user_sessions"]["files"]
    content = store.read(LANDING, staged["path"])
    assert len(content) == staged["bytes"]
    assert pq.read_table(io.BytesIO(content))["event_count"].to_pylist() == [1]
    assert datasets["user_events"]["handling"] == "passthrough"
    (passed,) = datasets["user_events"]["files"]
    assert len(store.read(LAKE, passed["path"])) == passed["bytes"]
    assert not any("_locks/" in key for key in store.keys(LANDING))

    again = store.spark_ingest(tmp_path, "run")
    assert (again.returncode, again.stdout) == (0, "Nothing new in the lake: no batch was published.\n")
    assert not (tmp_path / "landing").exists()
    assert not (tmp_path / "warehouse").exists()


def _terminated(store: Store, root: Path) -> int:
    """Start a run, ask it to end once it holds the landing, and wait: its exit code."""
    command = [sys.executable, "-m", "spark_ingest", "run"]
    settings = {**environment(root), **store.settings}
    with subprocess.Popen(command, cwd=root, env=settings, stderr=subprocess.DEVNULL) as running:
        while not store.keys(LANDING) and running.poll() is None:
            time.sleep(0.05)
        running.terminate()
        return running.wait(timeout=120)


def test_a_bucket_that_does_not_exist(store: Store, tmp_path: Path) -> None:
    store.settings["SPARK_INGEST_LANDING"] = "s3://nowhere"
    done = store.spark_ingest(tmp_path, "run")
    assert done.returncode == 5
    assert "s3://nowhere" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
