"""Turn the options of a CSV format into the characters that split a file, and check each option.

Source: https://docs.snowflake.com/en/sql-reference/sql/create-file-format
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from local_stack.endpoint.errors import compilation_error
from local_stack.endpoint.features.stages.format_values import invalid_value
from local_stack.endpoint.features.stages.formats import FileFormat
from local_stack.endpoint.features.stages.text_stream import codec_of

_MAX_DELIMITER = 20
_CODES = re.compile(r"(?:(?:0x|\\x)[0-9A-Fa-f]{2}|\\[0-7]{3})+")
_CODE = re.compile(r"(?:0x|\\x)([0-9A-Fa-f]{2})|\\([0-7]{3})")
_ESCAPES = {"\\n": "\n", "\\r": "\r", "\\r\\n": "\r\n", "\\t": "\t", "\\b": "\b", "\\f": "\f", "\\\\": "\\", "\\'": "'"}
BLANKS = " \t"


@dataclass(frozen=True)
class CsvDialect:
    """Hold the characters that divide records and fields. A character is None where its option is NONE.

    `record` "\\n" stands for a new line, which may also be "\\r\\n". `nulls` are the texts that mean NULL. With
    `empty_null`, an empty field is NULL too.
    """

    field: str | None = ","
    record: str | None = "\n"
    quote: str | None = None
    escape: str | None = None
    escape_unenclosed: str | None = "\\"
    nulls: frozenset[str] = frozenset({"\\N"})
    empty_null: bool = True
    trim: bool = False
    multi_line: bool = True
    skip_header: int = 0
    parse_header: bool = False
    skip_blank_lines: bool = False
    encoding: str = "UTF8"
    compression: str = "AUTO"
    skip_mark: bool = True
    replace_invalid: bool = False

    @property
    def bare_nulls(self) -> frozenset[str]:
        """Return the texts that mean NULL in a field without quotes."""
        return self.nulls | {""} if self.empty_null else self.nulls


def csv_dialect(form: FileFormat) -> CsvDialect:
    """Return the dialect of a CSV format. Raises SqlError for a value that Snowflake refuses."""
    escape = _character(form, "ESCAPE", None)
    unenclosed = _character(form, "ESCAPE_UNENCLOSED_FIELD", "\\")
    quote = _character(form, "FIELD_OPTIONALLY_ENCLOSED_BY", None)
    if quote not in (None, '"', "'"):
        raise invalid_value("FIELD_OPTIONALLY_ENCLOSED_BY", quote)
    field, record = _delimiter(form, "FIELD_DELIMITER", ","), _delimiter(form, "RECORD_DELIMITER", "\n")
    if field and record and (field in record or record in field):
        raise compilation_error(
            "The values of FIELD_DELIMITER and RECORD_DELIMITER cannot be part of each other.", 1008, "22023"
        )
    skip = int(form.get("SKIP_HEADER", 0))
    if form.get("PARSE_HEADER", False) and skip:
        raise compilation_error("PARSE_HEADER and SKIP_HEADER exclude each other.", 1008, "22023")
    encoding = str(form.get("ENCODING", "UTF8"))
    codec_of(encoding)
    return CsvDialect(
        field, record, quote, escape, unenclosed if escape is None else escape, null_texts(form),
        bool(form.get("EMPTY_FIELD_AS_NULL", True)), bool(form.get("TRIM_SPACE", False)), bool(form.get("MULTI_LINE", True)),
        skip, bool(form.get("PARSE_HEADER", False)), bool(form.get("SKIP_BLANK_LINES", False)), encoding,
        str(form.get("COMPRESSION", "AUTO")).upper(), bool(form.get("SKIP_BYTE_ORDER_MARK", True)),
        bool(form.get("REPLACE_INVALID_CHARACTERS", False)),
    )  # fmt: skip


def null_texts(form: FileFormat, default: tuple[str, ...] = ("\\N",)) -> frozenset[str]:
    """Return the values of NULL_IF."""
    given = form.get("NULL_IF", list(default))
    return frozenset(str(text) for text in (given if isinstance(given, list) else [given]))


def characters(text: str) -> str:
    """Return the characters that an option's text stands for.

    The text may have escape sequences, octal codes (\\\\336) and hexadecimal codes (0xDE).
    """
    if _CODES.fullmatch(text):
        codes = bytes(int(m[1], 16) if m[1] else int(m[2], 8) & 0xFF for m in _CODE.finditer(text))
        try:
            return codes.decode()
        except UnicodeDecodeError:
            return codes.decode("latin-1")
    return _ESCAPES.get(text, text)


def _delimiter(form: FileFormat, option: str, default: str) -> str | None:
    text = str(form.get(option, default))
    if text.upper() == "NONE":
        return None
    found = characters(text)
    if not found or len(found.encode()) > _MAX_DELIMITER:
        raise invalid_value(option, text)
    return "\n" if option == "RECORD_DELIMITER" and found == "\r\n" else found


def _character(form: FileFormat, option: str, default: str | None) -> str | None:
    text = form.get(option, default)
    if text is None or str(text).upper() == "NONE":
        return None
    found = characters(str(text))
    if len(found) != 1 or not found.isascii():
        raise invalid_value(option, text)
    return found
