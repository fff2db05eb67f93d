"""An endpoint for the length of a command: the one that runs, or one of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from local_stack import endpoint_process
from local_stack.client_environment import write_files
from local_stack.endpoint_process import Address
from local_stack.layout import Layout
from local_stack.progress import SET_UP, Progress


@contextmanager
def endpoint(layout: Layout, progress: Progress) -> Iterator[Address]:
    """The running endpoint, or one that lives as long as the block."""
    if found := endpoint_process.running(layout):
        write_files(layout, found)
        yield found
        return
    started: Address | None = None
    try:
        with progress.stage("start the local Snowflake endpoint", SET_UP) as note:
            started = endpoint_process.start(layout, stays=False)
            write_files(layout, started)
            note.text = f"{started.host}:{started.port}"
        yield started
    finally:  # from the start on: an interruption may come before the first line of the block
        if started:
            endpoint_process.stop(started)
            layout.endpoint_file.unlink(missing_ok=True)
