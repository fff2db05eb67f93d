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
_FRESHNESS = ("pass", "warn", "error")


class LaptopDbt:
    """The project of DBT_PROJECT_DIR, run with an environment of variables; artefacts go to a folder of its own."""

    def __init__(self, programs: Programs, environment: Mapping[str, str], target: Path) -> None:
        self._programs, self._environment, self._target = programs, dict(environment), target
        self._manifest: Manifest | None = None

    def parse(self) -> None:
        """Read the project, once for all later commands. Raises StageError."""
        result, _ = self._succeeded("parse")
        self._manifest = cast("Manifest", result.result)

    def build(self) -> str:
        """Build every model and run the tests of the selector `laptop`; return dbt's own count of the results, and what warns.

        Raises StageError with the last lines of the log when a model or a test fails.
        """
        result, lines = self._succeeded("build", "--selector", "laptop")
        counts = next((line for line in reversed(lines) if line.startswith(_DONE)), _DONE)
        nodes = getattr(result.result, "results", ())
        warned = [f"{each.node.name} ({each.failures})" for each in nodes if each.status == "warn"]
        return "; ".join([counts.removeprefix(_DONE), *warned])

    def stale_sources(self) -> list[str]:
        """Ask for the freshness of the sources, as the hourly run does; return each that is too old, with its newest change.

        An old source is no failure: a lake of one's own changes when its owner likes. Raises StageError when dbt cannot tell.
        """
        command = ("source", "freshness")
        result, _, log = self._invoke(*command)
        found = getattr(result.result, "results", None)
        if found is None:
            raise _failed(" ".join(command), log, result)
        found = [each for each in found if each.node.resource_type == "source"]  # and not the project's hook
        if any(each.status not in _FRESHNESS for each in found):
            raise _failed(" ".join(command), log, result)
        old = [each for each in found if each.status != "pass"]
        return [f"{each.node.source_name}.{each.node.name} of {each.max_loaded_at:%Y-%m-%d %H:%M}" for each in old]

    def _succeeded(self, command: str, *arguments: str) -> tuple[dbtRunnerResult, list[str]]:
        result, lines, log = self._invoke(command, *arguments)
        if not result.success:
            raise _failed(command, log, result)
        return result, lines

    def _invoke(self, command: str, *arguments: str) -> tuple[dbtRunnerResult, list[str], Path]:
        """Run a command; return its result, what it told, and its log."""
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
        if isinstance(result.exception, KeyboardInterrupt):
            raise result.exception
        return result, lines, log


def _failed(command: str, log: Path, result: dbtRunnerResult) -> StageError:
    error = StageError("dbt", f"dbt {command} failed", log, tail_of(log))
    error.__cause__ = result.exception
    return error


def _write_failure(result: dbtRunnerResult, stream: Any) -> None:
    if result.exception is not None:
        stream.write(f"{result.exception}\n")
