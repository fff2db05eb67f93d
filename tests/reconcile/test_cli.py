"""The command: what it prints, its exit codes, and that a user's mistake is one sentence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from reconcile.cli import main
from tests.conftest import free_port
from tests.otlp import collector
from tests.reconcile.speed.tables import COLUMNS, TABLE, ddl, run

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("speed")
    rows = (
        f"INSERT INTO {TABLE} SELECT generateUUIDv4(), NULL, 'gold', toDateTime64('2024-01-15 20:00:00', 6, 'UTC') +"
        " number * 3600, toDateTime64('2024-01-15 00:00:00', 6, 'UTC'), 1, 0, 0, 0, 1, 2.50 FROM numbers(30)"
    )
    run(folder, ddl(COLUMNS), ddl(COLUMNS, "empty_table"), rows)
    return folder


@pytest.fixture(autouse=True)
def environment(engine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The landing. No pipeline.toml lies in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECONCILE_CLICKHOUSE_URL", f"chdb://{engine}")
    monkeypatch.setenv("RECONCILE_LANDING", str(tmp_path / "landing"))
    monkeypatch.setenv("RECONCILE_ATTEMPTS", "1")
    return tmp_path / "landing"


def test_without_dates_every_day_of_the_speed_layer(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["extract"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:5] for line in lines[:3]] == [
        ["2024-01-15", "4", "rows", "10.00", "published"],
        ["2024-01-16", "24", "rows", "60.00", "published"],
        ["2024-01-17", "2", "rows", "5.00", "published"],
    ]
    assert lines[3:] == ["3 days, 30 rows: 3 published"]
    assert main(["extract"]) == 0
    assert capsys.readouterr().out.splitlines()[3:] == ["3 days, 30 rows: 3 unchanged"]


def test_dates_and_a_range_each_day_once(capsys: pytest.CaptureFixture[str]) -> None:
    chosen = ["--date", "2024-01-16", "--from", "2024-01-16", "--to", "2024-01-17", "--date", "2024-01-10"]
    assert main(["extract", "--json", *chosen]) == 0
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["date"], one["rows"]) for one in documents] == [
        ("2024-01-10", 0),
        ("2024-01-16", 24),
        ("2024-01-17", 2),
    ]
    assert {one["outcome"] for one in documents} == {"published"}


def test_an_open_range_takes_in_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["extract", "--json", "--from", "2024-01-17", "--date", "2024-01-15"]) == 0
    assert main(["extract", "--json", "--to", "2024-01-15"]) == 0
    assert main(["extract", "--json", "--last", "2"]) == 0
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    days = [(one["date"], one["rows"], one["outcome"]) for one in documents]
    assert days[:3] == [("2024-01-15", 4, "published"), ("2024-01-17", 2, "published"), ("2024-01-15", 4, "unchanged")]
    assert [rows for _, rows, _ in days[3:]] == [0, 0]


def test_a_day_that_is_refused_stops_no_other(
    engine: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = "throwIf(toDate(session_start) = '2024-01-16', 'a broken row')"
    view = f"CREATE OR REPLACE VIEW picky AS SELECT * REPLACE (page_views + {broken} AS page_views) FROM {TABLE}"
    run(engine, view)
    monkeypatch.setenv("RECONCILE_SPEED_TABLE", "picky")
    assert main(["extract"]) == 4
    shown = capsys.readouterr()
    assert [line.split()[:2] for line in shown.out.splitlines()] == [
        ["2024-01-15", "4"],
        ["2024-01-17", "2"],
        ["3", "days,"],
    ]
    assert shown.out.splitlines()[-1] == "3 days, 6 rows: 1 failed, 2 published"
    (line,) = shown.err.splitlines()
    assert line.startswith("reconcile: 2024-01-16: ")
    assert "a broken row" in line


def test_an_extraction_tells_prometheus_how_it_went(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RECONCILE_METRICS", str(tmp_path / "figures"))
    file = tmp_path / "figures" / "extract.prom"
    assert main(["extract"]) == 0
    told = file.read_text(encoding="utf-8")
    assert 'pipeline_step_last_run_success{step="extract"} 1.0' in told
    (last,) = (line for line in told.splitlines() if line.startswith("pipeline_step_last_success_timestamp_seconds"))
    monkeypatch.setenv("RECONCILE_SPEED_TABLE", "nowhere")
    assert main(["extract"]) == 4
    told = file.read_text(encoding="utf-8")
    assert 'pipeline_step_last_run_success{step="extract"} 0.0' in told
    assert last in told.splitlines()
    monkeypatch.setenv("RECONCILE_METRICS", "http://127.0.0.1:9")
    capsys.readouterr()
    assert main(["extract"]) == 4
    assert "the run's metrics cannot be sent to http://127.0.0.1:9" in capsys.readouterr().err


def test_an_extraction_is_in_the_trace_of_the_newest_loaded_batch(
    engine: Path, environment: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One day is refused: its span and the command's have failed. A second run tells no day that it found unchanged."""
    batches = environment / "_manifests"
    batches.mkdir(parents=True)
    for age, name in enumerate(("33333333", "11111111", "22222222")):  # loaded last first
        (batches / f"{name}-d0a2-5d4b-9fa1-649f58d4dbbc.loaded").touch()
        os.utime(batches / f"{name}-d0a2-5d4b-9fa1-649f58d4dbbc.loaded", (2e9 - age, 2e9 - age))
    (batches / "44444444-d0a2-5d4b-9fa1-649f58d4dbbc.json").touch()  # published, and not loaded
    newest = "33333333-d0a2-5d4b-9fa1-649f58d4dbbc"
    broken = "throwIf(toDate(session_start) = '2024-01-16', 'a broken row')"
    run(engine, f"CREATE OR REPLACE VIEW picky AS SELECT * REPLACE (page_views + {broken} AS page_views) FROM {TABLE}")
    with collector(monkeypatch) as running:
        assert main(["extract"]) == 0
        first = running.of(newest)
        assert (first["extract"].failed, first["extract"].service) == (False, "reconcile")
        assert first["extract"].attributes == {"batch.id": newest, "stage.days": 3, "stage.published": 3}
        days = [span for span in running.spans if span.name == "day"]
        assert [(span.attributes["stage.date"], span.attributes["stage.rows"]) for span in days] == [
            ("2024-01-15", 4),
            ("2024-01-16", 24),
            ("2024-01-17", 2),
        ]
        assert {span.parent_id for span in days} == {first["extract"].span_id}
        lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
        assert {(line["batch_id"], line["trace_id"]) for line in lines} == {(newest, newest.replace("-", ""))}
        assert [(line.get("stage"), line["status"]) for line in lines] == [
            ("look", "succeeded"),
            *([("day", "succeeded")] * 3),
            (None, "succeeded"),
        ]
        running.spans.clear()
        monkeypatch.setenv("RECONCILE_SPEED_TABLE", "picky")
        assert main(["extract"]) == 4
        assert {span.name: span.failed for span in running.spans} == {"extract": True, "look": False, "day": True}
        running.spans.clear()
        monkeypatch.setenv("RECONCILE_SPEED_TABLE", "nowhere")
        assert main(["extract"]) == 4
        (alone,) = running.spans
        assert (alone.name, alone.failed) == ("extract", True)
        assert "nowhere" in alone.attributes["stage.error"]
    capsys.readouterr()
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT")
    monkeypatch.delenv("RECONCILE_SPEED_TABLE")
    assert main(["extract"]) == 0
    assert capsys.readouterr().err == ""  # off by default


