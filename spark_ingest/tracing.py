"""Tells a collector of traces what a command did, stage by stage, by OTLP. The only module that touches OpenTelemetry.

Off unless the standard variables name a collector. A batch's trace has the batch's own id: a run that was killed and the one that
makes it good are one trace. See: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from spark_ingest.progress import Finished, Progress

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_SPOKEN = "http/protobuf"


@contextmanager
def traced(progress: Progress) -> Iterator[None]:
    """Tell of a command's stages when it ends, where a collector is named. What cannot be sent is told on stderr, no more."""
    try:
        yield
    finally:
        if progress.finished and _wanted(os.environ):
            _send(progress)


def _wanted(variables: Mapping[str, str]) -> bool:
    """Whether the standard variables ask for traces; a protocol or an exporter that is not spoken here is told on stderr."""
    if variables.get("OTEL_SDK_DISABLED", "").lower() == "true" or not any(variables.get(name) for name in _ENDPOINTS):
        return False
    exporter = variables.get("OTEL_TRACES_EXPORTER") or "otlp"
    protocol = next((variables[name] for name in _PROTOCOLS if variables.get(name)), _SPOKEN)
    if exporter == "none":
        return False
    if exporter != "otlp" or protocol != _SPOKEN:
        _tell(f"traces go by the exporter otlp with {_SPOKEN}, not by {exporter} with {protocol}")
        return False
    return True


def _send(progress: Progress) -> None:
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

    class OfBatch(RandomIdGenerator):  # type: ignore[misc]
        def generate_trace_id(self) -> int:
            of_batch = progress.context.get("trace_id")
            return int(of_batch, 16) if of_batch else super().generate_trace_id()

    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # what fails is told below, in a sentence
    resource = Resource.create(None if os.environ.get("OTEL_SERVICE_NAME") else {SERVICE_NAME: "spark_ingest"})
    provider, kept = TracerProvider(resource=resource, id_generator=OfBatch()), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracer = provider.get_tracer("spark_ingest")
    named = {"batch.id": progress.context["batch_id"]} if "batch_id" in progress.context else {}
    stages = progress.finished
    whole = tracer.start_span(progress.command, start_time=stages[0].start_ns, attributes=named)
    for stage in stages:
        counts = {f"stage.{key}": value for key, value in stage.counts.items()}
        inside = trace.set_span_in_context(whole)
        span = tracer.start_span(stage.name, inside, start_time=stage.start_ns, attributes={**named, **counts})
        span.set_status(_status(stage))
        span.end(stage.end_ns)
    whole.set_status(_status(stages[-1]))
    whole.end(max(stage.end_ns for stage in stages))
    exporter = OTLPSpanExporter()
    if exporter.export(kept.get_finished_spans()) is not SpanExportResult.SUCCESS:
        _tell("the run's trace cannot be sent to the collector that OTEL_EXPORTER_OTLP_ENDPOINT names")
    exporter.shutdown()
    provider.shutdown()


def _status(stage: Finished) -> Any:
    from opentelemetry.trace import StatusCode

    return StatusCode.OK if stage.succeeded else StatusCode.ERROR


def _tell(told: str) -> None:
    print(f"spark_ingest: {told}", file=sys.stderr)
