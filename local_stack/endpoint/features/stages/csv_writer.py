"""Write rows as a CSV file by the format's options, so that `csv_records` can read them.

Source: https://docs.snowflake.com/en/sql-reference/sql/create-file-format (the options marked "data unloading").
- With FIELD_OPTIONALLY_ENCLOSED_BY, text is enclosed, and so is every value that holds a delimiter. NULL is never
enclosed.
- NULL is written as the first text of NULL_IF, or as nothing if there is none.
"""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from local_stack.endpoint.features.stages.csv_dialect import BLANKS, CsvDialect
from local_stack.endpoint.features.stages.format_values import invalid_value
from local_stack.endpoint.features.stages.formats import FileFormat
from local_stack.endpoint.outcome import Outcome
from local_stack.endpoint.translation.times import strftime_format

_TEXTS = frozenset({"TEXT", "VARIANT", "ARRAY", "OBJECT"})
_FORMATS = {
    "DATE": "DATE_FORMAT",
    "TIME": "TIME_FORMAT",
    "TIMESTAMP_NTZ": "TIMESTAMP_FORMAT",
    "TIMESTAMP_LTZ": "TIMESTAMP_FORMAT",
}


def csv_content(outcome: Outcome, form: FileFormat, dialect: CsvDialect, header: bool) -> bytes:
    """Return the file.

    Raises SqlError for an encoding other than UTF-8, because Snowflake writes no other.
    """
    if dialect.encoding.upper().replace("-", "") != "UTF8":
        raise invalid_value("ENCODING", dialect.encoding)
    nulls = form.get("NULL_IF", ["\\N"])
    writer = _Writer(dialect, nulls[0] if nulls else "")
    texts = [column.type in _TEXTS for column in outcome.columns]
    written = [_text_of(column.type, form) for column in outcome.columns]
    records = [writer.record([column.name for column in outcome.columns], [True] * len(texts))] if header else []
    for row in outcome.rows():
        values = [None if value is None else write(value) for value, write in zip(row, written, strict=True)]
        records.append(writer.record(values, texts))
    return "".join(records).encode()


class _Writer:
    def __init__(self, dialect: CsvDialect, null: str) -> None:
        self._d, self._null = dialect, null
        self._ends = [mark for mark in (dialect.field, dialect.record) if mark]

    def record(self, values: Sequence[str | None], texts: Sequence[bool]) -> str:
        fields = [self._null if v is None else self._field(v, text) for v, text in zip(values, texts, strict=True)]
        return (self._d.field or "").join(fields) + (self._d.record or "")

    def _field(self, value: str, text: bool) -> str:
        d = self._d
        if d.quote is None or not (text or self._needs_quotes(value)):
            return self._escaped(value)
        inner = value
        if d.escape is None:
            inner = inner.replace(d.quote, d.quote * 2)
        else:
            for mark in (d.escape, d.quote):
                inner = inner.replace(mark, d.escape + mark)
        return f"{d.quote}{inner}{d.quote}"

    def _needs_quotes(self, value: str) -> bool:
        return (
            any(mark in value for mark in self._ends)
            or value.startswith(str(self._d.quote))
            or value != value.strip(BLANKS)
        )

    def _escaped(self, value: str) -> str:
        escape = self._d.escape_unenclosed
        if escape is None:
            return value
        marks = [escape, *([self._d.quote] if self._d.escape and self._d.quote else []), *self._ends]
        for mark in marks:
            value = value.replace(mark, escape + mark)
        return value


def _text_of(kind: str, form: FileFormat) -> Callable[[Any], str]:
    """Return the function that writes values of a type."""
    if kind == "BINARY":
        return {"BASE64": lambda v: base64.b64encode(v).decode(), "UTF8": lambda v: v.decode(errors="replace")}.get(
            str(form.get("BINARY_FORMAT", "HEX")), lambda v: v.hex().upper()
        )
    chosen = str(form.get(_FORMATS.get(kind, ""), "AUTO"))
    if chosen.upper() == "AUTO":
        return _plain_text
    return _formatter(strftime_format(chosen))


def _formatter(form: str) -> Callable[[Any], str]:
    """Return a function that formats times.

    It knows DuckDB's %g and %n, milliseconds and nanoseconds, which Python's strftime does not know.
    """

    def write(value: Any) -> str:
        micros = getattr(value, "microsecond", 0)
        return str(value.strftime(form.replace("%g", f"{micros // 1000:03d}").replace("%n", f"{micros * 1000:09d}")))

    return write


def _plain_text(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case dt.datetime():
            millis = f"{value:%Y-%m-%d %H:%M:%S}.{value.microsecond // 1000:03d}"
            return millis if value.tzinfo is None else f"{millis} Z"
    return str(value)
