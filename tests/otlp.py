"""A collector of traces on the loopback: takes OTLP by HTTP, and keeps the spans.

See: https://opentelemetry.io/docs/specs/otlp/#otlphttp-request
"""

from __future__ import annotations

import gzip
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Span:
    """One span as it came, ids in hex."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    seconds: float
    failed: bool
    attributes: dict[str, Any]
    service: str


@dataclass
class Collector:
    """A running collector: where it is, and what has come."""

    url: str
    spans: list[Span]

    def of(self, batch_id: str) -> dict[str, Span]:
        """The spans of a batch's trace by name."""
        return {span.name: span for span in self.spans if span.trace_id == batch_id.replace("-", "")}


@contextmanager
def collector(named: pytest.MonkeyPatch | None = None) -> Iterator[Collector]:
    """Take traces until the end of the block. named: sets the standard variable that names it, and no other of them."""
    spans: list[Span] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            known = self.path == "/v1/traces" and self.headers["Content-Type"] == "application/x-protobuf"
            if known:
                spans.extend(_spans(body))
            self.send_response(200 if known else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        running = Collector(f"http://127.0.0.1:{server.server_port}", spans)
        if named is not None:
            for variable in [name for name in os.environ if name.startswith("OTEL_")]:
                named.delenv(variable)
            named.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", running.url)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield running
        finally:
            server.shutdown()
            thread.join()


def _spans(body: bytes) -> Iterator[Span]:
    request = ExportTraceServiceRequest()
    request.ParseFromString(body)
    for resource in request.resource_spans:
        about = {one.key: _value(one.value) for one in resource.resource.attributes}
        for span in (span for scope in resource.scope_spans for span in scope.spans):
            yield Span(
                span.name,
                span.trace_id.hex(),
                span.span_id.hex(),
                span.parent_span_id.hex(),
                (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
                span.status.code == 2,
                {one.key: _value(one.value) for one in span.attributes},
                str(about.get("service.name")),
            )


def _value(value: Any) -> Any:
    return getattr(value, value.WhichOneof("value"))
