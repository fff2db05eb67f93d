"""Run the project's commands on state folders of their own and say how long each took."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from local_stack import endpoint_process
from local_stack.client_environment import process_environment, write_files
from local_stack.demo.week import generate
from local_stack.layout import REPO, Layout

DATA = Path(os.environ.get("SHARED_DIR", REPO.parent / "shared")) / "data"
_IMPORTED_ROWS = 833
_STAGE = re.compile(r"^\s*✓ (?P<what>.*?)(?: — .*)?  (?P<seconds>[\d.]+) s$")
_SHORT = {
    "schemachange deploy": "deploy",
    "Spark: new snapshots": "Spark",
    "CALL ops.load_pending": "COPY",
    "CALL ops.flag_quality": "flag",
    "dbt build": "dbt",
}


class MeasureError(Exception):
    """A command that is measured ended with an error; the message holds its last lines."""


@dataclass(frozen=True)
class Measured:
    """One row of the table. figure: seconds with their parts in words, or why there is none."""

    what: str
    figure: str
    goal: str


def demo() -> Measured:
    """A generated week through every stage, twice, the environment being there."""
    with _state() as layout:
        seconds, _ = _timed([sys.executable, "-m", "local_stack", "--state", str(layout.root), "demo"])
    return Measured("`make demo`, environment made", f"{seconds:.0f} s", "≤ 75 s")


def first_demo() -> Measured:
    """A fresh clone on a machine whose PATH has no Java: set-up and demo in one."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(REPO), str(clone)], check=True)
        environment = {name: value for name, value in os.environ.items() if name not in ("JAVA_HOME", "VIRTUAL_ENV")}
        with _path_without_java(Path(folder)) as path:
            seconds, _ = _timed(["make", "demo"], {**environment, "PATH": path}, clone)
    return Measured("the first `make demo` with no Java, set-up included", f"works, {seconds:.0f} s", "works")


def small_run() -> Measured:
    """A small file of one's own: import, then `run`."""
    with _state() as layout:
        lines = layout.root / "lines.csv"
        _write_lines(lines)
        _import(layout, "events", lines, "rees46")
        seconds, _ = _timed([sys.executable, "-m", "local_stack", "--state", str(layout.root), "run"])
    return Measured(f"`python -m local_stack run` for {_IMPORTED_ROWS} imported rows", f"{seconds:.0f} s", "≤ 35 s")


def online_retail() -> Measured:
    """541,909 real invoice lines, with the share of each stage."""
    what, path = "Online Retail (541,909 lines): import, then `run`", DATA / "online_retail.csv.gz"
    if not path.exists():
        return Measured(what, f"not measured: {path.name} is not at hand", "≤ 90 s in all; COPY ≤ 8 s")
    with _state() as layout:
        imported = _import(layout, "lines", path, "online_retail")
        ran, printed = _timed([sys.executable, "-m", "local_stack", "--state", str(layout.root), "run"])
    shares = ", ".join(f"{name} {seconds:.1f}" for name, seconds in _stages(printed).items())
    return Measured(what, f"{imported:.0f} s, then {ran:.0f} s ({shares})", "≤ 90 s in all; COPY ≤ 8 s")


def dbt_build() -> Measured:
    """The project's own dbt command on a warehouse that holds the demo's week; the median of three."""
    with _state() as layout:
        _timed([sys.executable, "-m", "local_stack", "--state", str(layout.root), "demo", "--sessions-per-day", "80"])
        address = endpoint_process.start(layout)
        try:
            write_files(layout, address)
            environment = process_environment(layout, address)
            dbt = [str(Path(sys.executable).parent / "dbt"), "build", "--target-path", str(layout.root / "target")]
            found = [_timed(dbt, environment)[0] for _ in range(4)][1:]
        finally:
            endpoint_process.stop(address)
    return Measured("`dbt build` of the project on the endpoint, nothing changed", f"{median(found):.1f} s", "≤ 10 s")


