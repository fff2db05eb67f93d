"""The demo: the whole pipeline on a generated week, then a late delivery; it leaves nothing running."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from local_stack import endpoint_process
from local_stack.client_environment import lake_variables
from local_stack.demo.files import write_delivery
from local_stack.demo.orders import transactions
from local_stack.demo.speed_flaws import Flaw, plant
from local_stack.demo.week import generate
from local_stack.errors import EndpointError
from local_stack.laptop_spark import LaptopSpark
from local_stack.layout import Layout, short
from local_stack.overview import read_overview, show_overview
from local_stack.pipeline import LakeSide, Pipeline
from local_stack.programs import Programs
from local_stack.progress import SET_UP, SPEED_LAYER, Progress
from local_stack.run_command import new_pipeline, side_by_side
from local_stack.serving import endpoint
from local_stack.stage_times import print_stage_times
from local_stack.state_lock import LOCK
from local_stack.warehouse_client import connect
from reconcile import render_verdict


def _forget(layout: Layout) -> None:
    """Remove all that is in the state folder but its lock, which is held."""
    for path in layout.root.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != LOCK:
            path.unlink()


def demo(console: Console, layout: Layout, seed: int, sessions_per_day: int, fresh: bool) -> None:
    """Run it. Spark works on a delivery while the warehouse works on the one before, so some stages overlap."""
    if fresh and layout.root.exists():
        if endpoint_process.running(layout):
            raise EndpointError(f"an endpoint serves {layout.root}; stop it first")
        _forget(layout)
    progress, programs = Progress(console), Programs(layout.logs)
    progress.heading(f"A week of a shop, from seed {seed}: the first delivery")
    with side_by_side(LaptopSpark(lake_variables(layout), programs), progress) as (spark, aside):
        spark.start()
        lake = LakeSide(layout, spark, progress)
        on_time, late, flaws = _generate(layout, progress, seed, sessions_per_day)
        delivered = aside.submit(lake.deliver, "on-time", *on_time)
        with endpoint(layout, progress) as address:
            pipeline = new_pipeline(layout, address, programs, progress)
            parsed = aside.submit(pipeline.dbt.parse)
            filled = aside.submit(_fill_speed_layer, pipeline, seed, sessions_per_day)
            pipeline.deploy()
            filled.result()
            extracted = aside.submit(pipeline.extract)
            delivered.result()
            pipeline.load()
            delivered = aside.submit(lake.deliver, "late", *late)
            parsed.result()
            pipeline.flag()
            pipeline.build()
            extracted.result()
            pipeline.reconcile()
            render_verdict(pipeline.reconciliation(), console)

            progress.heading("The late delivery: events that the speed layer saw in time, and the lake did not")
            delivered.result()
            pipeline.load()
            extracted = aside.submit(pipeline.extract)
            pipeline.flag()
            pipeline.build()
            extracted.result()
            pipeline.reconcile()
            pipeline.explain()
            reconciliation = pipeline.reconciliation()
            report = pipeline.report(reconciliation)
            with connect(layout) as warehouse:
                overview = read_overview(layout, warehouse)
        render_verdict(reconciliation, console)
    _print_planted(console, flaws)
    console.print("How the pipeline is (python -m local_stack status):")
    show_overview(console, overview)
    console.print(f"Report: {short(report)}")
    left = (
        "An endpoint was running before and still is." if endpoint_process.running(layout) else "Everything is stopped."
    )
    console.print(f"{left} To look around: python -m local_stack --state {short(layout.root)} up")
    print_stage_times(console, progress.spans, progress.seconds)


def _generate(
    layout: Layout, progress: Progress, seed: int, sessions_per_day: int
) -> tuple[tuple[Path, Path], tuple[Path, Path], list[Flaw]]:
    """Write both deliveries; return their files (events, transactions) and the flaws of the speed layer."""
    with progress.stage("generate events with the flaws of real streams", SET_UP) as note:
        week = generate(seed, sessions_per_day)
        _, flaws = plant(week.speed)
        lines = transactions(week, seed)
        on_time = write_delivery(week.on_time, lines[0], layout.root / "deliveries" / "on-time")
        late = write_delivery(week.late, lines[1], layout.root / "deliveries" / "late")
        note.text = f"{len(week.on_time)} events on time, {len(week.late)} late, {len(flaws)} flaws for the speed layer"
    return on_time, late, flaws


def _fill_speed_layer(pipeline: Pipeline, seed: int, sessions_per_day: int) -> None:
    """In a process of its own: chdb holds one engine each."""
    with pipeline.progress.stage(
        "ClickHouse (embedded): what the speed layer saw, flaws included", SPEED_LAYER
    ) as note:
        command = [sys.executable, "-m", "local_stack.demo.speed_layer", f"--url=chdb://{pipeline.layout.clickhouse}"]
        command += [f"--seed={seed}", f"--sessions-per-day={sessions_per_day}"]
        printed = pipeline.programs.run("speed-layer", command, pipeline.environment)
        note.text = printed.strip().splitlines()[-1]


def _print_planted(console: Console, flaws: Sequence[Flaw]) -> None:
    console.print("What was planted in the speed layer, and so must still differ:")
    for flaw in flaws:
        console.print(f"  {flaw.date} {flaw.user_tier}: {flaw.kind}", highlight=False)
