"""`python -m benchmarks.concurrency`: how long a small query takes on the local endpoint, alone and while others work.

An endpoint of its own, in a temporary folder. First one session asks alone; then as many sessions as `--sessions` says query
and call without a pause, and one loads files, deletes and merges, while the first asks on.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles
from typing import Any

import snowflake.connector
from rich.console import Console
from rich.table import Table

from tests.conftest import free_port

_SMALL = "SELECT s FROM facts WHERE i = 42"
_FACTS = 100_000
_FILES = 20
_ROWS_IN_FILE = 5_000
_SET_UP = (
    "CREATE TABLE facts AS SELECT SEQ4() AS i, SEQ4() % 100 AS g, 'row ' || SEQ4() AS s"
    f" FROM TABLE(GENERATOR(ROWCOUNT => {_FACTS}))",
    "CREATE TABLE loads (i INT, s STRING)",
    "CREATE STAGE files URL = 's3://bench/'",
    "CREATE PROCEDURE groups() RETURNS INT LANGUAGE SQL AS $$BEGIN LET n INT := 0;"
    " SELECT COUNT(DISTINCT g) INTO :n FROM facts; RETURN n; END$$",
)


@contextmanager
def endpoint(folder: Path) -> Iterator[Callable[[], Any]]:
    """Serve from a folder; yield what connects to it."""
    port = free_port()
    command = [sys.executable, "-m", "local_stack.endpoint", "--data-dir", str(folder / "data")]
    command += ["--s3-root", str(folder / "s3"), "--port", str(port)]
    log = (folder / "log").open("wb")
    process = subprocess.Popen(command, stdout=log, stderr=log)

    def connect() -> Any:
        place = {
            "account": "local",
            "user": "local",
            "password": "local",
            "host": "127.0.0.1",
            "port": port,
            "protocol": "http",
        }
        return snowflake.connector.connect(database="BENCH", schema="PUBLIC", **place)

    try:
        for _ in range(120):
            try:
                with connect() as first:
                    first.cursor().execute("CREATE DATABASE IF NOT EXISTS bench")
                break
            except snowflake.connector.errors.Error:
                time.sleep(0.5)
        yield connect
    finally:
        process.terminate()
        process.wait(30)
        log.close()


def milliseconds(connection: Any, seconds: float) -> list[float]:
    """Ask the small query again and again; return how long each took."""
    cursor, taken, end = connection.cursor(), [], time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.perf_counter()
        cursor.execute(_SMALL).fetchall()
        taken.append((time.perf_counter() - began) * 1000)
        time.sleep(0.01)
    return taken


class Load:
    """Sessions that work until they are told to stop. counts: statements done, by kind; errors: what went wrong."""

    def __init__(self, connect: Callable[[], Any], sessions: int) -> None:
        self.counts: dict[str, int] = {}
        self.errors: list[str] = []
        self._stop = threading.Event()
        work = [self._load, *(self._query if n % 2 else self._call for n in range(sessions))]
        self._threads = [threading.Thread(target=self._until_stopped, args=(connect, each)) for each in work]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _until_stopped(self, connect: Callable[[], Any], work: Callable[[Any], None]) -> None:
        try:
            with connect() as connection:
                while not self._stop.is_set():
                    work(connection.cursor())
        except snowflake.connector.errors.Error as error:
            self.errors.append(str(error))

    def _done(self, kind: str) -> None:
        self.counts[kind] = self.counts.get(kind, 0) + 1

    def _query(self, cursor: Any) -> None:
        cursor.execute("SELECT g, COUNT(*), MAX(s) FROM facts GROUP BY g ORDER BY g").fetchall()
        self._done("queries")

    def _call(self, cursor: Any) -> None:
        cursor.execute("CALL groups()").fetchall()
        self._done("calls")

    def _load(self, cursor: Any) -> None:
        cursor.execute("BEGIN")
        cursor.execute("DELETE FROM loads")
        cursor.execute("COPY INTO loads FROM @files FILE_FORMAT = (TYPE = CSV) FORCE = TRUE").fetchall()
        cursor.execute("MERGE INTO loads USING facts ON loads.i = facts.i WHEN MATCHED THEN UPDATE SET s = facts.s")
        cursor.execute("COMMIT")
        self._done("loads")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="benchmarks.concurrency", description=__doc__)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=30.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, endpoint(Path(name)) as connect:
        folder = Path(name) / "s3" / "bench"
        folder.mkdir(parents=True)
        for number in range(_FILES):
            rows = range(number * _ROWS_IN_FILE, (number + 1) * _ROWS_IN_FILE)
            (folder / f"{number}.csv").write_text("".join(f"{i},loaded\n" for i in rows), encoding="utf-8")
        connection = connect()
        for statement in _SET_UP:
            connection.cursor().execute(statement)
        alone = milliseconds(connection, options.seconds / 3)
        with Load(connect, options.sessions) as load:
            under_load = milliseconds(connection, options.seconds)
    machine = (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}"
    )
    table = Table("a small query", "count", "p50 ms", "p95 ms", "p99 ms", "longest", title=machine)
    for label, taken in (("alone", alone), (f"beside {options.sessions} sessions and a load", under_load)):
        cuts = quantiles(taken, n=100, method="inclusive")
        table.add_row(label, str(len(taken)), *(f"{cuts[n - 1]:.1f}" for n in (50, 95, 99)), f"{max(taken):.1f}")
    console = Console(width=120)
    console.print(table)
    console.print(f"meanwhile: {', '.join(f'{count} {kind}' for kind, count in load.counts.items())}")
    console.print(f"errors: {load.errors or 'none'}")


if __name__ == "__main__":
    main()