def tests() -> Measured:
    """All tests, as `make test` runs them."""
    seconds, printed = _timed(["make", "test"])
    counts = re.findall(r"\d+ passed[^\n]*? in ", printed)
    told = counts[-1].removesuffix(" in ") if counts else "no count"
    return Measured("`make test`", f"{seconds / 60:.1f} min ({told})", "≤ 12 min")


def gate() -> Measured:
    """The whole gate in a fresh clone."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(REPO), str(clone)], check=True)
        environment = {**os.environ, "SHARED_DIR": str(DATA.parent)}
        environment.pop("VIRTUAL_ENV", None)
        seconds, _ = _timed(["bash", ".ci/run"], environment, clone)
    return Measured("`.ci/run`, a fresh clone", f"{seconds / 60:.1f} min", "≤ 16 min")


MEASURES: Mapping[str, Callable[[], Measured]] = {
    "first-demo": first_demo,
    "demo": demo,
    "run": small_run,
    "online-retail": online_retail,
    "dbt": dbt_build,
    "test": tests,
    "gate": gate,
}


@contextmanager
def _state() -> Iterator[Layout]:
    with tempfile.TemporaryDirectory() as folder:
        yield Layout(Path(folder) / "state").make()


def _timed(command: list[str], environment: Mapping[str, str] | None = None, cwd: Path = REPO) -> tuple[float, str]:
    """Return the seconds that a command took and what it printed. Raises MeasureError when it fails."""
    start = time.perf_counter()
    done = subprocess.run(
        command, cwd=cwd, env=dict(environment or os.environ), capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - start
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
        raise MeasureError(f"{' '.join(command)} ended with code {done.returncode}:\n{tail}")
    return seconds, done.stdout


def _import(layout: Layout, name: str, path: Path, mapping: str) -> float:
    environment = {
        **os.environ,
        "SPARK_INGEST_WAREHOUSE": str(layout.lake),
        "SPARK_INGEST_LANDING": str(layout.landing),
        "SPARK_INGEST_REJECTS": str(layout.root / "rejects"),
    }
    command = [sys.executable, "-m", "spark_ingest", "import", "--input", f"{name}={path}"]
    return _timed([*command, "--mapping", str(REPO / "examples" / mapping)], environment)[0]


def _write_lines(path: Path) -> None:
    """Write generated events in the form of a REES46 file."""
    kinds = {"product_view": "view", "add_to_cart": "cart", "purchase": "purchase"}
    events = [event for event in generate(1, 100).distinct if event.event_type in kinds][:_IMPORTED_ROWS]
    with path.open("w", encoding="utf-8", newline="") as stream:
        lines = csv.writer(stream)
        lines.writerow(
            [
                "event_time",
                "event_type",
                "product_id",
                "category_id",
                "category_code",
                "brand",
                "price",
                "user_id",
                "user_session",
            ]
        )
        for event in events:
            time_of = event.timestamp.strftime("%Y-%m-%d %H:%M:%S UTC")
            lines.writerow(
                [time_of, kinds[event.event_type], event.product_id, 1, "", "", event.amount or "", event.user_id or "",
                 event.session_id]
            )  # fmt: skip


def _stages(printed: str) -> dict[str, float]:
    """Return the seconds of the stages that the table names."""
    found = {}
    for line in printed.splitlines():
        if match := _STAGE.match(line):
            short = next((short for start, short in _SHORT.items() if match["what"].startswith(start)), None)
            if short:
                found[short] = float(match["seconds"])
    return found


@contextmanager
def _path_without_java(folder: Path) -> Iterator[str]:
    """Give a PATH of links to every program but Java's."""
    programs = folder / "bin"
    programs.mkdir()
    for entry in os.environ.get("PATH", "").split(os.pathsep):
        for program in Path(entry).glob("*") if Path(entry).is_dir() else ():
            link = programs / program.name
            if not program.name.startswith("java") and not link.exists() and os.access(program, os.X_OK):
                link.symlink_to(program)
    yield str(programs)
    shutil.rmtree(programs)
