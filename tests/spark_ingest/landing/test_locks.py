"""One run at a time on a landing: on S3 by a lease, against moto's server over HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from spark_ingest.config import IngestConfig
from spark_ingest.errors import LandingError, RunConflict
from spark_ingest.landing.batches import Landing
from spark_ingest.landing.history import History
from spark_ingest.landing.locks import LEASE_SECONDS, S3Lease
from spark_ingest.landing.storage import S3Storage
from tests.aws import REGION, aws

BUCKET, KEY = "ecommerce-landing", "prefix/_locks/run.lock"


@pytest.fixture
def client() -> Iterator[Any]:
    with aws(BUCKET) as made:
        yield made


@pytest.fixture
def storage(client: Any, monkeypatch: pytest.MonkeyPatch) -> S3Storage:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    return S3Storage(f"s3://{BUCKET}/landing", _config(client))


def _config(client: Any) -> IngestConfig:
    return IngestConfig(
        warehouse="lake", landing=f"s3://{BUCKET}", s3_endpoint=client.meta.endpoint_url, s3_region=REGION
    )


def test_one_of_two_holds_it_and_gives_it_back(client: Any) -> None:
    first, second = S3Lease(client, BUCKET, KEY), S3Lease(client, BUCKET, KEY)
    with first.held() as check:
        check()
        with (
            pytest.raises(RunConflict, match=r"another run \(process \d+\) holds s3://ecommerce-landing/prefix"),
            second.held(),
        ):
            pass
    assert "Contents" not in client.list_objects_v2(Bucket=BUCKET)
    with second.held() as check:
        check()


def test_who_is_ended_while_taking_it_leaves_nothing(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    put = client.put_object

    def ended(**arguments: Any) -> None:
        put(**arguments)
        raise KeyboardInterrupt  # the store has written it, and the answer was not read

    monkeypatch.setattr(client, "put_object", ended)
    with pytest.raises(KeyboardInterrupt), S3Lease(client, BUCKET, KEY).held():
        pass
    assert "Contents" not in client.list_objects_v2(Bucket=BUCKET)


def test_a_renewed_lease_stays_and_an_abandoned_one_is_taken_over(client: Any) -> None:
    alive = S3Lease(client, BUCKET, KEY, seconds=2)
    with alive.held() as check:
        time.sleep(4.5)
        check()
        with pytest.raises(RunConflict), S3Lease(client, BUCKET, KEY, seconds=2).held():
            pass
        alive._stop.set()  # as if its process had been killed: nobody renews it
        time.sleep(3.5)
        with S3Lease(client, BUCKET, KEY, seconds=2).held() as successor:
            successor()
            with pytest.raises(RunConflict, match="taken"):
                check()
    assert "Contents" not in client.list_objects_v2(Bucket=BUCKET)


def test_who_lost_it_knows_at_once_and_leaves_the_successors_alone(client: Any) -> None:
    slow = S3Lease(client, BUCKET, KEY)
    with slow.held() as check:
        check()
        client.put_object(Bucket=BUCKET, Key=KEY, Body=b"somebody else")
        with pytest.raises(RunConflict, match="taken"):
            check()
    assert client.get_object(Bucket=BUCKET, Key=KEY)["Body"].read() == b"somebody else"


def test_time_that_the_machine_was_suspended_counts(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The steady clock stands still then: the manifest would be written minutes after another run took over."""
    with S3Lease(client, BUCKET, KEY).held() as check:
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + LEASE_SECONDS + 1)
        with pytest.raises(RunConflict, match="taken"):
            check()


class LostAnswers:
    """A client whose writes arrive, get no answer, and are sent again, as boto3 does by itself."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def put_object(self, **arguments: Any) -> Any:
        self._client.put_object(**arguments)
        return self._client.put_object(**arguments)


def test_a_write_whose_answer_was_lost_is_recognised(client: Any, storage: S3Storage) -> None:
    storage._client = LostAnswers(client)
    with S3Lease(storage._client, BUCKET, KEY).held() as check:
        check()
    assert storage.create("_manifests/1.json", b"ours")
    assert storage.read("_manifests/1.json") == b"ours"
    assert not S3Storage(storage.root, _config(client)).create("_manifests/1.json", b"another run's")


def test_uploads_of_killed_runs_are_given_up(client: Any, storage: S3Storage) -> None:
    for key in ("landing/user_sessions/batch_id=1/part.parquet", "other/part.parquet"):
        client.create_multipart_upload(Bucket=BUCKET, Key=key)
    assert Landing(storage).remove_unpublished(History()) == 1
    left = client.list_multipart_uploads(Bucket=BUCKET)["Uploads"]
    assert [upload["Key"] for upload in left] == ["other/part.parquet"]


def test_a_store_that_is_not_there_is_named(client: Any) -> None:
    with (
        pytest.raises(LandingError, match=r"s3://nowhere/run\.lock cannot be written"),
        S3Lease(client, "nowhere", "run.lock").held(),
    ):
        pass
