"""Read the text of a CSV file in pieces. Memory never holds more than one piece and one record."""

from __future__ import annotations

import re
from collections.abc import Iterator


class CsvText:
    """Hold the text that has been read and not yet used: `text` from `at` on. `ended` tells that no piece follows."""

    def __init__(self, pieces: Iterator[str]) -> None:
        self._pieces = pieces
        self.text, self.at, self.ended = "", 0, False
        self._line, self._before = 1, 0  # the line of the current place, and the characters before it there

    def left(self) -> bool:
        """Return whether there is more of the file, and read on where all that has been read is used."""
        return self.at < len(self.text) or self.more()

    def where(self, place: int) -> tuple[int, int, int]:
        """Return the line of the current place, and the line and the character of another place after it."""
        lines = self.text.count("\n", self.at, place)
        before = place - self.text.rfind("\n", self.at, place) - 1 if lines else self._before + place - self.at
        return self._line, self._line + lines, before + 1

    def skip_lines(self, count: int, record: str | None) -> None:
        """Skip the lines of SKIP_HEADER. It counts lines, whatever the record delimiter is."""
        line_end = re.compile("\r\n|\n|\r(?!$)" if record == "\r" else "\n")
        while count:
            found = line_end.search(self.text, self.at)
            if found is None:
                if not self.more():
                    self.at = len(self.text)
                    return
                continue
            self.go_to(found.end())
            count -= 1

    def more(self) -> bool:
        """Read another piece. Return False at the end of the file."""
        while not self.ended:
            piece = next(self._pieces, None)
            if piece is None:
                self.ended = True
            elif piece:
                self.text = self.text[self.at :] + piece
                self.at = 0
                return True
        return False

    def go_to(self, end: int) -> None:
        """Continue at a place."""
        lines = self.text.count("\n", self.at, end)
        if lines:
            self._line += lines
            self._before = end - self.text.rfind("\n", self.at, end) - 1
        else:
            self._before += end - self.at
        self.at = end

    def more_follows(self) -> bool:
        """Return whether the file continues after the text that has been read. The current place does not change."""
        piece = next((piece for piece in self._pieces if piece), None)
        if piece is None:
            self.ended = True
            return False
        self.text += piece
        return True
