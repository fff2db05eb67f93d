"""AWS as moto's server over HTTP, empty at every start (moto keeps its state per process, not per server)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any

import boto3
from moto.server import ThreadedMotoServer

from tests.conftest import free_port

REGION = "us-east-1"


@contextmanager
def aws(*buckets: str) -> Iterator[Any]:
    """A server with these empty buckets; yields an S3 client, whose endpoint is client.meta.endpoint_url."""
    server = ThreadedMotoServer("127.0.0.1", free_port(), verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        url = f"http://{host}:{port}"
        connection = HTTPConnection(host, port, timeout=30)
        connection.request("POST", "/moto-api/reset")
        assert connection.getresponse().status == 200
        connection.close()
        credentials = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        client = boto3.client("s3", endpoint_url=url, region_name=REGION, **credentials)
        for bucket in buckets:
            client.create_bucket(Bucket=bucket)
        yield client
    finally:
        server.stop()
