"""`run`: what is in the lake, through every stage. The demo's command takes its parts from here too."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from rich.console import Console

from local_stack.client_environment import lake_variables, process_environment
from local_stack.endpoint_process import Address
from local_stack.laptop_dbt import LaptopDbt
from local_stack.laptop_spark import LaptopSpark
from local_stack.layout import Layout, short
from local_stack.pipeline import LakeSide, Pipeline
from local_stack.programs import Programs
from local_stack.progress import Progress
from local_stack.serving import endpoint
from local_stack.stage_times import print_stage_times
from reconcile import render_verdict


def run(console: Console, layout: Layout, clickhouse_url: str | None = None) -> None:
    """Take what is in the lake through every stage, against the running endpoint or one of its own."""
    progress, programs = Progress(console), Programs(layout.logs)
    with side_by_side(LaptopSpark(lake_variables(layout), programs), progress) as (spark, aside):
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
            pipeline.freshness()
            extracted.result()
            pipeline.reconcile()
            reconciliation = pipeline.reconciliation()
            report = pipeline.report(reconciliation)
        render_verdict(reconciliation, console)
    console.print(f"Report: {short(report)}")
    print_stage_times(console, progress.spans, progress.seconds)


@contextmanager
def side_by_side(spark: LaptopSpark, progress: Progress) -> Iterator[tuple[LaptopSpark, ThreadPoolExecutor]]:
    """Give one Spark and a pool of threads for stages that run beside others.

    When the block fails, Spark is ended first, so that no stage beside it goes on for long.
    """
    with ThreadPoolExecutor(thread_name_prefix="stage") as aside, spark:
        try:
            yield spark, aside
        except BaseException:
            progress.give_up()
            raise


def new_pipeline(layout: Layout, address: Address, programs: Programs, progress: Progress) -> Pipeline:
    """The stages over a running endpoint, with the environment that a person would have sourced."""
    environment = process_environment(layout, address)
    return Pipeline(layout, environment, programs, LaptopDbt(programs, environment, layout.root / "dbt"), progress)
