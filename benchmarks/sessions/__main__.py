"""`python -m benchmarks.sessions`: seconds of each job, and the ratios between them, interleaved in one run.

Several sizes show how time and memory grow. `--increment` shows what a batch of new events costs beside a first batch.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import duckdb
from pyspark.sql import SparkSession
from rich.console import Console
from rich.table import Table

from benchmarks.sessions.contenders import duckdb_job, ours, requirement, requirement_right
from benchmarks.sessions.cost import Cost, peak_memory, spent
from benchmarks.sessions.data import INCREMENT_DAYS, append_increment, data_files, make_lake
from spark_ingest.batch.run import run
from spark_ingest.config import IngestConfig
from spark_ingest.progress import Progress
from spark_ingest.spark.session import end_spark, start_spark

_INCREMENTS = 3


def main() -> None:
    """Make each lake where it is missing, warm up once, then measure the given number of rounds."""
    parser = argparse.ArgumentParser(prog="benchmarks.sessions", description=__doc__)
    parser.add_argument("--events", type=int, nargs="+", default=[10_000_000])
    parser.add_argument("--days", type=int, help="8; with --increment 365")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cores", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--memory", default="6g", help="of Spark's driver")
    parser.add_argument("--increment", action="store_true", help="a hundredth more events, instead of the other jobs")
    options = parser.parse_args()
    options.days = options.days or (365 if options.increment else 8)
    out = Console(highlight=False, width=140)
    out.print(f"{options.cores} cores, Spark with {options.memory}; load of the machine {os.getloadavg()[0]:.1f}")
    growth = Table("events", "ours: CPU s", "CPU microseconds an event", "JVM at most, MB")
    for events in options.events:
        with _lake(out, options, events) as (spark, config, root):
            if options.increment:
                _increments(out, spark, config, events, options.days)
                continue
            costs = _rounds(out, spark, config, root, options)
            cpu = median(cost.cpu for cost in costs["ours, the whole batch"])
            growth.add_row(f"{events:,}", f"{cpu:.1f}", f"{cpu / events * 1e6:.1f}", f"{peak_memory(spark) >> 20:,}")
    if growth.row_count > 1:
        out.print(growth)


@contextmanager
def _lake(out: Console, options: argparse.Namespace, events: int) -> Iterator[tuple[SparkSession, IngestConfig, Path]]:
    """A JVM of its own, on a lake of so many events."""
    root = Path(".local/benchmarks/sessions").resolve() / f"{events}-{options.days}"
    config = IngestConfig(
        warehouse=str(root / "lake"),
        landing=str(root / "landing"),
        ivy_dir=str(Path(".cache/ivy").resolve()),
        rejects=str(root / "rejects"),
        scratch=str(root / "scratch"),
        log=str(root / "log.jsonl"),
        spark_master=f"local[{options.cores}]",
        driver_memory=options.memory,
        shuffle_partitions=options.cores * 4,
    )
    spark = start_spark(config)
    try:
        make_lake(spark, config, events, options.days)
        files = data_files(config)
        size = sum(os.path.getsize(file) for file in files)  # noqa: PTH202
        out.print(f"{events:,} events in {options.days} days: {len(files)} data files, {size:,} bytes")
        yield spark, config, root
    finally:
        end_spark(spark)


def _rounds(
    out: Console, spark: SparkSession, config: IngestConfig, root: Path, options: argparse.Namespace
) -> dict[str, list[Cost]]:
    jobs: dict[str, Any] = {
        "the requirement's job": lambda: requirement(spark, config, root / "requirement"),
        "the same, made right": lambda: requirement_right(spark, config, root / "right"),
        "ours, the whole batch": lambda: ours(spark, config, root / "ours"),
        "DuckDB": lambda: duckdb_job(config, root / "duckdb", options.cores, once=False),
        "DuckDB, ids once": lambda: duckdb_job(config, root / "duckdb", options.cores, once=True),
    }
    costs: dict[str, list[Cost]] = {name: [] for name in jobs}
    files: dict[str, int] = {}
    for number in range(options.rounds + 1):
        for name, job in jobs.items():
            files[name], cost = spent(job)
            costs[name] += [cost] if number else []  # the first round warms up
    _report(out, costs, files)
    _compare(out, root)
    return costs


def _report(out: Console, costs: dict[str, list[Cost]], files: dict[str, int]) -> None:
    table = Table("job", "median s", "least", "most", "to the requirement's", "to DuckDB's, ids once", "CPU s", "files")
    base, peer = (
        median(cost.seconds for cost in costs[name]) for name in ("the requirement's job", "DuckDB, ids once")
    )
    for name, found in costs.items():
        seconds = [cost.seconds for cost in found]
        middle = median(seconds)
        shown = (f"{value:.1f}" for value in (middle, min(seconds), max(seconds)))
        cpu = median(cost.cpu for cost in found)
        table.add_row(name, *shown, f"{middle / base:.2f}", f"{middle / peer:.2f}", f"{cpu:.1f}", str(files[name]))
    out.print(table)


def _increments(out: Console, spark: SparkSession, config: IngestConfig, events: int, days: int) -> None:
    """A first batch, then increments, each of a hundredth of the events."""
    table = Table("batch", "events", "s", "CPU s", "CPU microseconds an event", "bytes read", "of the lake's")

    def batch(name: str, count: int) -> None:
        done, cost = spent(lambda: run(config, Progress("benchmark"), spark=spark))
        if done.manifest is None:
            raise RuntimeError(done.why)
        read, size = done.manifest["summary"]["bytes_read"], sum(map(os.path.getsize, data_files(config)))
        per_event = f"{cost.cpu / count * 1e6:.0f}"
        shown = (f"{count:,}", f"{cost.seconds:.1f}", f"{cost.cpu:.1f}", per_event, f"{read:,}", f"{read / size:.1%}")
        table.add_row(name, *shown)

    known = len(list(Path(config.landing).glob("_manifests/*.json")))
    if not known:
        batch("first", events)
    for number in range(_INCREMENTS):
        count = append_increment(spark, config, events, days, max(0, known - 1) + number)
        batch(f"increment over {INCREMENT_DAYS} days", count)
    out.print(table)


def _compare(out: Console, root: Path) -> None:
    """Fast and wrong is no result: the two exact jobs must agree."""
    columns = "session_id, user_id, session_start, session_end, purchases, total_spent, event_count, distinct_ip_count"
    mine = f"SELECT {columns} FROM read_parquet('{root}/ours/user_sessions/*/*.parquet', hive_partitioning = false)"
    peers = {
        "DuckDB's": f"SELECT {columns} FROM read_parquet('{root}/duckdb/*.parquet')",
        "the requirement's job made right": f"SELECT {columns} FROM read_parquet('{root}/right/*.parquet')",
    }
    for name, peer in peers.items():
        row = duckdb.execute(
            f"SELECT (SELECT count(*) FROM ({mine})), (SELECT count(*) FROM ({mine} EXCEPT {peer})),"
            f" (SELECT count(*) FROM ({peer} EXCEPT {mine}))"
        ).fetchone()
        assert row is not None
        out.print(f"{row[0]:,} sessions; differences between ours and {name}: {row[1] + row[2]}")
        if row[1] or row[2]:
            raise SystemExit(1)


if __name__ == "__main__":
    main()
