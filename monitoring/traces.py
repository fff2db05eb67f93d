"""Tells a collector what a command did, as spans by OTLP and as lines of JSON. The only module that touches OpenTelemetry.

Off unless the standard variables name a collector. See: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

from __future__ import annotations

import json
import logging
import os
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TextIO

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_SPOKEN = "http/protobuf"


@dataclass(frozen=True)
class Step:
    """A command, or a stage of it, that has ended. start_ns, end_ns: nanoseconds since 1970. told: what it counted or found."""

    name: str
    start_ns: int
    end_ns: int
    succeeded: bool
    told: Mapping[str, int | str] = field(default_factory=dict)


def trace_of(batch_id: str) -> str:
    """Return the id of a batch's trace: the batch's own, a UUID, without hyphens. All that is done for a batch is one trace."""
    return batch_id.replace("-", "")


def wanted(service: str) -> bool:
    """Whether the standard variables ask for traces; a protocol or an exporter that is not spoken here is told on stderr."""
    variables = os.environ
    if variables.get("OTEL_SDK_DISABLED", "").lower() == "true" or not any(variables.get(name) for name in _ENDPOINTS):
        return False
    exporter = variables.get("OTEL_TRACES_EXPORTER") or "otlp"
    protocol = next((variables[name] for name in _PROTOCOLS if variables.get(name)), _SPOKEN)
    if exporter == "none":
        return False
    if exporter != "otlp" or protocol != _SPOKEN:
        _say(service, f"traces go by the exporter otlp with {_SPOKEN}, not by {exporter} with {protocol}")
        return False
    return True


def tell(
    service: str, command: Step, stages: Sequence[Step], batch_id: str | None = None, lines: TextIO | None = None
) -> None:
    """Send a span of the command with one of each stage inside, in the batch's trace; without a batch, in a trace of their own.

    lines: where a line of JSON is written for each as well. What cannot be sent is told on stderr, no more.
    """
    trace_id = trace_of(batch_id) if batch_id else uuid.uuid4().hex
    named = {"batch_id": batch_id} if batch_id else {}
    if lines is not None:
        for stage in (*stages, command):
            line = {
                "time": datetime.fromtimestamp(stage.end_ns / 1e9, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                "command": command.name,
                **named,
                "trace_id": trace_id,
                **({} if stage is command else {"stage": stage.name}),
                "status": "succeeded" if stage.succeeded else "failed",
                "seconds": round((stage.end_ns - stage.start_ns) / 1e9, 3),
                **stage.told,
            }
            lines.write(json.dumps(line, ensure_ascii=False) + "\n")
    _send(service, command, stages, trace_id, batch_id)


def _send(service: str, command: Step, stages: Sequence[Step], trace_id: str, batch_id: str | None) -> None:
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

    class Given(RandomIdGenerator):  # type: ignore[misc]
        def generate_trace_id(self) -> int:
            return int(trace_id, 16)

    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # what fails is told below, in a sentence
    resource = Resource.create(None if os.environ.get("OTEL_SERVICE_NAME") else {SERVICE_NAME: service})
    provider, kept = TracerProvider(resource=resource, id_generator=Given()), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracer = provider.get_tracer(service)

    def started(step: Step, inside: Any = None) -> Any:
        named = {"batch.id": batch_id} if batch_id else {}
        told = {f"stage.{key}": value for key, value in step.told.items()}
        span = tracer.start_span(step.name, inside, start_time=step.start_ns, attributes={**named, **told})
        span.set_status(trace.StatusCode.OK if step.succeeded else trace.StatusCode.ERROR)
        return span

    whole = started(command)
    for stage in stages:
        started(stage, trace.set_span_in_context(whole)).end(stage.end_ns)
    whole.end(command.end_ns)
    exporter = OTLPSpanExporter()
    if exporter.export(kept.get_finished_spans()) is not SpanExportResult.SUCCESS:
        _say(service, "the run's trace cannot be sent to the collector that OTEL_EXPORTER_OTLP_ENDPOINT names")
    exporter.shutdown()
    provider.shutdown()


def _say(service: str, sentence: str) -> None:
    print(f"{service}: {sentence}", file=sys.stderr)
