"""Stages that overlap are shown as they end, and their time is counted once."""

from __future__ import annotations

import io
import re
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from local_stack.errors import StageError
from local_stack.laptop_dbt import LaptopDbt
from local_stack.laptop_spark import LaptopSpark
from local_stack.programs import Programs
from local_stack.progress import Progress, Span
from local_stack.stage_times import covered_seconds, print_stage_times, seconds_by_kind

_SPANS = st.lists(
    st.tuples(st.integers(0, 50), st.integers(0, 20), st.sampled_from("abc")).map(
        lambda drawn: Span("stage", drawn[2], drawn[0], drawn[0] + drawn[1])
    ),
    max_size=12,
)


@given(_SPANS)
def test_the_time_covered_is_that_of_the_seconds_in_which_something_ran(spans: list[Span]) -> None:
    seconds = {second for span in spans for second in range(int(span.start), int(span.end))}
    assert covered_seconds(spans) == len(seconds)


@given(_SPANS)
def test_each_kind_is_counted_by_itself_and_the_longest_comes_first(spans: list[Span]) -> None:
    found = seconds_by_kind(spans)
    assert found == {kind: covered_seconds([s for s in spans if s.kind == kind]) for kind in {s.kind for s in spans}}
    assert list(found.values()) == sorted(found.values(), reverse=True)


def test_the_account_names_kinds_the_whole_and_what_ran_beside() -> None:
    console = Console(file=io.StringIO(), width=200)
    spans = [Span("one", "Spark", 0, 10), Span("two", "dbt", 4, 8), Span("three", "Spark", 12, 13)]
    print_stage_times(console, spans, 13)
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    assert "Spark 11.0 s · dbt 4.0 s" in printed
    assert "13.0 s in all; 4.0 s of work ran beside other work." in printed


@pytest.mark.parametrize("terminal", [False, True])
def test_stages_side_by_side_have_a_line_each_in_the_order_of_their_ends(terminal: bool) -> None:
    console = Console(file=io.StringIO(), width=120, force_terminal=terminal, no_color=True)
    progress, begun, ended = Progress(console), threading.Event(), threading.Event()

    def short() -> None:
        begun.wait()
        with progress.stage("short one"):
            pass
        ended.set()

    thread = threading.Thread(target=short)
    thread.start()
    with progress.stage("long one", "kind") as note:
        begun.set()
        ended.wait()
        note.text = "with [brackets]"
    thread.join()
    assert [(span.what, span.kind) for span in progress.spans] == [("short one", "short one"), ("long one", "kind")]
    printed = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", console.file.getvalue())  # type: ignore[attr-defined]
    assert printed.index("✓ short one") < printed.index("✓ long one — with [brackets]")


def test_a_stage_that_fails_is_marked_and_its_error_goes_on() -> None:
    console = Console(file=io.StringIO(), width=120)
    progress = Progress(console)
    with pytest.raises(ValueError, match="no"), progress.stage("broken"):
        raise ValueError("no")
    assert "✗ broken" in console.file.getvalue()  # type: ignore[attr-defined]


def test_a_file_that_spark_cannot_read_fails_the_stage_in_one_sentence(tmp_path: Path) -> None:
    """No Spark starts for a mistake that is seen before."""
    environment = {"SPARK_INGEST_WAREHOUSE": "s3://bucket", "SPARK_INGEST_LANDING": str(tmp_path)}
    with (
        LaptopSpark(environment, Programs(tmp_path)) as spark,
        pytest.raises(StageError, match="catalog_type 'hadoop' cannot keep tables on S3"),
    ):
        spark.run()


def test_a_project_that_dbt_cannot_read_fails_the_stage_with_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {"DBT_PROJECT_DIR": str(tmp_path), "DBT_PROFILES_DIR": str(tmp_path)}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)  # dbt reads the process's own, which are as before after the test
    dbt = LaptopDbt(Programs(tmp_path / "logs"), environment, tmp_path / "target")
    with pytest.raises(StageError, match="dbt parse failed") as failed:
        dbt.parse()
    assert failed.value.log is not None
    assert "dbt_project.yml" in failed.value.log.read_text(encoding="utf-8")
