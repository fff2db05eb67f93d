"""The plan that --dry-run prints."""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path

import pytest
from rich.console import Console

from spark_ingest.batch.preview import preview
from tests.spark_ingest.conftest import Lake
from tests.spark_ingest.rows import event

pytestmark = pytest.mark.spark


def shown(lake: Lake, first: date | None = None, last: date | None = None) -> str:
    console = Console(width=200, file=io.StringIO())
    with console.capture() as captured:
        preview(lake.config, first, last, console)
    return captured.get()


def test_a_plan_is_told_and_nothing_written(lake: Lake) -> None:
    assert shown(lake) == "Nothing new in the lake: no batch would be published.\n"
    lake.append(
        [
            event("1", "a", "2024-01-15 10:00:00"),
            event("2", "a", "2024-01-15 10:05:00"),
            event("3", "b", "2024-01-16 00:05:00"),
        ]
    )
    before = shown(lake)
    assert not Path(lake.config.landing).exists()
    assert "Dates: 2024-01-15, 2024-01-16" in before
    assert "at most 3" in before

    done = lake.run()
    assert done.manifest is not None
    assert done.manifest["batch_id"] in before
    assert shown(lake).startswith("Nothing new")

    lake.append([event(str(number), "c", f"2024-01-17 10:00:0{number}") for number in range(4, 7)])
    after = shown(lake)
    assert "2024-01-15" not in after
    assert "append" in after
    assert "about 2, by the ratio" in after  # 3 events at two sessions in three events
    assert "Dates: 2024-01-15" in shown(lake, date(2024, 1, 15), date(2024, 1, 15))
