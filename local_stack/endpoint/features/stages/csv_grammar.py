"""Divide one record of a CSV file into fields by Snowflake's rules.

Source: https://docs.snowflake.com/en/sql-reference/sql/create-file-format
- A field is enclosed if its first character is the quote. With TRIM_SPACE, its first character that is not blank
counts.
- The escape makes a delimiter, the end of a record, or itself literal. Before any other character it stays.
- NULL_IF is compared with the text in the file, before escapes are resolved.
"""

from __future__ import annotations

import re

from local_stack.endpoint.features.stages.csv_dialect import BLANKS, CsvDialect
from local_stack.endpoint.features.stages.csv_text import CsvText

MAX_RECORD = 16_777_216  # the search for a closing quote stops after this many characters

Row = list[str | None]


class Incomplete(Exception):
    """Signal that the record continues beyond the text that has been read."""


class Malformed(Exception):
    """Signal that a record breaks the rules at a place, in a column."""

    def __init__(self, message: str, errno: int, place: int, column: int) -> None:
        super().__init__(message)
        self.errno, self.place, self.column = errno, place, column


class RecordGrammar:
    """Read records of a text. `special` finds the characters that ask for reading character by character."""

    def __init__(self, source: CsvText, dialect: CsvDialect, width: int | None) -> None:
        self._source, self._dialect, self._width = source, dialect, width
        self._bare_nulls = dialect.bare_nulls
        self._new_line = dialect.record == "\n"
        self._stop = _stops(dialect)
        inner = "".join(re.escape(c) for c in {dialect.quote or "", dialect.escape or ""})
        self._inner = re.compile(f"[{inner}]") if inner else None
        special = {dialect.quote, dialect.escape, dialect.escape_unenclosed} - {None}
        self.special = re.compile("[" + "".join(re.escape(str(c)) for c in special) + "\udc00-\udcff]")
        self._margin = max(2, len(dialect.field or ""), len(dialect.record or ""))

    def record(self, at: int) -> tuple[Row, list[int], int]:
        """Return the fields of the record at a place, where each starts, and where the next record starts."""
        d, text = self._dialect, self._source.text
        if d.record is not None:
            stop = text.find(d.record, at)
            if stop < 0 and not self._source.ended:
                raise Incomplete
            last = stop if stop >= 0 else len(text)
            if self.special.search(text, at, last) is None:
                end = last + len(d.record) if stop >= 0 else last
                line = text[at:last].removesuffix("\r") if self._new_line and stop >= 0 else text[at:last]
                return self._bare_fields(line, at, end)
        fields: Row = []
        starts: list[int] = []
        while True:
            starts.append(at)
            value, at, enclosed = self._field(at, len(fields) + 1)
            fields.append(value)
            if at >= len(text):
                return fields, starts, at
            if d.field is not None and text.startswith(d.field, at):
                at += len(d.field)
            elif length := self._length_of_record_end(at):
                return fields, starts, at + length
            elif enclosed:
                width = self._width
                last_one = width is not None and len(fields) >= width
                expected = "record delimiter '\\n'" if last_one or d.field is None else f"field delimiter '{d.field}'"
                raise Malformed(f"Found character '{text[at]}' instead of {expected}", 100016, at, len(fields))

    def _bare_fields(self, line: str, at: int, end: int) -> tuple[Row, list[int], int]:
        delimiter, nulls = self._dialect.field, self._bare_nulls
        parts = [line] if delimiter is None else line.split(delimiter)
        starts = [at]
        for part in parts[:-1]:
            starts.append(starts[-1] + len(part) + len(delimiter or ""))
        if self._dialect.trim:
            parts = [part.strip(BLANKS) for part in parts]
        return [None if part in nulls else part for part in parts], starts, end

    def _field(self, at: int, ordinal: int) -> tuple[str | None, int, bool]:
        """Return the value of the field at a place, where the field ends, and whether it is enclosed."""
        d, text = self._dialect, self._source.text
        first = at
        if d.trim:
            while first < len(text) and text[first] in BLANKS:
                first += 1
        if d.quote is not None and text.startswith(d.quote, first):
            value, after = self._enclosed(first, ordinal)
            while after < len(text) and text[after] in (BLANKS if d.trim else " ") and not self._at_delimiter(after):
                after += 1
            if after + self._margin > len(text) and not self._source.ended:
                raise Incomplete
            return None if value in d.nulls else value, after, True
        value, after = self._unenclosed(at)
        raw = text[at:after]
        if d.trim:
            value, raw = value.strip(BLANKS), raw.strip(BLANKS)
        return None if raw in self._bare_nulls else value, after, False

    def _unenclosed(self, at: int) -> tuple[str, int]:
        text, start = self._source.text, at
        parts: list[str] = []
        escape = self._dialect.escape_unenclosed
        while (found := self._stop.search(text, at)) is not None:
            if found.group() != escape:
                return "".join(parts) + text[start : found.start()], found.start()
            after = found.end()
            if after + self._margin > len(text) and not self._source.ended:
                raise Incomplete
            length = self._length_of_escaped(after)
            if length:
                parts.append(text[start : found.start()])
                start = after
            at = after + max(length, 0)
            if not length and after >= len(text):
                break
        if not self._source.ended:
            raise Incomplete
        return "".join(parts) + text[start:], len(text)

    def _enclosed(self, at: int, ordinal: int) -> tuple[str, int]:
        """Return the value of the enclosed field whose quote is at a place, and the place after its closing quote."""
        d, text = self._dialect, self._source.text
        parts: list[str] = []
        quote, place, start = str(d.quote), at + 1, at + 1
        while self._inner is not None and (found := self._inner.search(text, place)) is not None:
            place = found.start()
            if place + 1 + self._margin > len(text) and not self._source.ended:
                raise Incomplete
            following = text[place + 1 : place + 2]
            if found.group() == quote:
                if following != quote:
                    self._refuse_lines(at, place, ordinal)
                    return "".join(parts) + text[start:place], place + 1
                parts.append(text[start : place + 1])
                start = place = place + 2
            elif following in (quote, d.escape):
                parts.append(text[start:place])
                start, place = place + 1, place + 2
            else:
                place += 1
        if not self._source.ended and len(text) - at < MAX_RECORD:
            raise Incomplete
        raise Malformed(f"matching enclosing character '{quote}' not found before end of file", 100076, at, ordinal)

    def _refuse_lines(self, at: int, end: int, ordinal: int) -> None:
        """Raise the error of a record's end within quotes, where MULTI_LINE is FALSE."""
        if not self._dialect.multi_line and self._dialect.record and self._dialect.record in self._source.text[at:end]:
            message = f"matching enclosing character '{self._dialect.quote}' not found before end of record"
            raise Malformed(message, 100076, at, ordinal)

    def _at_delimiter(self, at: int) -> bool:
        delimiter = self._dialect.field
        return delimiter is not None and self._source.text.startswith(delimiter, at)

    def _length_of_escaped(self, at: int) -> int:
        """Return how many characters the escape before a place makes literal."""
        d = self._dialect
        for token in (d.field, d.escape_unenclosed, d.quote if d.escape else None):
            if token is not None and self._source.text.startswith(token, at):
                return len(token)
        return self._length_of_record_end(at)

    def _length_of_record_end(self, at: int) -> int:
        if self._new_line and self._source.text.startswith("\r\n", at):
            return 2
        record = self._dialect.record
        return len(record) if record is not None and self._source.text.startswith(record, at) else 0

    def length_of_end(self, end: int) -> int:
        """Return the length of the record delimiter that ends at a place."""
        if self._new_line and self._source.text.endswith("\r\n", self._source.at, end):
            return 2
        record = self._dialect.record
        return len(record) if record is not None and self._source.text.endswith(record, self._source.at, end) else 0


def _stops(dialect: CsvDialect) -> re.Pattern[str]:
    """Return the pattern of what ends a field without quotes, or escapes something in it."""
    record = dialect.record
    tokens = [re.escape(token) for token in (dialect.escape_unenclosed, dialect.field) if token]
    if record is not None:
        tokens.append(r"\r?\n" if record == "\n" else re.escape(record))
    return re.compile("|".join(tokens) or r"(?!)")
