"""One run at a time on a landing: on S3 by a lease, against moto's server over HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from spark_ingest.errors import LandingError, RunConflict
from spark_ingest.locks import S3Lease
from tests.aws import aws

BUCKET, KEY = "ecommerce-landing", "prefix/_locks/run.lock"


@pytest.fixture
def client() -> Iterator[Any]:
    with aws(BUCKET) as made:
        yield made


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


def test_who_lost_it_leaves_the_successors_alone(client: Any) -> None:
    slow = S3Lease(client, BUCKET, KEY, seconds=2)
    with slow.held():
        client.put_object(Bucket=BUCKET, Key=KEY, Body=b"somebody else")
        time.sleep(1.5)  # a renewal fails in between
        with pytest.raises(RunConflict):
            slow.check()
    assert client.get_object(Bucket=BUCKET, Key=KEY)["Body"].read() == b"somebody else"


def test_a_store_that_is_not_there_is_named(client: Any) -> None:
    with (
        pytest.raises(LandingError, match=r"s3://nowhere/run\.lock cannot be written"),
        S3Lease(client, "nowhere", "run.lock").held(),
    ):
        pass
