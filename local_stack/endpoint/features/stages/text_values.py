"""Convert a file's text to a column's value in DuckDB's SQL.

The value is NULL where Snowflake does not recognize the text. The module also gives Snowflake's error for such a text.
Sources: https://docs.snowflake.com/en/sql-reference/date-time-input-output (AUTO: ISO, DD-MON-YYYY and MM/DD/YYYY,
seconds or fractions of them since 1970), https://docs.snowflake.com/en/sql-reference/functions/to_boolean,
BINARY_FORMAT of https://docs.snowflake.com/en/sql-reference/sql/create-file-format.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from local_stack.endpoint.errors import carried, compilation_error
from local_stack.endpoint.features.stages.formats import FileFormat
from local_stack.endpoint.language.quoting import literal
from local_stack.endpoint.session import Session
from local_stack.endpoint.translation.times import strftime_format

_NUMBER = r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*"
_BASE64 = r"([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"
_TRUE, _FALSE = "('true', 't', 'yes', 'y', 'on', '1')", "('false', 'f', 'no', 'n', 'off', '0')"
_DATES = ("%d-%b-%Y", "%m/%d/%Y")
_TIMES = ("%I:%M %p", "%I:%M:%S %p", "%I:%M%p")
_FRACTION = re.compile(r"%[gfn]")
_INTEGERS = [
    "BIGINT",
    "INTEGER",
    "SMALLINT",
    "TINYINT",
    "HUGEINT",
    "UBIGINT",
    "UINTEGER",
    "USMALLINT",
    "UTINYINT",
    "UHUGEINT",
]


@dataclass(frozen=True)
class InputFormats:
    """Hold the formats in which a file's text is read. Each is AUTO or a strptime format."""

    date: str = "AUTO"
    time: str = "AUTO"
    timestamp: str = "AUTO"
    binary: str = "HEX"


def input_formats(session: Session, form: FileFormat) -> InputFormats:
    """Return the formats of the file format, or those of the session where it has none."""

    def chosen(option: str, parameter: str) -> str:
        text = str(form.get(option, "AUTO"))
        if text.upper() == "AUTO":
            text = session.parameter(parameter)
        # When a format is used to read, a fraction may have any number of digits.
        return "AUTO" if text.upper() == "AUTO" else _FRACTION.sub("%n", strftime_format(text))

    binary = str(form.get("BINARY_FORMAT", session.parameter("BINARY_INPUT_FORMAT"))).upper()
    if binary.replace("-", "") not in ("HEX", "BASE64", "UTF8"):
        raise compilation_error(f"invalid value [{binary}] for parameter 'BINARY_FORMAT'", 1008, "22023")
    return InputFormats(
        chosen("DATE_FORMAT", "DATE_INPUT_FORMAT"),
        chosen("TIME_FORMAT", "TIME_INPUT_FORMAT"),
        chosen("TIMESTAMP_FORMAT", "TIMESTAMP_INPUT_FORMAT"),
        binary.replace("-", ""),
    )


def value_of_text(text: str, kind: str, formats: InputFormats) -> str:
    """Return the expression of a text as a value of DuckDB's type `kind`.

    The value is NULL where the text does not fit the type.
    """
    if kind == "VARCHAR":
        return text
    if kind == "JSON":
        return f"CASE WHEN json_valid({text}) THEN CAST({text} AS JSON) ELSE to_json({text}) END"
    if kind in _INTEGERS or kind.startswith("DECIMAL"):
        return f"CASE WHEN regexp_full_match({text}, '{_NUMBER}') THEN TRY_CAST({text} AS {kind}) END"
    if kind in ("DOUBLE", "FLOAT"):
        return f"CASE WHEN NOT contains({text}, '_') THEN TRY_CAST({text} AS {kind}) END"
    if kind == "BOOLEAN":
        return f"CASE WHEN lower(trim({text})) IN {_TRUE} THEN TRUE WHEN lower(trim({text})) IN {_FALSE} THEN FALSE END"
    if kind == "BLOB":
        return _binary(text, formats.binary)
    if kind == "DATE":
        return _time(text, kind, formats.date, _DATES)
    if kind.startswith("TIMESTAMP"):
        return _time(text, kind, formats.timestamp, _DATES)
    if kind.startswith("TIME"):
        return _time(text, kind, formats.time, _TIMES)
    return f"TRY_CAST({text} AS {kind})"


