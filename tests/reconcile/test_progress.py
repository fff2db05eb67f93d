"""How far a long extraction is: seldom, and on a terminal in one line."""

from __future__ import annotations

import io
from datetime import date

import pytest

from reconcile.progress import RowProgress

DAY = date(2024, 1, 15)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which the test sets."""
    now = [0.0]
    monkeypatch.setattr("reconcile.progress.time.monotonic", lambda: now[0])
    return now


def test_on_a_terminal_one_line_changes_and_makes_room(clock: list[float]) -> None:
    shown = Terminal()
    report = RowProgress(shown)
    report(DAY, 10, 2000)
    assert shown.getvalue() == ""
    clock[0] = 1.0
    report(DAY, 1000, 2000)
    assert shown.getvalue() == "\r2024-01-15  1,000 of 2,000 rows read (50 %)"
    report.clear()
    assert shown.getvalue().endswith("\r")


def test_elsewhere_a_line_now_and_then(clock: list[float]) -> None:
    shown = io.StringIO()
    report = RowProgress(shown)
    for second in range(100):
        clock[0] = float(second)
        report(DAY, second, 0)
    report.clear()
    lines = shown.getvalue().splitlines()
    assert lines == [f"2024-01-15  {second} of 0 rows read" for second in (30, 60, 90)]
