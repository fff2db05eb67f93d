"""`python -m benchmarks.sessions`: seconds of each job, and the ratios between them, interleaved in one run."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from statistics import median

import duckdb
from rich.console import Console
from rich.table import Table

from benchmarks.sessions.contenders import duckdb_job, ours, requirement
from benchmarks.sessions.data import data_files, make_lake
from spark_ingest.config import IngestConfig
from spark_ingest.spark.session import spark_session


def main() -> None:
    """Make the lake where it is missing, warm up once, then measure the given number of rounds."""
    parser = argparse.ArgumentParser(prog="benchmarks.sessions", description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--days", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cores", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--memory", default="6g", help="of Spark's driver")
    options = parser.parse_args()

    root = Path(".local/benchmarks/sessions").resolve() / f"{options.events}-{options.days}"
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
    out = Console(highlight=False, width=120)
    with spark_session(config) as spark:
        out.print(
            f"{options.events:,} events in {options.days} days, {options.cores} cores, Spark with {options.memory}"
        )
        make_lake(spark, config, options.events, options.days)
        files = data_files(config)
        out.print(f"{len(files)} data files, {sum(os.path.getsize(file) for file in files):,} bytes")  # noqa: PTH202
        seconds: dict[str, list[float]] = {}
        written: dict[str, int] = {}

        def took(name: str, value: float) -> None:
            seconds.setdefault(name, []).append(value)

        for number in range(options.rounds + 1):
            start = time.perf_counter()
            written["the requirement's job"] = requirement(spark, config, root / "requirement")
            took("the requirement's job", time.perf_counter() - start)
            start = time.perf_counter()
            session_stages, count = ours(spark, config, root / "ours")
            took("ours, the whole batch", time.perf_counter() - start)
            took("ours, its sessions", session_stages)
            written["ours, its sessions"] = written["ours, the whole batch"] = count
            start = time.perf_counter()
            written["DuckDB"] = duckdb_job(config, root / "duckdb", options.cores, once=False)
            took("DuckDB", time.perf_counter() - start)
            start = time.perf_counter()
            written["DuckDB, ids once"] = duckdb_job(config, root / "duckdb", options.cores, once=True)
            took("DuckDB, ids once", time.perf_counter() - start)
            if number == 0:
                seconds.clear()  # the first round warms up
    _report(out, seconds, written)
    _compare(out, root)


def _report(out: Console, seconds: dict[str, list[float]], written: dict[str, int]) -> None:
    table = Table("job", "median s", "least s", "most s", "to the requirement's", "to DuckDB's", "files")
    base, peer = median(seconds["the requirement's job"]), median(seconds["DuckDB"])
    for name, found in seconds.items():
        middle = median(found)
        shown = (f"{value:.1f}" for value in (middle, min(found), max(found)))
        table.add_row(name, *shown, f"{middle / base:.2f}", f"{middle / peer:.2f}", str(written[name]))
    out.print(table)


def _compare(out: Console, root: Path) -> None:
    """Fast and wrong is no result: the two exact jobs must agree."""
    columns = "session_id, user_id, session_start, session_end, purchases, total_spent, event_count, distinct_ip_count"
    mine = f"SELECT {columns} FROM read_parquet('{root}/ours/user_sessions/*/*.parquet', hive_partitioning = false)"
    peer = f"SELECT {columns} FROM read_parquet('{root}/duckdb/*.parquet')"
    row = duckdb.execute(
        f"SELECT (SELECT count(*) FROM ({mine})), (SELECT count(*) FROM ({mine} EXCEPT {peer})),"
        f" (SELECT count(*) FROM ({peer} EXCEPT {mine}))"
    ).fetchone()
    assert row is not None
    out.print(f"{row[0]:,} sessions; differences between ours and DuckDB's: {row[1] + row[2]}")
    if row[1] or row[2]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
