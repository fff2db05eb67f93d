"""Show what each stage is doing and how long it took; keep all that it printed in a log file."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from local_stack.errors import StackError, StageError
from local_stack.layout import REPO

_TAIL_LINES = 15


@dataclass
class Note:
    """A stage's one-line result, shown when it has ended."""

    text: str = ""


@dataclass(frozen=True)
class Output:
    """How a program ended."""

    code: int
    text: str


class Progress:
    """A running account on a console: a spinner on a terminal, a line per ended stage everywhere."""

    def __init__(self, console: Console, logs: Path) -> None:
        self.console, self.logs = console, logs
        self._count = 0

    def heading(self, text: str) -> None:
        self.console.print(f"\n[bold]{escape(text)}[/bold]")

    @contextmanager
    def stage(self, what: str) -> Iterator[Note]:
        """Time a stage. What is set as the note's text is shown beside its name."""
        started = time.monotonic()
        note = Note()
        try:
            with self.console.status(escape(what)):
                yield note
        except StackError:
            self.console.print(
                f"  [red]✗[/red] {escape(what)}  [dim]{time.monotonic() - started:.1f} s[/dim]", soft_wrap=True
            )
            raise
        detail = f" — {escape(note.text)}" if note.text else ""
        took = f"[dim]{time.monotonic() - started:.1f} s[/dim]"
        self.console.print(f"  [green]✓[/green] {escape(what)}{detail}  {took}", soft_wrap=True)

    def command(
        self,
        stage: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        cwd: Path = REPO,
        allowed: Collection[int] = (0,),
    ) -> Output:
        """Run a program to its end; return its exit code and what it printed on standard output.

        Raises StageError naming the log file when it exits with a code that is not among the allowed.
        """
        self._count += 1
        self.logs.mkdir(parents=True, exist_ok=True)
        log = self.logs / f"{self._count:02d}-{stage.replace(' ', '-')}.log"
        with log.open("w", encoding="utf-8") as errors:
            process = subprocess.Popen(
                command,
                cwd=cwd,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                errors="replace",
            )
            try:
                output, _ = process.communicate()
            except BaseException:
                process.terminate()
                process.wait()
                raise
        with log.open("a", encoding="utf-8") as file:
            file.write(output)
        if process.returncode not in allowed:
            tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:])
            raise StageError(stage, f"{command[0]} exited with code {process.returncode}", log, tail)
        return Output(process.returncode, output)