def _time(text: str, kind: str, form: str, known: tuple[str, ...]) -> str:
    if form != "AUTO":
        return f"TRY_CAST(try_strptime({text}, {literal(form)}) AS {kind})"
    read = f"TRY_CAST({text} AS {kind})"
    others = f"CAST(try_strptime({text}, [{', '.join(map(literal, known))}]) AS {kind})"
    if kind.startswith("TIME") and not kind.startswith("TIMESTAMP"):
        # DuckDB would also accept a timestamp, and take its time of day.
        return f"CASE WHEN regexp_matches({text}, '^\\s*[0-9]{{1,2}}:') THEN COALESCE({read}, {others}) END"
    since = f"TRY_CAST({text} AS BIGINT)"
    micros = (
        f"CASE WHEN abs({since}) < 31536000000 THEN {since} * 1000000 WHEN abs({since}) < 31536000000000 THEN {since} * 1000"
        f" WHEN abs({since}) < 31536000000000000 THEN {since} ELSE {since} // 1000 END"
    )
    moment = f"make_timestamp({micros})"
    if kind == "TIMESTAMP WITH TIME ZONE":
        moment = f"timezone('UTC', {moment})"
    digits = rf"regexp_full_match({text}, '-?[0-9]+')"
    return f"CASE WHEN {digits} THEN CAST({moment} AS {kind}) ELSE COALESCE({read}, {others}) END"


def _binary(text: str, form: str) -> str:
    if form == "UTF8":
        return f"encode({text})"
    if form == "BASE64":
        return f"CASE WHEN regexp_full_match({text}, '{_BASE64}') THEN from_base64({text}) END"
    return f"CASE WHEN regexp_full_match({text}, '([0-9A-Fa-f]{{2}})*') THEN unhex({text}) END"


def not_recognized(text: str, kind: str, formats: InputFormats) -> tuple[str, int, str]:
    """Return message, number and SQL state for a text that does not fit a type."""
    if kind in _INTEGERS or kind.startswith("DECIMAL"):
        if re.fullmatch(_NUMBER, text):
            sizes = re.findall(r"\d+", kind) or ["38", "0"]
            return (
                f"Number out of representable range: type FIXED({sizes[0]},{sizes[1]}), value {text}",
                100132,
                "22003",
            )
        return f"Numeric value '{text}' is not recognized", 100038, "22018"
    if kind in ("DOUBLE", "FLOAT"):
        return f"Numeric value '{text}' is not recognized", 100038, "22018"
    if kind == "BOOLEAN":
        return f"Boolean value '{text}' is not recognized", 100037, "22018"
    if kind == "DATE":
        return f"Date '{text}' is not recognized", 100040, "22007"
    if kind.startswith("TIMESTAMP"):
        return f"Timestamp '{text}' is not recognized", 100035, "22007"
    if kind.startswith("TIME"):
        return f"Time '{text}' is not recognized", 100108, "22007"
    if kind == "BLOB":
        encoding = "base64" if formats.binary == "BASE64" else "hex"
        return f"The following string is not a legal {encoding}-encoded value: '{text}'", 100115, "22000"
    return f"Failed to cast variant value {text}", 100071, "22000"


def refusal(text: str, kind: str, formats: InputFormats) -> str:
    """Return a DuckDB expression that fails with Snowflake's error for a text that does not fit a type."""
    before, _, after = carried(*not_recognized("\0", kind, formats)).partition("\0")
    return f"error({literal(before)} || CAST({text} AS VARCHAR) || {literal(after)})"
