"""Tells a collector what a command did, stage by stage. A run that was killed and the one that makes it good are one trace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from monitoring.traces import Step, tell, wanted
from spark_ingest.progress import Progress

_SERVICE = "spark_ingest"


@contextmanager
def traced(progress: Progress) -> Iterator[None]:
    """Tell of a command's stages when it ends, where the standard variables name a collector."""
    try:
        yield
    finally:
        if progress.finished and wanted(_SERVICE):
            stages = [
                Step(stage.name, stage.start_ns, stage.end_ns, stage.succeeded, stage.counts)
                for stage in progress.finished
            ]
            end_ns = max(stage.end_ns for stage in stages)
            command = Step(progress.command, stages[0].start_ns, end_ns, stages[-1].succeeded)
            tell(_SERVICE, command, stages, progress.context.get("batch_id"))
