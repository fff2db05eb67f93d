"""`python -m benchmarks.reconcile`: find the sessions that differ, 0.01 % of a million, beside reladiff and datacompy.

Ours: the warehouse (on the local endpoint) unloads its buckets, `python -m reconcile extract` asks the embedded ClickHouse, the
warehouse takes the snapshot in and compares, and says why. reladiff compares the same sessions in two DuckDB databases,
datacompy in memory. Everything runs by turns in one call; `make peers` installs the other two.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from benchmarks.reconcile.data import DAY, fill_speed_layer, fill_warehouse, make
from benchmarks.reconcile.peers import peak_mb
from benchmarks.scans import filled
from reconcile.speed.names import buckets_path
from tests.conftest import RunningEndpoint
from tests.snowpark_procs.conftest import Warehouse

# `python -m reconcile`, which says at the end what it took.
_COMMAND = "import sys, time; from benchmarks.reconcile.peers import peak_mb; from reconcile.cli import main; " + (
    "code = main(sys.argv[1:]); print(time.process_time()); print(peak_mb()); sys.exit(code)"
)
_PEERS = Path(".venv-peers/bin/python")


class PlainEndpoint(RunningEndpoint):
    """An endpoint outside of tests."""

    def start(self) -> None:
        self.launch()


@dataclass
class Measured:
    """What one way took. rows: sessions that moved. processor: seconds. peak_mb: of the process that finds the differences."""

    found: int
    rows: int
    seconds: float
    processor: float
    peak_mb: int
    steps: dict[str, float] = field(default_factory=dict)
    notes: str = ""


def ours(folder: Path, work: Path) -> Measured:
    """The pipeline's own way, step by step."""
    endpoint = PlainEndpoint(work / "data", work / "s3")
    with filled(endpoint, partial(fill_warehouse, folder=folder)) as warehouse:
        built = "UPDATE ops.model_builds SET watermarks = OBJECT_CONSTRUCT('user_sessions', 1) WHERE model = %s"
        warehouse.query(built, "mart_daily_speed_comparable")
        steps: dict[str, float] = {}
        before = _server_processor_seconds(warehouse)
        _timed(steps, "unload", lambda: warehouse.call("recon.unload_buckets()"))
        processor = _server_processor_seconds(warehouse) - before
        lines = pq.read_metadata(warehouse.landing / buckets_path(date.fromisoformat(DAY))).num_rows
        extracted, steps["extract"], used, peak = _extract(folder / "clickhouse", warehouse.landing)
        _timed(steps, "load and compare", lambda: warehouse.call(f"recon.reconcile_day('{DAY}')"))
        _timed(steps, "explain", lambda: warehouse.call(f"recon.explain('{DAY}', '*', 'sessions')"))
        found = warehouse.one("SELECT COUNT(DISTINCT session_id) FROM recon.explanations")
        assert warehouse.one("SELECT COUNT_IF(cause = 'unexplained') FROM recon.explanations") == 0
        notes = f"{lines:,} buckets unloaded, endpoint's peak {_server_peak_mb(warehouse):,} MB"
    seconds = steps["unload"] + steps["extract"]
    return Measured(found, extracted["fetched"], seconds, processor + used, peak, steps, notes)


def _timed(steps: dict[str, float], name: str, work: Any) -> None:
    start = time.perf_counter()
    work()
    steps[name] = time.perf_counter() - start


def _extract(engine: Path, landing: Path) -> tuple[dict[str, Any], float, float, int]:
    """Run the command as a person would: its answer, seconds, processor seconds and peak, the embedded ClickHouse included."""
    given = {"RECONCILE_CLICKHOUSE_URL": f"chdb://{engine}", "RECONCILE_LANDING": str(landing)}
    command = [sys.executable, "-c", _COMMAND, "extract", "--date", DAY, "--json"]
    start = time.perf_counter()
    done = subprocess.run(command, env={**os.environ, **given}, stdout=subprocess.PIPE, text=True, check=True)
    seconds = time.perf_counter() - start
    answer, processor, peak = done.stdout.splitlines()
    return json.loads(answer), seconds, float(processor), int(peak)


def _server_peak_mb(warehouse: Warehouse) -> int:
    assert warehouse.endpoint.process is not None
    return peak_mb(str(warehouse.endpoint.process.pid))


def _server_processor_seconds(warehouse: Warehouse) -> float:
    assert warehouse.endpoint.process is not None
    stat = Path(f"/proc/{warehouse.endpoint.process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


def peer(name: str, folder: Path) -> Measured | str:
    """What a peer took, or why there is no answer."""
    command = [str(_PEERS), str(Path(__file__).with_name("peers.py")), name, str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        return f"ended with {done.returncode}" + (" (out of memory)" if done.returncode == -9 else "")
    return Measured(**json.loads(done.stdout))


def main() -> None:
    """Make the data, measure, and print both tables."""
    parser = argparse.ArgumentParser(prog="benchmarks.reconcile", description=__doc__)
    parser.add_argument("--sessions", type=int, default=1_000_000)
    parser.add_argument("--only", nargs="+", default=["ours", "reladiff", "datacompy"])
    options = parser.parse_args()
    if not _PEERS.exists() and set(options.only) != {"ours"}:
        parser.error("make peers installs what is compared with; --only ours does without")
    out = Console(highlight=False, width=130)
    table = Table("", "sessions found", "rows moved", "of a side", "seconds", "processor s", "peak MB", "")
    with tempfile.TemporaryDirectory() as name:
        folder, work = Path(name) / "sides", Path(name) / "work"
        differing = make(folder, options.sessions)
        fill_speed_layer(folder, folder / "clickhouse")
        machine = f"{os.cpu_count()} cores, {platform.machine()}, {date.today()}"
        out.print(f"{options.sessions:,} sessions, {differing:,} differ; {machine}")
        for way in options.only:
            work.mkdir()
            measured = ours(folder, work) if way == "ours" else peer(way, folder)
            shutil.rmtree(work)
            if isinstance(measured, str):
                table.add_row(way, *[""] * 6, measured)
                continue
            share = f"{measured.rows / options.sessions:.3%}"
            notes = [*(f"{step} {seconds:.1f}" for step, seconds in measured.steps.items()), measured.notes]
            times = (f"{seconds:.1f}" for seconds in (measured.seconds, measured.processor))
            numbers = (f"{measured.found:,}", f"{measured.rows:,}", share, *times)
            table.add_row(way, *numbers, f"{measured.peak_mb:,}", "; ".join(note for note in notes if note))
            out.print(f"{way}: {measured}")
    out.print(table)


if __name__ == "__main__":
    main()
