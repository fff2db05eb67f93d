"""Run the endpoint's server in forks of one process that has imported it, with one process for all its Python handlers.

Importing it takes two seconds and what handlers need one and a half, and forty modules of tests want an endpoint of their own.
The command line that people start it with (`python -m local_stack.endpoint`) has its tests in tests/local_stack.
"""

from __future__ import annotations

import atexit
import contextlib
import multiprocessing
import os
from collections.abc import Callable
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from pathlib import Path

from local_stack.endpoint.features.procedures.python.workers import WorkerProcess
from local_stack.endpoint.protocol.http import serve as serve
from tests.captured_sql import capture

# As local_stack.endpoint.protocol.http.serve.
Serve = Callable[..., None]

_REPOSITORY = Path(__file__).parents[1]
_CONTEXT = multiprocessing.get_context("forkserver")
_WORKER = WorkerProcess()  # forks for every call, and is told by each which endpoint it is from
atexit.register(_WORKER.stop)


def start_server(
    data_dir: Path,
    s3_root: Path,
    host: str,
    port: int,
    log: Path,
    rights: bool = True,
    serve: Serve = serve,
    setup: str = "",
) -> BaseProcess:
    """Start a server in a process of its own, which writes to the end of `log`; it may not answer yet."""
    _CONTEXT.set_forkserver_preload([__name__])
    with contextlib.chdir(_REPOSITORY):  # where the forking process, once started, finds this module
        forkserver.ensure_running()
    process = _CONTEXT.Process(
        target=_serve, args=(serve, data_dir, s3_root, host, port, log, rights, setup, _WORKER.start()), daemon=True
    )
    process.start()
    return process


def _serve(
    serve: Serve, data_dir: Path, s3_root: Path, host: str, port: int, log: Path, rights: bool, setup: str, worker: Path
) -> None:
    with log.open("ab") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    capture()

    def shared(self: WorkerProcess) -> Path:
        return worker

    WorkerProcess.start = shared  # type: ignore[method-assign]
    serve(data_dir, s3_root, host, port, rights=rights, setup=setup)
