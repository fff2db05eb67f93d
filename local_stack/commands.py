"""What the commands do: up, down, status, run, demo, dbt."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from local_stack import endpoint_process
from local_stack.client_environment import process_environment, write_files
from local_stack.demo.files import write_delivery
from local_stack.demo.speed_flaws import plant
from local_stack.demo.week import generate
from local_stack.endpoint_process import Address
from local_stack.errors import EndpointError
from local_stack.layout import REPO, Layout
from local_stack.pipeline import Pipeline
from local_stack.progress import Progress
from local_stack.warehouse_client import connect
from reconcile import render_verdict
from reconcile.warehouse_source import read_from


def up(console: Console, layout: Layout) -> None:
    """Start the endpoint, deploy nothing, say what to type next."""
    address = endpoint_process.running(layout)
    if address is None:
        address = endpoint_process.start(layout)
    write_files(layout, address)
    env = _short(layout.env_file)
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
    progress = Progress(console, layout.logs)
    with _endpoint(layout, progress) as address:
        pipeline = Pipeline(layout, address, progress)
        pipeline.deploy()
        pipeline.spark()
        pipeline.warehouse_side()
        pipeline.extract(clickhouse_url)
        pipeline.reconcile()
        report = pipeline.report()
        _show_verdict(console, layout)
    console.print(f"Report: {_short(report)}")


def demo(console: Console, layout: Layout, seed: int, sessions_per_day: int, fresh: bool) -> None:
    """The whole pipeline on a generated week, then a late delivery; leaves nothing running."""
    if fresh and layout.root.exists():
        if endpoint_process.running(layout):
            raise EndpointError(f"an endpoint serves {layout.root}; stop it first")
        shutil.rmtree(layout.root)
    progress = Progress(console, layout.logs)
    progress.heading(f"A week of a shop, from seed {seed}")
    with progress.stage("generate events with the flaws of real streams") as note:
        week = generate(seed, sessions_per_day)
        _, flaws = plant(week.speed)
        on_time = write_delivery(week.on_time, layout.root / "deliveries" / "on-time")
        late = write_delivery(week.late, layout.root / "deliveries" / "late")
        note.text = f"{len(week.on_time)} events on time, {len(week.late)} late, {len(flaws)} flaws for the speed layer"
    with _endpoint(layout, progress) as address:
        pipeline = Pipeline(layout, address, progress)
        pipeline.deploy()
        with progress.stage("ClickHouse (embedded): what the speed layer saw, flaws included") as note:
            filled = pipeline.python(
                "speed-layer",
                "local_stack.demo.speed_layer",
                f"--url=chdb://{layout.clickhouse}",
                f"--seed={seed}",
                f"--sessions-per-day={sessions_per_day}",
            )
            note.text = filled.strip().splitlines()[-1]

        progress.heading("The first delivery")
        _deliver(pipeline, "on-time", on_time)
        pipeline.warehouse_side()
        pipeline.extract()
        pipeline.reconcile()
        _show_verdict(console, layout)

        progress.heading("The late delivery: events that the speed layer saw in time, and the lake did not")
        _deliver(pipeline, "late", late)
        pipeline.warehouse_side()
        pipeline.extract()
        pipeline.reconcile()
        report = pipeline.report()
        _show_verdict(console, layout)
    console.print("What was planted in the speed layer, and so must still differ:")
    for flaw in flaws:
        console.print(f"  {flaw.date} {flaw.user_tier}: {flaw.kind}", highlight=False)
    console.print(f"Report: {_short(report)}")
    console.print(f"Everything is stopped. To look around: python -m local_stack --state {_short(layout.root)} up")


def dbt(layout: Layout, arguments: list[str]) -> int:
    """Run dbt with the environment that `.local/env` gives; its exit code."""
    progress = Progress(Console(stderr=True), layout.logs)
    with _endpoint(layout, progress) as address:
        command = [str(Path(sys.executable).parent / "dbt"), *arguments]
        return subprocess.run(command, env=process_environment(layout, address), check=False).returncode


def _deliver(pipeline: Pipeline, name: str, files: tuple[Path, Path]) -> None:
    events, transactions = files
    with pipeline.progress.stage(f"append the {name} delivery to Iceberg (Spark)"):
        pipeline.python(
            f"append-{name}",
            "spark_ingest",
            "append",
            "--id",
            f"demo-{name}",
            "--events",
            str(events),
            "--transactions",
            str(transactions),
        )
    pipeline.spark()


def _show_verdict(console: Console, layout: Layout) -> None:
    with connect(layout) as warehouse:
        reconciliation = read_from(warehouse.connection, "the local endpoint")
    render_verdict(reconciliation, console)


@contextmanager
def _endpoint(layout: Layout, progress: Progress) -> Iterator[Address]:
    """The running endpoint, or one that lives as long as the block."""
    if found := endpoint_process.running(layout):
        write_files(layout, found)
        yield found
        return
    with progress.stage("start the local Snowflake endpoint") as note:
        address = endpoint_process.start(layout)
        write_files(layout, address)
        note.text = f"{address.host}:{address.port}"
    try:
        yield address
    finally:
        endpoint_process.stop(address)
        layout.endpoint_file.unlink(missing_ok=True)


def _short(path: Path) -> str:
    for base in (Path.cwd(), REPO):
        if path.is_relative_to(base):
            return os.path.relpath(path)
    return str(path)
