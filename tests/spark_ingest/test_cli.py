"""The command line as people run it: one sentence for a mistake, exit codes, a whole round in processes of their own."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from spark_ingest import cli
from spark_ingest.cli import main
from spark_ingest.spark.session import _signals_held
from tests.spark_ingest.conftest import REPOSITORY, Lake
from tests.spark_ingest.rows import at, event, named

EVENT = {
    "event_id": named("event 1").upper(),
    "session_id": named("session"),
    "event_type": "page_view",
    "timestamp": at("2024-01-15 10:00:00"),
    "properties": "{broken",
}


def environment(root: Path, lake: Lake | None = None) -> dict[str, str]:
    """The environment of a command that works in a folder of its own, or on a lake that the tests' Spark also writes."""
    folders = {name: str(root / name.lower()) for name in ("WAREHOUSE", "LANDING", "SCRATCH", "REJECTS")}
    return {
        **{key: value for key, value in os.environ.items() if not key.startswith("SPARK_INGEST_")},
        **{f"SPARK_INGEST_{name}": path for name, path in folders.items()},
        **(
            {"SPARK_INGEST_WAREHOUSE": lake.config.warehouse, "SPARK_INGEST_NAMESPACE": lake.config.namespace}
            if lake
            else {}
        ),
        "SPARK_INGEST_LOG": str(root / "log.jsonl"),
        "SPARK_INGEST_IVY_DIR": str(REPOSITORY / ".cache" / "ivy"),
        "SPARK_INGEST_SHUFFLE_PARTITIONS": "2",
        "SPARK_INGEST_JAVA_OPTIONS": "-XX:TieredStopAtLevel=1",
        "PYTHONPATH": str(REPOSITORY),
    }


