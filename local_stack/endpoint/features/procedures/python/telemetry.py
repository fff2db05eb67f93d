"""Record what a handler logs, and what it adds to its span by the package snowflake.telemetry, as rows of an event table.

Loaded by worker.py from its file. Spans of the handler's statements, and those that it makes itself, are not recorded.
See: https://docs.snowflake.com/en/developer-guide/logging-tracing/event-table-columns
"""

from __future__ import annotations

import logging
import sys
import time
import types
import uuid
from typing import Any

# By LOG_LEVEL, from the quietest on.
_LEVELS = {"FATAL": 50, "ERROR": 40, "WARN": 30, "INFO": 20, "DEBUG": 10, "TRACE": 1}
_STANDARD = frozenset(vars(logging.makeLogRecord({})))  # what every record has; the rest came by `extra`


class Recorder(logging.Handler):
    """Hold the rows of one call. levels: LOG_LEVEL and TRACE_LEVEL as they are in effect; OFF where one is missing."""

    def __init__(self, levels: dict[str, str]) -> None:
        super().__init__()
        self._trace_level = levels.get("TRACE_LEVEL", "OFF")
        self._ids = {"trace_id": uuid.uuid4().hex, "span_id": uuid.uuid4().hex[:16]}
        self._began = time.time_ns()
        self._attributes: dict[str, Any] = {}
        self._rows: list[dict[str, Any]] = []
        if levels.get("LOG_LEVEL", "OFF") != "OFF":
            logging.getLogger().addHandler(self)
            logging.getLogger().setLevel(_LEVELS[levels["LOG_LEVEL"]])

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line; the connector's own are none inside Snowflake, where the handler's session needs no client."""
        if record.name.startswith(("snowflake.", "urllib3")):
            return
        severity = next((name for name, level in _LEVELS.items() if record.levelno >= level), "TRACE")
        code = {"code.filepath": record.filename, "code.function": record.funcName, "code.lineno": record.lineno}
        extra = {key: value for key, value in vars(record).items() if key not in _STANDARD}
        fixed = {"severity_text": severity}
        self._add("LOG", time.time_ns(), None, fixed, {**code, **extra}, record.getMessage(), {"name": record.name})

    def module(self) -> types.ModuleType:
        """Return snowflake.telemetry, for this call's span."""
        made = types.ModuleType("snowflake.telemetry")
        vars(made).update(add_event=self._add_event, set_span_attribute=self._set_span_attribute)
        return made

    def ended(self, failed: bool) -> list[dict[str, Any]]:
        """Return the rows; the span is among them where TRACE_LEVEL is ALWAYS, or ON_EVENT and it has an event."""
        has_event = any(row["record_type"] == "SPAN_EVENT" for row in self._rows)
        if self._trace_level == "ALWAYS" or (self._trace_level == "ON_EVENT" and has_event):
            status = {"code": "STATUS_CODE_ERROR" if failed else "STATUS_CODE_UNSET"}
            span = {"kind": "SPAN_KIND_INTERNAL", "status": status}
            self._add("SPAN", time.time_ns(), self._began, span, self._attributes)
        return self._rows

    def _add_event(self, name: str, attributes: dict[str, Any] | None = None) -> None:
        if self._trace_level in ("ALWAYS", "ON_EVENT"):
            self._add("SPAN_EVENT", time.time_ns(), None, {"name": name}, dict(attributes or {}))

    def _set_span_attribute(self, key: str, value: Any) -> None:
        self._attributes[key] = value

    def _add(
        self, kind: str, at: int, start: int | None, record: dict[str, Any], attributes: dict[str, Any],
        value: str | None = None, scope: dict[str, Any] | None = None,
    ) -> None:  # fmt: skip
        self._rows.append(
            {
                "timestamp": at // 1000,
                "start_timestamp": None if start is None else start // 1000,
                "trace": self._ids,
                "scope": scope,
                "record_type": kind,
                "record": record,
                "record_attributes": attributes,
                "value": value,
            }
        )


def install(levels: dict[str, str]) -> Recorder:
    """Record from now on, and let the handler import snowflake.telemetry."""
    import snowflake

    recorder = Recorder(levels)
    sys.modules["snowflake.telemetry"] = module = recorder.module()
    setattr(snowflake, "telemetry", module)  # noqa: B010 (a namespace package has no such attribute to a type checker)
    return recorder
