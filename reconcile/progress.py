"""Says how far a long extraction is: one line that changes on a terminal, else a line now and then."""

from __future__ import annotations

import time
from datetime import date
from typing import TextIO

_ON_TERMINAL, _ELSEWHERE = 0.5, 30.0  # seconds between two


class RowProgress:
    """Called with the day, its rows read so far and those that it had when the extraction began."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._terminal = stream.isatty()
        self._shown_at = time.monotonic()
        self._shown = ""

    def __call__(self, day: date, rows: int, expected: int) -> None:
        now = time.monotonic()
        if now - self._shown_at < (_ON_TERMINAL if self._terminal else _ELSEWHERE):
            return
        self._shown_at = now
        share = f" ({min(100, rows * 100 // expected)} %)" if expected else ""
        text = f"{day}  {rows:,} of {expected:,} rows read{share}"
        if self._terminal:
            self._stream.write("\r" + text.ljust(len(self._shown)))
            self._shown = text
        else:
            self._stream.write(text + "\n")
        self._stream.flush()

    def clear(self) -> None:
        """Make room on the terminal for a line that stays."""
        if self._shown:
            self._stream.write("\r" + " " * len(self._shown) + "\r")
            self._stream.flush()
            self._shown = ""
