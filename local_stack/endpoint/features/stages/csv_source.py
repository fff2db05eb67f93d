"""Read a CSV file as a DuckDB relation of text columns c1, c2, …

DuckDB's reader is used where it is exact, and our own reader elsewhere.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from local_stack.endpoint.errors import carried
from local_stack.endpoint.features.stages.csv_dialect import BLANKS, CsvDialect
from local_stack.endpoint.features.stages.csv_plain import PlainFile, plain_file
from local_stack.endpoint.features.stages.csv_records import Batch, CsvReader, Layout
from local_stack.endpoint.features.stages.formats import no_glob
from local_stack.endpoint.features.stages.row_errors import RowError
from local_stack.endpoint.features.stages.text_stream import read_text
from local_stack.endpoint.language.quoting import identifier, literal
from local_stack.endpoint.statements import SqlError

ROW = "row"  # the column with a record's number


@dataclass(frozen=True)
class CsvFile:
    """Hold a file, how it is divided, and how wide its records must be. `display` is its name in errors."""

    path: Path
    display: str
    dialect: CsvDialect
    layout: Layout

    def reader(self) -> CsvReader:
        """Open the file. If it has a header, the header is still to be read."""
        d = self.dialect
        pieces = read_text(self.path, d.compression, d.encoding, d.skip_mark, d.replace_invalid)
        return CsvReader(pieces, d, self.layout)

    def reader_after_header(self) -> CsvReader:
        """Open the file at its first record."""
        reader = self.reader()
        if self.dialect.parse_header:
            reader.header()
        return reader

    def header(self) -> list[str]:
        """Return the names in the first record. Raises SqlError for an empty name and for two equal names."""
        try:
            return self.reader().header()
        except SqlError as error:
            raise SqlError(f"{error.message}\n  File '{self.display}'", error.errno, error.sqlstate) from None

    def measured(self) -> int:
        """Return the width of the first record. Return 1 for an empty file."""
        reader = self.with_layout(Layout()).reader()
        if self.dialect.parse_header:
            return len(reader.header())
        for batch in reader.batches():
            if batch.rows:
                return len(batch.rows[0])
        return 1

    def with_layout(self, layout: Layout) -> CsvFile:
        return replace(self, layout=layout)


class CsvSource:
    """Provide the records that our reader finds as Arrow. DuckDB may scan them as often as it likes.

    With `strict`, the first wrong record ends the scan. After a scan, `parsed` is the number of records. `errors` holds
    the first error, or all of them with `every`.
    """

    def __init__(self, file: CsvFile, strict: bool = False, every: bool = False) -> None:
        self._file, self._strict, self._every = file, strict, every
        self._width = file.layout.width or 1
        self.schema = pa.schema([*((f"c{n}", pa.string()) for n in range(1, self._width + 1)), (ROW, pa.int64())])
        self.parsed = self.wrong = 0
        self.errors: list[RowError] = []

    def __arrow_c_schema__(self) -> object:
        return self.schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        self.parsed = self.wrong = 0
        self.errors = []
        reader = pa.RecordBatchReader.from_batches(self.schema, self._batches())
        return reader.__arrow_c_stream__(requested_schema)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        try:
            yield from self._records()
        except (OSError, zlib.error) as error:
            message = f"The file cannot be read in the compression of its file format.\n  File '{self._file.display}'"
            raise RuntimeError(carried(message, 100195, "22000")) from error
        except SqlError as error:
            raise RuntimeError(carried(error.message, error.errno, error.sqlstate)) from error

    def _records(self) -> Iterator[pa.RecordBatch]:
        reader = self._file.reader_after_header()
        for batch in reader.batches():
            self.parsed = reader.parsed
            self.wrong += len(batch.errors)
            if batch.errors:
                self.errors += batch.errors if self._every else batch.errors[: 1 - min(1, len(self.errors))]
                if self._strict:
                    error = self.errors[0].in_file(self._file.display)
                    raise RuntimeError(carried(error.message, error.errno, error.sqlstate))
            if batch.rows:
                yield self._arrow(batch)

    def _arrow(self, batch: Batch) -> pa.RecordBatch:
        columns = [pa.array(column, pa.string()) for column in zip(*batch.rows, strict=True)]
        if batch.bare:
            if self._file.dialect.trim:
                columns = [pc.utf8_trim(column, BLANKS) for column in columns]
            nulls = pa.array(sorted(self._file.dialect.bare_nulls), pa.string())
            columns = [pc.if_else(pc.is_in(column, nulls), pa.scalar(None, pa.string()), column) for column in columns]
        return pa.record_batch([*columns, pa.array(batch.numbers, pa.int64())], schema=self.schema)


def plain_relation(file: CsvFile) -> str | None:
    """Return DuckDB's reader over a file that it divides exactly, as wide as the file's layout.

    Return None for other files.
    """
    plain = plain_file(file.path, file.dialect)
    width = file.layout.width
    if plain is None or width is None or (file.layout.check is not None and plain.width != width):
        return None
    return _plain_sql(file, plain, width)


def _plain_sql(file: CsvFile, plain: PlainFile, width: int) -> str:
    d = file.dialect
    columns = ", ".join(f"'c{n}': 'VARCHAR'" for n in range(1, plain.width + 1))
    options = (
        f"auto_detect = false, header = false, columns = {{{columns}}}, delim = {literal(d.field or ',')},"
        f" quote = {literal(d.quote or '')}, escape = {literal(d.quote or '')}, nullstr = [''], allow_quoted_nulls = false,"
        f" skip = {plain.skip}, compression = '{plain.compression}', parallel = {'false' if plain.folded else 'true'},"
        " max_line_size = 4194304"
    )
    # A plain file cannot hold a text that has the escape in it.
    possible = [text for text in sorted(d.nulls) if not d.escape_unenclosed or d.escape_unenclosed not in text]
    nulls = ", ".join(literal(text) for text in possible)
    values = [
        "CAST(NULL AS VARCHAR)"
        if n > plain.width
        else f"CASE WHEN c{n} IN ({nulls}) THEN NULL ELSE c{n} END"
        if nulls
        else f"c{n}"
        for n in range(1, width + 1)
    ]
    values = [f"{value} AS c{n}" for n, value in enumerate(values, start=1)]
    return f"(SELECT {', '.join(values)} FROM read_csv({literal(no_glob(file.path))}, {options}))"


def register(duck: duckdb.DuckDBPyConnection, source: CsvSource, name: str) -> str:
    """Register a source with a connection, and return its relation. A source of the same name is replaced."""
    duck.register(name, source)
    return f"temp.main.{identifier(name)}"
