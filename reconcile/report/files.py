"""Writes a report where it was asked for."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from reconcile.errors import ReconcileError


class ReportError(ReconcileError):
    """The report cannot be written where it was asked for."""

    exit_code = 2


def write(text: str, target: Path) -> None:
    """Write a file, replacing an older one only when it is complete. Raises ReportError."""
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, encoding="utf-8")
        partial.replace(target)
    except OSError as error:
        raise ReportError(f"cannot write the report {target}: {error.strerror}") from error
    finally:
        with suppress(OSError):
            partial.unlink()
