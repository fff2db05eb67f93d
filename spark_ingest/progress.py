"""Shows what a command is doing: a live line on a terminal, one JSON line per finished stage in the log."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from monitoring.traces import trace_of
from spark_ingest.errors import ConfigError


@dataclass
class Stage:
    """A stage in progress: put what it counted into `counts`."""

    name: str
    counts: dict[str, int | str] = field(default_factory=dict)


@dataclass(frozen=True)
class Finished:
    """A stage that has ended. start_ns, end_ns: nanoseconds since 1970."""

    name: str
    start_ns: int
    end_ns: int
    succeeded: bool
    counts: dict[str, int | str]


@dataclass
class Progress:
    """Stages of one command. seconds: by finished stage, in order; finished: every stage that has ended.

    context: what each line of the log says as well. Where it has a batch's id, it has the id of that batch's trace (tracing.py).
    """

    command: str
    log: Path | None = None
    console: Console = field(default_factory=lambda: Console(stderr=True, highlight=False))
    seconds: dict[str, float] = field(default_factory=dict)
    context: dict[str, str] = field(default_factory=dict)
    finished: list[Finished] = field(default_factory=list)

    def concerns(self, batch_id: str) -> None:
        """Say which batch the stages from now on (the running one, too) are about."""
        self.context |= {"batch_id": batch_id, "trace_id": trace_of(batch_id)}

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """Run a stage: shown while it lasts, timed, logged with its outcome."""
        stage, start, start_ns = Stage(name), time.monotonic(), time.time_ns()
        status = "failed"
        try:
            with self.console.status(f"{name} …"):
                yield stage
            status = "succeeded"
        finally:
            self.seconds[name] = round(time.monotonic() - start, 3)
            end_ns = start_ns + round(self.seconds[name] * 1e9)
            self.finished.append(Finished(name, start_ns, end_ns, status == "succeeded", stage.counts))
            self._record(stage, status)
        if self.console.is_terminal:
            told = ", ".join(f"{_told(value)} {key.replace('_', ' ')}" for key, value in stage.counts.items())
            self.console.print(f"[green]✓[/] {name} [dim]({self.seconds[name]:.1f} s{', ' if told else ''}{told})[/]")

    def _record(self, stage: Stage, status: str) -> None:
        if self.log is None:
            return
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "command": self.command,
            **self.context,
            "stage": stage.name,
            "status": status,
            "seconds": self.seconds[stage.name],
            **stage.counts,
        }
        try:
            self.log.parent.mkdir(parents=True, exist_ok=True)
            with self.log.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(line, ensure_ascii=False) + "\n")
        except OSError as error:
            raise ConfigError(f"log {self.log} cannot be written: {error.strerror}") from error


def _told(value: int | str) -> str:
    return f"{value:,}" if isinstance(value, int) else value
