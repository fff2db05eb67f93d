"""Run `python -m local_stack` on a state folder of its own, as a person would, and look into what it left."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local_stack import endpoint_process
from local_stack.client_environment import process_environment, write_files
from local_stack.endpoint_process import Address
from local_stack.layout import REPO, Layout
from local_stack.warehouse_client import Warehouse, connect

# The log of attempts grows with every attempt, by intent; all other tables must not change when a step is repeated.
# The task graph runs by its schedule too while the endpoint is up.
_LOG_TABLES = {("OPS", "STEP_RUNS"), ("OPS", "GRAPH_RUNS"), ("OPS", "DBT_RUNS")}


def local_stack(
    layout: Layout, *arguments: str, environment: dict[str, str] | None = None, prefix: Sequence[str] = ()
) -> str:
    """Run the command to its end; return what it printed. Fails the test with its output on a non-zero exit.

    prefix: a command that runs it.
    """
    done = subprocess.run(
        [*prefix, sys.executable, "-m", "local_stack", "--state", str(layout.root), *arguments],
        cwd=REPO,
        env={**(environment or os.environ), "COLUMNS": "160"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@contextmanager
def serving(layout: Layout) -> Iterator[Address]:
    """An endpoint on the state folder, for looking around."""
    address = endpoint_process.start(layout)
    write_files(layout, address)
    try:
        yield address
    finally:
        endpoint_process.stop(address)
        layout.endpoint_file.unlink(missing_ok=True)


@contextmanager
def warehouse(layout: Layout) -> Iterator[Warehouse]:
    with serving(layout), connect(layout) as connection:
        yield connection


def run_tool(layout: Layout, address: Address, *command: str, cwd: Path = REPO) -> subprocess.CompletedProcess[str]:
    """A tool with the environment that .local/env gives."""
    return subprocess.run(
        command,
        cwd=cwd,
        env=process_environment(layout, address),
        capture_output=True,
        text=True,
        check=False,
    )


def contents(connection: Warehouse) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables of our schemas, sorted; by table."""
    tables = connection.rows(
        "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE'"
        " AND table_schema IN ('RAW', 'STAGING', 'MARTS', 'OPS', 'RECON') ORDER BY 1, 2"
    )
    found = {}
    for schema, table in tables:
        if (schema, table) not in _LOG_TABLES:
            rows = connection.rows(f"SELECT * FROM {schema}.{table}")
            found[f"{schema}.{table}"] = sorted(rows, key=repr)
    return found
