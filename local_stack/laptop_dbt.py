"""dbt in this process, so that its import and its reading of the project happen once and beside other work.

See: https://docs.getdbt.com/reference/programmatic-invocations
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from local_stack.errors import StageError
from local_stack.programs import Programs, tail_of

if TYPE_CHECKING:
    from dbt.cli.main import dbtRunnerResult
    from dbt.contracts.graph.manifest import Manifest

_DONE = "Done. "


class LaptopDbt:
    """The project of DBT_PROJECT_DIR, run with an environment of variables; artefacts go to a folder of its own."""

    def __init__(self, programs: Programs, environment: Mapping[str, str], target: Path) -> None:
        self._programs, self._environment, self._target = programs, dict(environment), target
        self._manifest: Manifest | None = None

    def parse(self) -> None:
        """Read the project, once for all later commands. Raises StageError."""
        self._invoke("parse")

    def build(self) -> str:
        """Build every model and run the tests of the hourly run; return dbt's own count of the results.

        Raises StageError with the last lines of the log when a model or a test fails.
        """
        lines = self._invoke("build", "--selector", "hourly")
        counts = next((line for line in reversed(lines) if line.startswith(_DONE)), _DONE)
        return counts.removeprefix(_DONE)

    def _invoke(self, command: str, *arguments: str) -> list[str]:
        from dbt.cli.main import dbtRunner

        os.environ.update(self._environment)
        lines: list[str] = []
        log = self._programs.log_file(f"dbt {command}")
        with log.open("w", encoding="utf-8") as stream:

            def keep(event: Any) -> None:
                if event.info.level in ("info", "warn", "error"):
                    lines.append(event.info.msg)
                    stream.write(event.info.msg + "\n")

            options = ["--no-use-colors", "--log-level", "none", "--log-level-file", "none"]
            with warnings.catch_warnings():
                result = dbtRunner(self._manifest, [keep]).invoke(
                    [command, *arguments, "--target-path", str(self._target), *options]
                )
            _write_failure(result, stream)
        if not result.success:
            if isinstance(result.exception, KeyboardInterrupt):
                raise result.exception
            raise StageError("dbt", f"dbt {command} failed", log, tail_of(log))
        if command == "parse":
            self._manifest = cast("Manifest", result.result)
        return lines


def _write_failure(result: dbtRunnerResult, stream: Any) -> None:
    if result.exception is not None:
        stream.write(f"{result.exception}\n")
