"""Start, find and stop the local Snowflake endpoint's process."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from local_stack.errors import PORT_TAKEN, EndpointError
from local_stack.layout import REPO, Layout

# What an administrator of an account runs before the first deployment.
BOOTSTRAP = REPO / "deploy" / "bootstrap.sql"
PREFERRED_PORT = 8765
_START_SECONDS = 60.0
_STOP_SECONDS = 30.0


@dataclass(frozen=True)
class Address:
    """Where an endpoint answers. rights: whether it enforces privileges."""

    host: str
    port: int
    pid: int
    rights: bool = True


def running(layout: Layout) -> Address | None:
    """The endpoint that serves this state folder, or None. A stale file of a killed process counts as none."""
    try:
        found = json.loads(layout.endpoint_file.read_text(encoding="utf-8"))
        address = Address(found["host"], int(found["port"]), int(found["pid"]), bool(found.get("rights", True)))
    except (OSError, ValueError, KeyError):
        return None
    return address if _alive(address.pid) and _answers(address) else None


def start(layout: Layout, stays: bool = True, rights: bool = True) -> Address:
    """Start the endpoint on this state folder and wait until it answers.

    rights: it enforces privileges. stays: it goes on when this process has ended; else it ends with it, even if that is killed.

    Raises EndpointError if one already serves the folder or it does not come up.
    """
    if found := running(layout):
        raise EndpointError(f"an endpoint (process {found.pid}) already serves {layout.root}")
    layout.make()
    log = layout.logs / "endpoint.log"
    options = [*([] if stays else ["--ends-with-parent"]), *([] if rights else ["--rights", "off"])]
    address = _start_on(_free_port(), layout, log, options)
    if address is None:  # another program took the port after it was found free
        address = _start_on(_free_port(), layout, log, options)
    if address is None:
        raise EndpointError(f"the endpoint ended while starting (log: {log}):\n{_tail(log)}")
    address = replace(address, rights=rights)
    try:
        layout.endpoint_file.write_text(json.dumps(asdict(address)), encoding="utf-8")
    except BaseException:
        stop(address)
        layout.endpoint_file.unlink(missing_ok=True)
        raise
    return address


def _start_on(port: int, layout: Layout, log: Path, options: list[str]) -> Address | None:
    """The endpoint's address once it answers, or None if the port was taken meanwhile. Raises EndpointError."""
    command = [sys.executable, "-m", "local_stack.endpoint", "--data-dir", str(layout.warehouse)]
    command += ["--s3-root", str(layout.s3), "--port", str(port), "--setup", str(BOOTSTRAP), *options]
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, cwd=REPO, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    address = Address("127.0.0.1", port, process.pid)
    try:
        return address if _comes_up(process, address, log) else None
    except BaseException:
        stop(address)
        raise


def _comes_up(process: subprocess.Popen[bytes], address: Address, log: Path) -> bool:
    """Wait until the endpoint answers; return whether it got its port. Raises EndpointError."""
    deadline = time.monotonic() + _START_SECONDS
    while not _answers(address):
        if process.poll() is not None:
            if process.returncode == PORT_TAKEN:
                return False
            raise EndpointError(f"the endpoint ended while starting (log: {log}):\n{_tail(log)}")
        if time.monotonic() > deadline:
            raise EndpointError(f"the endpoint did not answer within {_START_SECONDS:.0f} s; see {log}")
        time.sleep(0.1)
    return True


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-8:])


def stop(address: Address) -> None:
    """End the process, gently first; it is gone when this returns."""
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(address.pid, signal_number)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + _STOP_SECONDS
        while time.monotonic() < deadline:
            _reap(address.pid)
            if not _alive(address.pid):
                return
            time.sleep(0.05)
    raise EndpointError(f"process {address.pid} does not end")


def _reap(pid: int) -> None:
    # If it is our own child, an ended process stays visible until it is waited for.
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _answers(address: Address) -> bool:
    """Whether this very process answers there, not another that has its port."""
    try:
        with urllib.request.urlopen(f"http://{address.host}:{address.port}/health", timeout=2) as reply:
            return bool(json.load(reply).get("pid") == address.pid)
    except (OSError, ValueError, urllib.error.URLError):
        return False


def _free_port() -> int:
    """The preferred port if it is free (so that addresses stay the same), else any."""
    for port in (PREFERRED_PORT, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise EndpointError("no free port on the loopback interface")
