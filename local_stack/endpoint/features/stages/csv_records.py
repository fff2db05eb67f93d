"""Read the records of a CSV file in batches, and tell where a wrong one is.

Source: https://docs.snowflake.com/en/sql-reference/sql/create-file-format
- A blank line is a record of one empty field.
- A record whose quotes do not fit ends with its first line. Snowflake does not say where it continues.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from local_stack.endpoint.features.stages.csv_dialect import CsvDialect
from local_stack.endpoint.features.stages.csv_grammar import Incomplete, Malformed, RecordGrammar, Row
from local_stack.endpoint.features.stages.csv_text import CsvText
from local_stack.endpoint.features.stages.row_errors import TRANSIENT, ColumnNames, RowError
from local_stack.endpoint.features.stages.text_stream import INVALID, invalid_bytes
from local_stack.endpoint.statements import SqlError


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


class CsvReader:
    """Read a file once.

    `parsed` is the number of records so far. It includes blank and wrong ones.
    """

    def __init__(self, pieces: Iterator[str], dialect: CsvDialect, layout: Layout) -> None:
        self._source, self._dialect, self._layout = CsvText(pieces), dialect, layout
        self._grammar = RecordGrammar(self._source, dialect, layout.width)
        self._new_line = dialect.record == "\n"
        self.parsed = 0
        self._source.skip_lines(dialect.skip_header, dialect.record)

    def header(self) -> list[str]:
        """Read the first record as column names. Escapes in it are not resolved."""
        dialect = replace(self._dialect, nulls=frozenset(), empty_null=False, escape_unenclosed=None)
        grammar = RecordGrammar(self._source, dialect, self._layout.width)
        found: Sequence[str | None] = []
        while self._source.left():
            try:
                found, _, end = grammar.record(self._source.at)
            except Incomplete:
                self._source.more()
                continue
            except Malformed as error:
                raise SqlError(f"Error with CSV header: {error}", error.errno, "22000") from None
            self._source.go_to(end)
            break
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
        source = self._source
        while source.more() or source.at < len(source.text):
            end = self._whole_records()
            if end > source.at and self._grammar.special.search(source.text, source.at, end) is None:
                yield self._bare_batch(end)
            elif source.ended or end > source.at:
                yield self._careful_batch()

    def place_of(self, row: int, ordinal: int) -> tuple[int, int, int]:
        """Return the line in which a record starts, and the line and character at which one of its fields starts."""
        source = self._source
        while source.left():
            try:
                _, starts, end = self._grammar.record(source.at)
            except Incomplete:
                source.more()
                continue
            except Malformed as error:
                self._reject(Batch(), error)
                continue
            self.parsed += 1
            if self.parsed == row:
                return source.where(starts[min(ordinal, len(starts)) - 1])
            source.go_to(end)
        line, _, _ = source.where(source.at)
        return line, line, 1

    def _whole_records(self) -> int:
        """Return where the last complete record ends."""
        record, source = self._dialect.record, self._source
        if record is None:
            return len(source.text) if source.ended else source.at
        found = source.text.rfind(record, source.at)
        if source.ended and not source.text.endswith(record):
            return len(source.text)
        return found + len(record) if found >= 0 else source.at

    def _bare_batch(self, end: int) -> Batch:
        """Split records that have no quote and no escape."""
        d, source = self._dialect, self._source
        text = source.text[source.at : end]
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
            source.go_to(end)
            return batch
        batch = Batch(bare=True)
        while source.at < end:
            place = source.text.find(d.record, source.at, end) if d.record is not None else -1
            stop, after = (place, place + len(d.record or "")) if place >= 0 else (end, end)
            if self._new_line and place > source.at and source.text[place - 1] == "\r":
                stop -= 1
            line = source.text[source.at : stop]
            self._take(batch, [line] if d.field is None else line.split(d.field), None, stop, after)  # type: ignore[arg-type]
        return batch

    def _careful_batch(self) -> Batch:
        """Split records one by one. Records with a quote or an escape are read character by character."""
        batch, source = Batch(), self._source
        while source.at < len(source.text):
            try:
                fields, starts, end = self._grammar.record(source.at)
            except Incomplete:
                break
            except Malformed as error:
                self._reject(batch, error)
                continue
            stop = end - self._grammar.length_of_end(end)
            if invalid := INVALID.search(source.text, source.at, end):
                column = 1 + sum(start <= invalid.start() for start in starts[1:])
                self.parsed += 1
                batch.errors.append(
                    self._error(f"Invalid UTF8 detected in string '0x{invalid_bytes(invalid.group())}'", 100144,
                                invalid.start(), column)
                )  # fmt: skip
                source.go_to(end)
            else:
                self._take(batch, fields, starts, stop, end)
        return batch

    def _take(self, batch: Batch, fields: Row, starts: list[int] | None, stop: int, end: int) -> None:
        """Add the record from the current place to `stop`, without its delimiter, and continue at `end`."""
        self.parsed += 1
        if not (self._dialect.skip_blank_lines and stop == self._source.at):
            width, count = self._layout.width, len(fields)
            if width is None or count == width:
                batch.rows.append(fields)
                batch.numbers.append(self.parsed)
            elif self._layout.check is None:
                batch.rows.append(fields[:width] + [None] * (width - count))
                batch.numbers.append(self.parsed)
            else:
                batch.errors.append(self._miscounted(fields, starts, stop, end))
        self._source.go_to(end)

    def _reject(self, batch: Batch, error: Malformed) -> None:
        """Add the error of a record that breaks the rules, and continue after its first line."""
        self.parsed += 1
        batch.errors.append(self._error(str(error), error.errno, error.place, error.column))
        record, text = self._dialect.record, self._source.text
        found = text.find(record, self._source.at) if record is not None else -1
        self._source.go_to(len(text) if found < 0 else found + len(record or ""))

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
            last = end >= len(self._source.text) and (self._source.ended or not self._source.more_follows())
            return self._error(message, 100080, stop if last else end, count)
        if count > width:
            if starts is None:
                delimiter = len(self._dialect.field or "")
                place = self._source.at + sum(len(f or "") + delimiter for f in fields[:width]) - delimiter
            else:
                place = starts[width] - len(self._dialect.field or "")
            message = f"Field delimiter '{self._dialect.field}' found while expecting record delimiter '\\n'"
            return self._error(message, 100016, place, width)
        name = self._layout.names(count + 1)
        return self._error(f"End of record reached while expected to parse column '{name}'", 100068, stop, count + 1)

    def _error(self, message: str, errno: int, place: int, column: int) -> RowError:
        return RowError(message, errno, "22000", self.parsed, *self._source.where(place), self._layout.names(column))
