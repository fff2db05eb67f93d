"""Find the CSV files that DuckDB's own reader splits exactly as Snowflake does.

DuckDB's reader is many times faster than ours. Such a file is UTF-8 with "\\n" between records. It has no escape, no
blank line, and the same number of fields in every record. Its quotes stand at both ends of a field, or doubled within a
field. The check looks at every byte, so it is certain that DuckDB reads the file correctly.
"""

from __future__ import annotations

import codecs
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from local_stack.endpoint.features.stages.csv_dialect import CsvDialect
from local_stack.endpoint.features.stages.text_stream import compression_of, read_bytes

_COMPRESSIONS = {"GZIP": "gzip", "ZSTD": "zstd", "NONE": "none"}
_NEW_LINE = 10


@dataclass(frozen=True)
class PlainFile:
    """Hold what DuckDB has to know of a plain file.

    `width` is the number of fields in every record. `skip` is the number of lines before the first record. `folded`
    says whether a field holds a new line.
    """

    width: int
    skip: int
    compression: str
    folded: bool


def plain_file(path: Path, dialect: CsvDialect) -> PlainFile | None:
    """Return what DuckDB has to know of a plain file. Return None for any other file."""
    if not _is_plain(dialect):
        return None
    compression = _COMPRESSIONS.get(compression_of(path, dialect.compression))
    if compression is None:
        return None
    skip = dialect.skip_header + dialect.parse_header
    scan = _Scan(dialect)
    try:
        for number, piece in enumerate(read_bytes(path, dialect.compression)):
            content = piece
            if number == 0:
                for _ in range(skip):
                    content = content.partition(b"\n")[2]
                if piece.startswith(codecs.BOM_UTF8) or not content:
                    return None
                # DuckDB does not count a new line within quotes as a line, not even in the lines that it skips.
                if dialect.quote and dialect.quote.encode() in piece[: len(piece) - len(content)]:
                    return None
            if not scan.add(content):
                return None
    except (OSError, zlib.error, UnicodeDecodeError):
        return None
    if not scan.end() or scan.width is None:
        return None
    return PlainFile(scan.width, skip, compression, scan.folded)


def _is_plain(d: CsvDialect) -> bool:
    escapes = d.escape is None and (d.escape_unenclosed is None or d.escape_unenclosed.isascii())
    divided = (
        d.record == "\n" and d.field is not None and len(d.field) == 1 and d.field.isascii() and d.field not in "\r\0"
    )
    return divided and escapes and d.empty_null and not d.trim and d.encoding.upper().replace("-", "") == "UTF8"


class _Scan:
    """Keep the state of the check between two pieces of a file."""

    def __init__(self, dialect: CsvDialect) -> None:
        self._delimiter = ord(dialect.field or ",")
        self._quote = ord(dialect.quote) if dialect.quote else None
        self._multi_line = dialect.multi_line
        self._forbidden = [b"\r", b"\0", *([dialect.escape_unenclosed.encode()] if dialect.escape_unenclosed else [])]
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._last = _NEW_LINE  # the byte before the piece
        self._inside = 0  # 1 within quotes
        self._delimiters = 0  # since the last record's end
        self._since_line = 0  # bytes since then
        self.width: int | None = None
        self.folded = False

    def add(self, piece: bytes) -> bool:
        """Look at a piece. Return False if the file is not plain."""
        if not piece:
            return True
        if any(byte in piece for byte in self._forbidden):
            return False
        self._decoder.decode(piece)
        content = np.frombuffer(piece, np.uint8)
        outside = self._outside_quotes(content)
        if outside is False:
            return False
        ends = content == _NEW_LINE
        divides = ends | (content == self._delimiter)
        if outside is not True:
            self.folded = self.folded or bool(np.any(ends & ~outside))
            divides &= outside
        if self.folded and not self._multi_line:
            return False
        places = np.flatnonzero(divides)
        records = np.flatnonzero(content[places] == _NEW_LINE)
        if not self._same_width(places, records, len(piece)):
            return False
        self._last = piece[-1]
        return True

    def end(self) -> bool:
        """Return whether the file ends as a plain one.

        No quote may be open, and the last record must be as wide as the others.
        """
        self._decoder.decode(b"", final=True)
        if self._inside:
            return False
        if self._since_line == 0:
            return True
        if self.width is None:
            self.width = self._delimiters + 1
        return self.width == self._delimiters + 1

    def _outside_quotes(self, content: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_] | bool:
        """Return which bytes are outside quotes.

        Return True where all of them are. Return False where a quote stands in a place where it may not.
        """
        if self._quote is None:
            return True
        quotes = content == self._quote
        places = np.flatnonzero(quotes)
        if (
            self._inside == 0
            and self._last == self._quote
            and content[0] not in (self._quote, self._delimiter, _NEW_LINE)
        ):
            return False
        if not len(places):
            return bool(self._inside == 0) or np.zeros(len(content), np.bool_)
        opening = places[self._inside :: 2]
        closing = places[1 - self._inside :: 2]
        before = np.where(opening > 0, content[opening - 1], self._last)
        after = content[closing[closing + 1 < len(content)] + 1]
        for neighbours in (before, after):
            if not np.all((neighbours == self._delimiter) | (neighbours == _NEW_LINE) | (neighbours == self._quote)):
                return False
        within = (np.cumsum(quotes) + self._inside) & 1
        self._inside = int(within[-1])
        return np.asarray(within == 0)

    def _same_width(self, places: npt.NDArray[np.int64], records: npt.NDArray[np.int64], length: int) -> bool:
        if not len(records):
            self._delimiters += len(places)
            self._since_line += length
            return self._since_line < length + 1
        widths = np.diff(records, prepend=-1)
        widths[0] += self._delimiters
        line_ends = places[records]
        if self.width is None:
            self.width = int(widths[0])
        if np.any(widths != self.width):
            return False
        if self.width == 1:
            lengths = np.diff(line_ends, prepend=-1)
            lengths[0] += self._since_line
            if np.any(lengths == 1):
                return False
        self._delimiters = len(places) - 1 - int(records[-1])
        self._since_line = length - 1 - int(line_ends[-1])
        return True