def command(root: Path, lake: Lake, *arguments: str) -> subprocess.CompletedProcess[str]:
    run = [sys.executable, "-m", "spark_ingest", *arguments]
    return subprocess.run(
        run, cwd=root, env=environment(root, lake), capture_output=True, text=True, timeout=180, check=False
    )


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["run"], 4, r"table ecommerce.user_events does not exist in"),
        (["run", "--from", "2024-02-01", "--to", "2024-01-01"], 2, "--from 2024-02-01 is after --to 2024-01-01"),
        (["import", "--input", "a=b", "--mapping", "nowhere"], 2, "nowhere is no folder"),
        (["append", "--events", "nothing.parquet"], 2, "nothing.parquet does not exist"),
        (["append"], 2, "name a file: --events or --transactions"),
    ],
)
def test_mistakes_are_one_sentence(
    arguments: list[str],
    code: int,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for key, value in environment(tmp_path).items():
        if key.startswith("SPARK_INGEST_"):
            monkeypatch.setenv(key, value)
    assert main(arguments) == code
    errors = capsys.readouterr().err
    assert told in errors
    assert "Traceback" not in errors
    assert len(errors.strip().splitlines()) == 1


def test_a_spark_that_stopped_before_its_jobs_are_cancelled_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command ends, and stops its Spark, while the thread that cancels the jobs has only been started."""
    asked: list[str] = []

    class Stopped:
        def cancelAllJobs(self) -> None:
            asked.append("jobs")
            raise RuntimeError("Cannot call methods on a stopped SparkContext.")

    unhandled: list[object] = []
    monkeypatch.setattr(threading, "excepthook", unhandled.append)
    monkeypatch.setattr("pyspark.SparkContext._active_spark_context", Stopped())
    monkeypatch.setattr(threading.Thread, "start", threading.Thread.run)  # at once, in this thread

    def told_to_end() -> None:
        with cli._terminable(threading.Event()):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)  # a signal is answered between two steps of the interpreter

    with pytest.raises(cli._Terminated):
        told_to_end()
    assert (asked, unhandled) == (["jobs"], [])


def test_jobs_are_cancelled_until_the_command_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call to Spark that is between two jobs when the signal comes starts the next one."""
    cancelled: list[str] = []

    class Running:
        def cancelAllJobs(self) -> None:
            cancelled.append("jobs")

    monkeypatch.setattr("pyspark.SparkContext._active_spark_context", Running())
    monkeypatch.setattr(cli, "_SECONDS_BETWEEN_JOBS", 0.01)

    def told_to_end() -> None:
        with cli._terminable(threading.Event()):
            try:
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(5)
            finally:
                deadline = time.monotonic() + 5
                while len(cancelled) < 3 and time.monotonic() < deadline:
                    time.sleep(0.01)

    with pytest.raises(cli._Terminated):
        told_to_end()
    assert len(cancelled) >= 3


def test_a_jvm_that_is_starting_is_waited_for() -> None:
    """PySpark that is interrupted meanwhile leaves a JVM that never ends."""
    reached: list[str] = []

    def started_under_a_signal() -> None:
        with cli._terminable(threading.Event()):
            with _signals_held():
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(0.01)
                signal.signal(signal.SIGINT, signal.SIG_IGN)  # Spark sets one of its own
                reached.append("there")
            reached.append("on")

    before = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(cli._Terminated):
            started_under_a_signal()
        assert reached == ["there"]
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("then", [lambda: time.sleep(20), lambda: [][0]], ids=["goes on", "fails"])
def test_a_request_to_end_is_heard_in_a_destructor_too(
    then: Callable[[], object],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Python goes on after what is raised there, wherever the garbage collector happens to run."""

    class Collected:
        def __del__(self) -> None:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.01)

    def work(*_: object) -> None:
        Collected()
        then()

    monkeypatch.setattr(cli, "_create", work)
    for key, value in environment(tmp_path).items():
        monkeypatch.setenv(key, value)
    start = time.monotonic()
    assert main(["create"]) == 143
    assert time.monotonic() - start < 10
    assert capsys.readouterr().err.startswith("spark_ingest: terminated; the next run completes what is missing")


@pytest.mark.spark
def test_killed_runs_are_made_good_by_the_next(lake: Lake, tmp_path: Path) -> None:
    """Runs ended early and killed with kill -9 while staging, run again; once more, killed just before publication."""
    assert Path(lake.config.landing) == tmp_path / "landing"
    lake.append([EVENT, EVENT | {"event_id": named("event 1")}])
    staged, log = tmp_path / "landing" / "user_sessions", tmp_path / "log.jsonl"
    told = kill_when(tmp_path, lake, lambda: log.exists() and '"stage": "dates"' in log.read_text(), signal.SIGTERM)
    assert told == "spark_ingest: terminated; the next run completes what is missing (--debug shows more)\n"
    assert not staged.exists()
    kill_when(tmp_path, lake, staged.exists)
    assert not list((tmp_path / "landing" / "_manifests").glob("*.json"))

    done = command(tmp_path, lake, "run")
    assert done.returncode == 0, done.stderr
    (manifest,) = (tmp_path / "landing" / "_manifests").glob("*.json")
    batch = json.loads(manifest.read_text())
    assert batch["datasets"]["user_sessions"]["rows"] == 1
    assert batch["findings"] == {"duplicate_events": 1}
    files = {str(path.relative_to(tmp_path / "landing")) for path in staged.rglob("*.parquet")}
    assert files == {file["path"] for file in batch["datasets"]["user_sessions"]["files"]}
    assert pq.read_table(tmp_path / "landing" / next(iter(files)), partitioning=None)["event_count"].to_pylist() == [1]
    stages = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert {"plan", "staged sessions", "publish"} <= {line["stage"] for line in stages if line["status"] == "succeeded"}
    assert set(batch["summary"]["seconds"]) >= {"plan", "staged sessions"}
    assert command(tmp_path, lake, "run").stdout == "Nothing new in the lake: no batch was published.\n"

    lake.append([event("2", "session", "2024-01-15 10:00:00", properties="{broken")])
    known = len(log.read_text())
    kill_when(tmp_path, lake, lambda: "staged sessions" in log.read_text()[known:])  # so published or not
    lake.run()
    manifests = [json.loads(path.read_text()) for path in (tmp_path / "landing" / "_manifests").glob("*.json")]
    assert len(manifests) == 2
    files = {str(path.relative_to(tmp_path / "landing")) for path in staged.rglob("*.parquet")}
    assert files == {file["path"] for made in manifests for file in made["datasets"]["user_sessions"]["files"]}
    assert command(tmp_path, lake, "run").stdout == "Nothing new in the lake: no batch was published.\n"


def kill_when(root: Path, lake: Lake, reached: Callable[[], bool], how: signal.Signals = signal.SIGKILL) -> str:
    """Start a run, and kill it and its Spark once it has reached something; or ask it to end, with its Spark. What it told."""
    running = subprocess.Popen(
        [sys.executable, "-m", "spark_ingest", "run"],
        cwd=root,
        env=environment(root, lake),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 300  # where a machine has much other work
    while not reached() and running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    if how == signal.SIGKILL:
        os.killpg(running.pid, how)
        _, told = running.communicate()
        assert running.returncode == -signal.SIGKILL
    else:
        running.send_signal(how)
        _, told = running.communicate(timeout=120)  # its Spark holds the other end of the pipe, too
        assert running.returncode == 128 + how
    assert reached()
    return told


@pytest.mark.spark
def test_a_killed_executor_costs_only_time(lake: Lake, tmp_path: Path) -> None:
    """A driver with one executor in a process of its own, which is killed with kill -9 after its first stage."""
    lake.append([event(str(number), "session", "2024-01-15 10:00:00") for number in range(3)])
    cluster = environment(tmp_path, lake) | {"SPARK_INGEST_SPARK_MASTER": "local-cluster[1,1,1024]"}
    with subprocess.Popen(
        [sys.executable, "-m", "spark_ingest", "run"],
        cwd=tmp_path,
        env=cluster,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as running:
        log, killed, deadline = tmp_path / "log.jsonl", None, time.monotonic() + 120
        while killed is None and running.poll() is None and time.monotonic() < deadline:
            if log.exists() and "rows of user_events" in log.read_text():
                killed = _executor_of(running.pid)
                os.kill(killed, signal.SIGKILL)
            time.sleep(0.05)
        _, errors = running.communicate(timeout=180)
    assert killed is not None
    assert running.returncode == 0, errors
    (manifest,) = (tmp_path / "landing" / "_manifests").glob("*.json")
    (file,) = json.loads(manifest.read_text())["datasets"]["user_sessions"]["files"]
    assert pq.read_table(tmp_path / "landing" / file["path"], partitioning=None)["event_count"].to_pylist() == [3]


def _executor_of(group: int) -> int:
    """The process of the one executor in a process group."""
    found = ["pgrep", "-g", str(group), "-f", "CoarseGrainedExecutorBackend"]
    (pid,) = subprocess.run(found, capture_output=True, text=True, check=True).stdout.split()
    return int(pid)


def test_the_size_of_a_packed_file_is_that_of_what_it_holds(tmp_path: Path) -> None:
    """Spark plans an import by it: eight megabytes of gzip may be fifty of text."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "lines.csv.gz").write_bytes(gzip.compress(b"a,b\n" * 50_000))
    (tmp_path / "plain.csv").write_bytes(b"a,b\n")
    (tmp_path / "cut.gz").write_bytes(b"abc")
    assert cli._bytes([tmp_path / "folder", tmp_path / "plain.csv", tmp_path / "cut.gz"]) == 200_000 + 4 + 3
