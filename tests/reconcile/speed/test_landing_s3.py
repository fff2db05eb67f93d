"""The landing on S3: moto's server over HTTP, through Arrow's own client."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from reconcile.errors import LandingError
from reconcile.speed.connection import open_speed_layer
from reconcile.speed.extraction import extract_day
from reconcile.speed.landing import Landing
from reconcile.speed.names import manifest_path
from tests.aws import aws
from tests.reconcile.speed.tables import COLUMNS, TABLE, config, ddl, run

pytestmark = pytest.mark.clickhouse

DAY = date(2024, 1, 15)
BUCKET = "ecommerce-landing"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of an S3 with one empty bucket. Its endpoint is client.meta.endpoint_url."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with aws(BUCKET) as client:
        yield client


def test_snapshot_and_manifest_on_s3(s3: Any, tmp_path: Path) -> None:
    run(
        tmp_path / "speed",
        ddl(COLUMNS),
        f"INSERT INTO {TABLE} SELECT generateUUIDv4(), NULL, 'gold', toDateTime64('2024-01-15 10:00:00', 6, 'UTC'),"
        " toDateTime64('2024-01-15 11:00:00', 6, 'UTC'), 1, 1, 1, 1, 1, 2.50 FROM numbers(4)",
    )
    settings = config(tmp_path / "speed", f"s3://{BUCKET}/below/here/", s3_endpoint=s3.meta.endpoint_url)
    with open_speed_layer(settings) as speed_layer:
        found = extract_day(speed_layer, Landing(settings), DAY)
        again = extract_day(speed_layer, Landing(settings), DAY)
    assert (found.outcome, again.outcome, found.money) == ("published", "unchanged", "10.00")
    objects = s3.list_objects_v2(Bucket=BUCKET)["Contents"]
    manifest_key = f"below/here/{manifest_path(DAY, found.extracted_at, found.extraction_id)}"
    assert [one["Key"] for one in objects if one["Size"]] == [manifest_key, f"below/here/{found.path}"]
    manifest = json.load(s3.get_object(Bucket=BUCKET, Key=manifest_key)["Body"])
    body = s3.get_object(Bucket=BUCKET, Key=f"below/here/{manifest['file']['path']}")["Body"].read()
    assert len(body) == manifest["file"]["bytes"] == found.bytes
    assert pq.read_table(io.BytesIO(body)).num_rows == 4


def test_a_bucket_that_does_not_exist_is_one_sentence(s3: Any, tmp_path: Path) -> None:
    landing = Landing(config(tmp_path, "s3://no-such-bucket", s3_endpoint=s3.meta.endpoint_url))
    with pytest.raises(LandingError, match=r"cannot write .* in the landing s3://no-such-bucket: "):
        landing.put_document({}, "_speed_manifests/x.json")


@pytest.mark.parametrize("endpoint", ["127.0.0.1:9000", "ftp://127.0.0.1"])
def test_a_malformed_endpoint_is_refused(tmp_path: Path, endpoint: str) -> None:
    with pytest.raises(LandingError, match="s3_endpoint"):
        Landing(config(tmp_path, "s3://bucket", s3_endpoint=endpoint))


def test_another_scheme_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LandingError, match=r"landing 'gs://bucket' must be a folder or an s3:// URL"):
        Landing(config(tmp_path, "gs://bucket"))
