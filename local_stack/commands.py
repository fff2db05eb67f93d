"""What the commands do: up, down, status, run, dbt. The demo's is in `demo/command.py`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from local_stack import endpoint_process
from local_stack.client_environment import lake_variables, process_environment, write_files
from local_stack.endpoint_process import Address
from local_stack.laptop_dbt import LaptopDbt
from local_stack.laptop_spark import LaptopSpark
from local_stack.layout import REPO, Layout
from local_stack.pipeline import SET_UP, LakeSide, Pipeline
from local_stack.programs import Programs
from local_stack.progress import Progress
from local_stack.stage_times import print_stage_times
from reconcile import render_verdict


def up(console: Console, layout: Layout) -> None:
    """Start the endpoint, deploy nothing, say what to type next."""
    address = endpoint_process.running(layout)
    if address is None:
        address = endpoint_process.start(layout)
    write_files(layout, address)
    env = short(layout.env_file)
    console.print(f"The local Snowflake endpoint listens on {address.host}:{address.port} (process {address.pid}).\n")
    console.print(f"  source {env}", highlight=False)
    console.print("  schemachange deploy                      [dim]# all schemas, tables, procedures, tasks[/dim]")
    console.print("  python -m local_stack run                [dim]# what is in the lake, through every stage[/dim]")
    console.print("  dbt build                                [dim]# the marts alone[/dim]")
    console.print(
        "  snow sql -c local -q \"CALL recon.reconcile_day('2024-01-15')\"   [dim]# make snow installs it[/dim]"
    )
    console.print("\nmake down stops it; the data stays.")


def down(console: Console, layout: Layout) -> None:
    """Stop the endpoint if it runs."""
    address = endpoint_process.running(layout)
    if address is None:
        console.print("No endpoint is running.")
    else:
        endpoint_process.stop(address)
        console.print("The endpoint has stopped; its data stays.")
    layout.endpoint_file.unlink(missing_ok=True)


def status(console: Console, layout: Layout) -> int:
    """Say whether the endpoint runs; exit code 0 if so, 3 if not."""
    address = endpoint_process.running(layout)
    if address is None:
        console.print("No endpoint is running.")
        return 3
    console.print(f"The endpoint listens on {address.host}:{address.port} (process {address.pid}).")
    return 0


def run(console: Console, layout: Layout, clickhouse_url: str | None = None) -> None:
    """Take what is in the lake through every stage, against the running endpoint or one of its own."""
    progress, programs = Progress(console), Programs(layout.logs)
    with side_by_side(LaptopSpark(lake_variables(layout), programs)) as (spark, aside):
        spark.start()
        published = aside.submit(LakeSide(layout, spark, progress).publish)
        with endpoint(layout, progress) as address:
            pipeline = new_pipeline(layout, address, programs, progress)
            parsed = aside.submit(pipeline.dbt.parse)
            pipeline.deploy()
            extracted = aside.submit(pipeline.extract, clickhouse_url)
            published.result()
            pipeline.load()
            pipeline.flag()
            parsed.result()
            pipeline.build()
            extracted.result()
            pipeline.reconcile()
            reconciliation = pipeline.reconciliation()
            report = pipeline.report(reconciliation)
        render_verdict(reconciliation, console)
    console.print(f"Report: {short(report)}")
    print_stage_times(console, progress.spans, progress.seconds)


def dbt(layout: Layout, arguments: list[str]) -> int:
    """Run dbt with the environment that `.local/env` gives; its exit code."""
    progress = Progress(Console(stderr=True))
    with endpoint(layout, progress) as address:
        command = [str(Path(sys.executable).parent / "dbt"), *arguments]
        return subprocess.run(command, env=process_environment(layout, address), check=False).returncode


@contextmanager
def side_by_side(spark: LaptopSpark) -> Iterator[tuple[LaptopSpark, ThreadPoolExecutor]]:
    """Give one Spark and a pool of threads for stages that run beside others.

    When the block fails, Spark is ended first, so that no stage beside it goes on for long.
    """
    with ThreadPoolExecutor(thread_name_prefix="stage") as aside, spark:
        yield spark, aside


@contextmanager
def endpoint(layout: Layout, progress: Progress) -> Iterator[Address]:
    """The running endpoint, or one that lives as long as the block."""
    if found := endpoint_process.running(layout):
        write_files(layout, found)
        yield found
        return
    with progress.stage("start the local Snowflake endpoint", SET_UP) as note:
        address = endpoint_process.start(layout)
        write_files(layout, address)
        note.text = f"{address.host}:{address.port}"
    try:
        yield address
    finally:
        endpoint_process.stop(address)
        layout.endpoint_file.unlink(missing_ok=True)


def new_pipeline(layout: Layout, address: Address, programs: Programs, progress: Progress) -> Pipeline:
    """The stages over a running endpoint, with the environment that a person would have sourced."""
    environment = process_environment(layout, address)
    return Pipeline(layout, environment, programs, LaptopDbt(programs, environment, layout.root / "dbt"), progress)


def short(path: Path) -> str:
    """Return a path as a person in this folder would type it."""
    for base in (Path.cwd(), REPO):
        if path.is_relative_to(base):
            return os.path.relpath(path)
    return str(path)