def test_an_empty_table_says_so(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECONCILE_SPEED_TABLE", "empty_table")
    assert main(["extract"]) == 0
    shown = capsys.readouterr()
    assert "the speed layer's table empty_table is empty: nothing to extract" in shown.err


@pytest.mark.parametrize(
    ("variables", "arguments", "code", "message"),
    [
        ({}, ["--from", "2024-01-15", "--last", "3"], 2, "--last and --from or --to exclude each other"),
        ({}, ["--from", "2024-01-15", "--to", "2024-01-14"], 2, "--from 2024-01-15 is after --to 2024-01-14"),
        ({}, ["--from", "2010-01-15", "--to", "2024-01-14"], 2, "5113 days are more than 3660"),
        ({}, ["--to", "9999-12-31"], 2, "--to 9999-12-31 has not begun yet (UTC)"),
        ({"RECONCILE_SPEED_TABLE": "a b"}, [], 2, "speed_table 'a b' must be a plain name"),
        ({"RECONCILE_CLICKHOUSE_URL": ""}, [], 2, "missing configuration: clickhouse_url"),
        ({"RECONCILE_CLICKHOUSE_URL": "chdb://absent"}, [], 3, "there is no embedded ClickHouse in the folder absent"),
        ({"RECONCILE_CLICKHOUSE_URL": "http://127.0.0.1:{port}"}, [], 3, "cannot reach the speed layer"),
        ({"RECONCILE_SPEED_TABLE": "absent"}, [], 4, "there is no table absent in the speed layer"),
        ({"RECONCILE_LANDING": "/proc/landing"}, [], 5, "in the landing /proc/landing"),
    ],
)
def test_a_mistake_is_one_sentence_and_an_exit_code(
    variables: dict[str, str],
    arguments: list[str],
    code: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(port=free_port()))
    assert main(["extract", *arguments]) == code
    shown = capsys.readouterr().err
    assert shown.startswith("reconcile: ")
    assert message in shown
    assert shown.count("\n") == 1


@pytest.mark.parametrize("command", ["run", "explain", "report"])
def test_a_day_to_come_is_a_wrong_argument_of_every_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--connection", "absent", "--date", "9999-12-31"]) == 2
    assert capsys.readouterr().err == "reconcile: --date 9999-12-31 has not begun yet (UTC)\n"


def test_debug_shows_the_trace(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECONCILE_SPEED_TABLE", "absent")
    assert main(["--debug", "extract"]) == 4
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("date", ["2024-1-15", "20240115", "2024-02-30", "yesterday", "2024-W03-1"])
def test_what_is_no_date_is_refused(date: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["extract", "--date", date])
    assert end.value.code == 2
    assert f"'{date}' is not a date (YYYY-MM-DD)" in capsys.readouterr().err


def test_a_report_needs_a_connection_that_exists(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["report"])
    assert end.value.code == 2
    capsys.readouterr()
    monkeypatch.setenv("SNOWFLAKE_HOME", str(tmp_path))
    assert main(["report", "--connection", "nowhere", "--out", "report.html"]) == 6
    shown = capsys.readouterr().err
    assert "nowhere" in shown
    assert shown.count("\n") == 1
    assert not Path("report.html").exists()


def test_as_a_process_and_with_nothing_but_help() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "reconcile", "--help"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert "extract" in done.stdout
    assert "exit codes:" in done.stdout


def test_the_package_itself_imports_no_engine() -> None:
    """The pure part runs inside Snowflake, where neither ClickHouse's client nor Arrow, jinja2 or rich need exist."""
    code = (
        "import sys, reconcile, reconcile.comparison.status_sql, reconcile.speed.identifiers, reconcile.report.history\n"
        "engines = {'clickhouse_connect', 'pyarrow', 'jinja2', 'rich', 'snowflake.connector', 'chdb', 'pandas', 'numpy'}\n"
        "foreign = engines & sys.modules.keys()\n"
        "sys.exit(f'imported: {foreign}' if foreign else 0)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True)
