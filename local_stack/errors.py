"""Errors of the laptop stack.

StackError
├── BusyError       another command works in the same state folder
├── EndpointError   the local Snowflake endpoint does not start, stop or answer
└── StageError      a stage of the pipeline failed; names the stage and its log
"""

from __future__ import annotations

from pathlib import Path

PORT_TAKEN = 75  # exit code of the endpoint's process when another program has its port (EX_TEMPFAIL)


class StackError(Exception):
    """Base of everything that `python -m local_stack` reports in one sentence."""


class BusyError(StackError):
    """Another command works in the state folder."""


class EndpointError(StackError):
    """The endpoint's process is not as it should be."""


class StageError(StackError):
    """A stage's command failed. log holds all that it printed; tail its last lines."""

    def __init__(self, stage: str, reason: str, log: Path | None = None, tail: str = "") -> None:
        where = f" (all of it: {log})" if log else ""
        super().__init__(f"stage '{stage}' failed: {reason}{where}" + (f"\n{tail}" if tail else ""))
        self.stage, self.log = stage, log
