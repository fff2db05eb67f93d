"""Run the real command line tools as a person would, and keep all that each printed in a log file."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from local_stack.errors import StageError
from local_stack.layout import REPO

_TAIL_LINES = 15


@dataclass(frozen=True)
class Programs:
    """Programs whose logs are numbered files of one folder, in the order in which they were started."""

    logs: Path
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def log_file(self, stage: str) -> Path:
        """Return the next log file's path; its folder exists."""
        self.logs.mkdir(parents=True, exist_ok=True)
        return self.logs / f"{next(self._numbers):02d}-{stage.replace(' ', '-')}.log"

    def run(
        self,
        stage: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        cwd: Path = REPO,
    ) -> str:
        """Run a program to its end; return what it printed on standard output.

        Raises StageError naming the log file when it does not exit with 0.
        """
        log = self.log_file(stage)
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
        if process.returncode:
            raise StageError(stage, f"{command[0]} exited with code {process.returncode}", log, tail_of(log))
        return output


def tail_of(log: Path) -> str:
    """Return the last lines of a log file."""
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:])
