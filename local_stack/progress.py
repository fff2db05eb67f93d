"""Show what each stage is doing and how long it took; several may be under way at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.status import Status

# What a stage runs on, for the account of where the time went.
SPARK, DBT, WAREHOUSE, SPEED_LAYER, SET_UP = "Spark", "dbt", "warehouse procedures", "speed layer", "set-up"


@dataclass
class Note:
    """A stage's one-line result, shown when it has ended."""

    text: str = ""


@dataclass(frozen=True)
class Span:
    """One ended stage. start and end: seconds since the display was made. kind: what the stage ran on."""

    what: str
    kind: str
    start: float
    end: float

    @property
    def seconds(self) -> float:
        """Return how long the stage took."""
        return self.end - self.start


class Progress:
    """A running account on a console: a spinner on a terminal, a line per ended stage everywhere.

    Stages may run in several threads; each line appears when its stage has ended. spans: the ended stages, in that order.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.spans: list[Span] = []
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._running: list[str] = []
        self._status: Status | None = None
        self._given_up = False

    @property
    def seconds(self) -> float:
        """Return the time since the display was made."""
        return time.monotonic() - self._began

    def heading(self, text: str) -> None:
        """Print the title of the stages that follow."""
        self.console.print(f"\n[bold]{escape(text)}[/bold]")

    def give_up(self) -> None:
        """Tell that the command has failed: stages still under way are ended, and that is not their fault."""
        self._given_up = True

    @contextmanager
    def stage(self, what: str, kind: str = "") -> Iterator[Note]:
        """Time a stage. What is set as the note's text is shown beside its name. kind defaults to the stage's name."""
        start, note = self.seconds, Note()
        self._change(lambda: self._running.append(what))
        mark = "[red]✗[/red]"
        try:
            yield note
            mark = "[green]✓[/green]"
        except BaseException:
            if self._given_up:
                mark, note.text = "[dim]–[/dim]", "not finished"
            raise
        finally:
            span = Span(what, kind or what, start, self.seconds)
            self._change(lambda: self._end(span))
            detail = f" — {escape(note.text)}" if note.text else ""
            took = f"[dim]{span.seconds:.1f} s[/dim]"
            self.console.print(f"  {mark} {escape(what)}{detail}  {took}", soft_wrap=True)

    def _end(self, span: Span) -> None:
        self._running.remove(span.what)
        self.spans.append(span)

    def _change(self, change: Callable[[], None]) -> None:
        """Change what is under way, and with it what the spinner shows."""
        with self._lock:
            change()
            if not self.console.is_terminal:
                return
            if self._running and self._status is None:
                self._status = self.console.status("")
                self._status.start()
            if self._status is not None:
                if self._running:
                    self._status.update(" · ".join(escape(what) for what in self._running))
                else:
                    self._status.stop()
                    self._status = None
