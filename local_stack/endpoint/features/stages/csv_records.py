"""Split a CSV file into records and fields by Snowflake's rules.

Source: https://docs.snowflake.com/en/sql-reference/sql/create-file-format
- A field is enclosed if its first character is the quote. With TRIM_SPACE, its first character that is not blank
counts.
- The escape makes a delimiter, the end of a record, or itself literal. Before any other character it stays.
- NULL_IF is compared with the text in the file, before escapes are resolved.
- A blank line is a record of one empty field.
- A record whose quotes do not fit ends with its first line. Snowflake does not say where it continues.
The text is read in pieces. Memory never holds more than one piece and one record.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from local_stack.endpoint.features.stages.csv_dialect import BLANKS, CsvDialect
from local_stack.endpoint.features.stages.row_errors import TRANSIENT, ColumnNames, RowError
from local_stack.endpoint.features.stages.text_stream import INVALID, invalid_bytes
from local_stack.endpoint.statements import SqlError

MAX_RECORD = 16_777_216  # the search for a closing quote stops after this many characters

Row = list[str | None]


@dataclass(frozen=True)
class Layout:
    """Hold how wide the records are.

    Records shorter than `width` are filled with NULL, and longer ones are cut. With None they stay as they are. `check`
    says what the records must be as wide as, if anything. `names` are the column names for errors.
    """

    width: int | None = None
    check: Literal["table", "header"] | None = None
    names: ColumnNames = TRANSIENT


@dataclass
class Batch:
    """Hold records in their order.

    `numbers` are the records' numbers in the file. With `bare`, no field had quotes or escapes, and NULL values are not
    marked yet.
    """

    rows: list[Row] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)
    bare: bool = False


class _Incomplete(Exception):
    """Signal that the record continues beyond the text that has been read."""


class _Malformed(Exception):
    def __init__(self, message: str, errno: int, place: int, column: int) -> None:
        super().__init__(message)
        self.errno, self.place, self.column = errno, place, column


class CsvReader:
    """Read a file once.

    `parsed` is the number of records so far. It includes blank and wrong ones.
    """

    def __init__(self, pieces: Iterator[str], dialect: CsvDialect, layout: Layout) -> None:
        self._pieces, self._dialect, self._layout = pieces, dialect, layout
        self._text, self._at, self._ended = "", 0, False
        self._line, self._before = 1, 0  # the next record's line, and the characters before it there
        self._new_line = dialect.record == "\n"
        self._stop = self._stops(dialect.escape_unenclosed)
        inner = "".join(re.escape(c) for c in {dialect.quote or "", dialect.escape or ""})
        self._inner = re.compile(f"[{inner}]") if inner else None
        special = {dialect.quote, dialect.escape, dialect.escape_unenclosed} - {None}
        self._special = re.compile("[" + "".join(re.escape(str(c)) for c in special) + "\udc00-\udcff]")
        self._margin = max(2, len(dialect.field or ""), len(dialect.record or ""))
        self.parsed = 0
        self._skip_lines(dialect.skip_header)

    def header(self) -> list[str]:
        """Read the first record as column names. Escapes in it are not resolved."""
        stop, self._stop = self._stop, self._stops(None)
        dialect, self._dialect = self._dialect, replace(self._dialect, nulls=frozenset(), empty_null=False)
        found: Sequence[str | None] = []
        while self._at < len(self._text) or self._more():
            try:
                found, _, end = self._record(self._at, None)
            except _Incomplete:
                self._more()
                continue
            except _Malformed as error:
                raise SqlError(f"Error with CSV header: {error}", error.errno, "22000") from None
            self._go_to(end)
            break
        self._stop, self._dialect = stop, dialect
        names = [str(name) for name in found]
        if "" in names:
            raise SqlError("Error with CSV header: empty string in the header is not allowed", 100080, "22000")
        for name in names:
            if names.count(name) > 1:
                raise SqlError(
                    f'Error with CSV header: duplicated column names "{name}" is not allowed in the header',
                    100080,
                    "22000",
                )
        return names

    def batches(self) -> Iterator[Batch]:
        """Yield the records in batches of about one piece of text."""
        while self._more() or self._at < len(self._text):
            end = self._whole_records()
            if end > self._at and self._special.search(self._text, self._at, end) is None:
                yield self._bare_batch(end)
            elif self._ended or end > self._at:
                yield self._careful_batch()

    def place_of(self, row: int, ordinal: int) -> tuple[int, int, int]:
        """Return the line in which a record starts, and the line and character at which one of its fields starts."""
        while self._at < len(self._text) or self._more():
            try:
                _, starts, end = self._record(self._at, self._special)
            except _Incomplete:
                self._more()
                continue
            except _Malformed as error:
                self._reject(Batch(), str(error), error.errno, error.place, error.column)
                continue
            self.parsed += 1
            if self.parsed == row:
                found = self._error("", 0, starts[min(ordinal, len(starts)) - 1], ordinal)
                return found.row_line, found.line, found.character
            self._go_to(end)
        return self._line, self._line, 1

    def _whole_records(self) -> int:
        """Return where the last complete record ends."""
        record = self._dialect.record
        if record is None:
            return len(self._text) if self._ended else self._at
        found = self._text.rfind(record, self._at)
        if self._ended and not self._text.endswith(record):
            return len(self._text)
        return found + len(record) if found >= 0 else self._at

    def _bare_batch(self, end: int) -> Batch:
        """Split records that have no quote and no escape."""
        d, text = self._dialect, self._text[self._at : end]
        lines = text.split(d.record) if d.record is not None else [text]
        if d.record is not None and text.endswith(d.record):
            lines.pop()
        if self._new_line and "\r" in text:
            lines = [line.removesuffix("\r") for line in lines]
        rows: list[Row] = [[line] for line in lines] if d.field is None else [line.split(d.field) for line in lines]  # type: ignore[misc]
        width = self._layout.width
        if self._new_line and not d.skip_blank_lines and (width is None or set(map(len, rows)) <= {width}):
            batch = Batch(rows, list(range(self.parsed + 1, self.parsed + 1 + len(rows))), bare=True)
            self.parsed += len(rows)
            self._line += len(rows)
            self._at = end
            return batch
        batch = Batch(bare=True)
        while self._at < end:
            place = self._text.find(d.record, self._at, end) if d.record is not None else -1
            stop, after = (place, place + len(d.record or "")) if place >= 0 else (end, end)
            if self._new_line and place > self._at and self._text[place - 1] == "\r":
                stop -= 1
            line = self._text[self._at : stop]
            self._take(batch, [line] if d.field is None else line.split(d.field), None, stop, after)  # type: ignore[arg-type]
        return batch

    def _careful_batch(self) -> Batch:
        """Split records one by one. Records with a quote or an escape are read character by character."""
        batch = Batch()
        while self._at < len(self._text):
            try:
                fields, starts, end = self._record(self._at, self._special)
            except _Incomplete:
                break
            except _Malformed as error:
                self._reject(batch, str(error), error.errno, error.place, error.column)
                continue
            stop = end - self._length_of_end(end)
            if invalid := INVALID.search(self._text, self._at, end):
                column = 1 + sum(start <= invalid.start() for start in starts[1:])
                self.parsed += 1
                batch.errors.append(
                    self._error(f"Invalid UTF8 detected in string '0x{invalid_bytes(invalid.group())}'", 100144,
                                invalid.start(), column)
                )  # fmt: skip
                self._go_to(end)
            else:
                self._take(batch, fields, starts, stop, end)
        return batch

    def _take(self, batch: Batch, fields: Row, starts: list[int] | None, stop: int, end: int) -> None:
        """Add the record from the current place to `stop`, without its delimiter, and continue at `end`."""
        self.parsed += 1
        if not (self._dialect.skip_blank_lines and stop == self._at):
            width, count = self._layout.width, len(fields)
            if width is None or count == width:
                batch.rows.append(fields)
                batch.numbers.append(self.parsed)
            elif self._layout.check is None:
                batch.rows.append(fields[:width] + [None] * (width - count))
                batch.numbers.append(self.parsed)
            else:
                batch.errors.append(self._miscounted(fields, starts, stop, end))
        self._go_to(end)

    def _record(self, at: int, special: re.Pattern[str] | None) -> tuple[Row, list[int], int]:
        """Return the fields of the record at a place, where each starts, and where the next record starts."""
        d, text = self._dialect, self._text
        if special is not None and d.record is not None:
            stop = text.find(d.record, at)
            if stop < 0 and not self._ended:
                raise _Incomplete
            last = stop if stop >= 0 else len(text)
            if special.search(text, at, last) is None:
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
                width = self._layout.width
                last_one = width is not None and len(fields) >= width
                expected = "record delimiter '\\n'" if last_one or d.field is None else f"field delimiter '{d.field}'"
                raise _Malformed(f"Found character '{text[at]}' instead of {expected}", 100016, at, len(fields))

    def _bare_fields(self, line: str, at: int, end: int) -> tuple[Row, list[int], int]:
        delimiter, nulls = self._dialect.field, self._dialect.bare_nulls
        parts = [line] if delimiter is None else line.split(delimiter)
        starts = [at]
        for part in parts[:-1]:
            starts.append(starts[-1] + len(part) + len(delimiter or ""))
        if self._dialect.trim:
            parts = [part.strip(BLANKS) for part in parts]
        return [None if part in nulls else part for part in parts], starts, end

    def _field(self, at: int, ordinal: int) -> tuple[str | None, int, bool]:
        """Return the value of the field at a place, where the field ends, and whether it is enclosed."""
        d, text = self._dialect, self._text
        first = at
        if d.trim:
            while first < len(text) and text[first] in BLANKS:
                first += 1
        if d.quote is not None and text.startswith(d.quote, first):
            value, after = self._enclosed(first, ordinal)
            while after < len(text) and text[after] in (BLANKS if d.trim else " ") and not self._at_delimiter(after):
                after += 1
            if after + self._margin > len(text) and not self._ended:
                raise _Incomplete
            return None if value in d.nulls else value, after, True
        value, after = self._unenclosed(at)
        raw = text[at:after]
        if d.trim:
            value, raw = value.strip(BLANKS), raw.strip(BLANKS)
        return None if raw in d.bare_nulls else value, after, False

    def _unenclosed(self, at: int) -> tuple[str, int]:
        text, start = self._text, at
        parts: list[str] = []
        escape = self._dialect.escape_unenclosed
        while (found := self._stop.search(text, at)) is not None:
            if found.group() != escape:
                return "".join(parts) + text[start : found.start()], found.start()
            after = found.end()
            if after + self._margin > len(text) and not self._ended:
                raise _Incomplete
            length = self._length_of_escaped(after)
            if length:
                parts.append(text[start : found.start()])
                start = after
            at = after + max(length, 0)
            if not length and after >= len(text):
                break
        if not self._ended:
            raise _Incomplete
        return "".join(parts) + text[start:], len(text)

    def _enclosed(self, at: int, ordinal: int) -> tuple[str, int]:
        """Return the value of the enclosed field whose quote is at a place, and the place after its closing quote."""
        d, text = self._dialect, self._text
        parts: list[str] = []
        quote, place, start = str(d.quote), at + 1, at + 1
        while self._inner is not None and (found := self._inner.search(text, place)) is not None:
            place = found.start()
            if place + 1 + self._margin > len(text) and not self._ended:
                raise _Incomplete
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
        if not self._ended and len(text) - at < MAX_RECORD:
            raise _Incomplete
        raise _Malformed(f"matching enclosing character '{quote}' not found before end of file", 100076, at, ordinal)

    def _refuse_lines(self, at: int, end: int, ordinal: int) -> None:
        """Raise the error of a record's end within quotes, where MULTI_LINE is FALSE."""
        if not self._dialect.multi_line and self._dialect.record and self._dialect.record in self._text[at:end]:
            message = f"matching enclosing character '{self._dialect.quote}' not found before end of record"
            raise _Malformed(message, 100076, at, ordinal)

    def _at_delimiter(self, at: int) -> bool:
        delimiter = self._dialect.field
        return delimiter is not None and self._text.startswith(delimiter, at)

    def _length_of_escaped(self, at: int) -> int:
        """Return how many characters the escape before a place makes literal."""
        d = self._dialect
        for token in (d.field, d.escape_unenclosed, d.quote if d.escape else None):
            if token is not None and self._text.startswith(token, at):
                return len(token)
        return self._length_of_record_end(at)

    def _length_of_record_end(self, at: int) -> int:
        if self._new_line and self._text.startswith("\r\n", at):
            return 2
        record = self._dialect.record
        return len(record) if record is not None and self._text.startswith(record, at) else 0

    def _length_of_end(self, end: int) -> int:
        """Return the length of the record delimiter that ends at a place."""
        if self._new_line and self._text.endswith("\r\n", self._at, end):
            return 2
        record = self._dialect.record
        return len(record) if record is not None and self._text.endswith(record, self._at, end) else 0

    def _stops(self, escape: str | None) -> re.Pattern[str]:
        record = self._dialect.record
        ends = [r"\r?\n" if record == "\n" else None if record is None else re.escape(record)]
        tokens = [
            re.escape(escape) if escape else None,
            re.escape(self._dialect.field) if self._dialect.field else None,
        ]
        return re.compile("|".join(token for token in (*tokens, *ends) if token) or r"(?!)")

    def _skip_lines(self, count: int) -> None:
        """Skip the lines of SKIP_HEADER. It counts lines, whatever the record delimiter is."""
        line_end = re.compile("\r\n|\n|\r(?!$)" if self._dialect.record == "\r" else "\n")
        while count:
            found = line_end.search(self._text, self._at)
            if found is None:
                if not self._more():
                    self._at = len(self._text)
                    return
                continue
            self._go_to(found.end())
            count -= 1

    def _more(self) -> bool:
        """Read another piece. Return False at the end of the file."""
        while not self._ended:
            piece = next(self._pieces, None)
            if piece is None:
                self._ended = True
            elif piece:
                self._text = self._text[self._at :] + piece
                self._at = 0
                return True
        return False

    def _go_to(self, end: int) -> None:
        lines = self._text.count("\n", self._at, end)
        if lines:
            self._line += lines
            self._before = end - self._text.rfind("\n", self._at, end) - 1
        else:
            self._before += end - self._at
        self._at = end

    def _reject(self, batch: Batch, message: str, errno: int, place: int, column: int) -> None:
        self.parsed += 1
        batch.errors.append(self._error(message, errno, place, column))
        record = self._dialect.record
        found = self._text.find(record, self._at) if record is not None else -1
        self._go_to(len(self._text) if found < 0 else found + len(record or ""))

    def _miscounted(self, fields: Row, starts: list[int] | None, stop: int, end: int) -> RowError:
        """Return the error of a record that is not as wide as the table or the header."""
        width, count = self._layout.width or 0, len(fields)
        if self._layout.check == "header":
            more = count > width
            counts = (
                f"({width}) columns while data contains more"
                if more
                else f"{width} columns while data contains {count}"
            )
            return self._error(
                f"Error with CSV header: header defined {counts} columns", 100080, stop, min(width, count)
            )
        if self.parsed == 1:
            message = (
                f"Number of columns in file ({count}) does not match that of the corresponding table ({width}), use file"
                " format option error_on_column_count_mismatch=false to ignore this error"
            )
            last = end >= len(self._text) and (self._ended or not self._more_follows())
            return self._error(message, 100080, stop if last else end, count)
        if count > width:
            if starts is None:
                delimiter = len(self._dialect.field or "")
                place = self._at + sum(len(f or "") + delimiter for f in fields[:width]) - delimiter
            else:
                place = starts[width] - len(self._dialect.field or "")
            message = f"Field delimiter '{self._dialect.field}' found while expecting record delimiter '\\n'"
            return self._error(message, 100016, place, width)
        name = self._layout.names(count + 1)
        return self._error(f"End of record reached while expected to parse column '{name}'", 100068, stop, count + 1)

    def _more_follows(self) -> bool:
        """Return whether the file continues after the text that has been read. The current place does not change."""
        piece = next((piece for piece in self._pieces if piece), None)
        if piece is None:
            self._ended = True
            return False
        self._text += piece
        return True

    def _error(self, message: str, errno: int, place: int, column: int) -> RowError:
        lines = self._text.count("\n", self._at, place)
        before = place - self._text.rfind("\n", self._at, place) - 1 if lines else self._before + place - self._at
        return RowError(
            message, errno, "22000", self.parsed, self._line, self._line + lines, before + 1, self._layout.names(column)
        )
