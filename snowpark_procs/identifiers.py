"""Identifiers: batch ids are validated; event, user, session and transaction ids get one canonical form in SQL.

The canonical form: an optional `urn:uuid:` prefix and one pair of braces are taken off, nothing else; 8-4-4-4-12 hyphenated
hexadecimal or 32 hexadecimal digits, in any case, become a lower-case hyphenated UUID; an empty one becomes NULL; anything else
stays as it came. The reconciliation compares it in one form more.
"""

from __future__ import annotations

import datetime
import re

from snowpark_procs.errors import ArgumentError

_BATCH_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_COLUMN = re.compile(r"[a-z_]+(\.[a-z_]+)?")

_OPEN, _CLOSE = "{", "}"
_DIGIT = "[0-9a-f]"
_GROUPS = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
_LENGTH = 36


def _digits(count: int) -> str:
    return _DIGIT + _OPEN + str(count) + _CLOSE


_UUID = _digits(32) + "|" + "-".join(_digits(length) for _, length in _GROUPS)
# No backslashes: they would have to be doubled in a Snowflake string.
_ANY_FORM = "^(urn:uuid:)?([" + _OPEN + "](" + _UUID + ")[" + _CLOSE + "]|" + _UUID + ")$"


def batch_identifier(value: str | None) -> str:
    """A batch id as it stands in file names: a lower-case UUID. Any case is accepted. Raises ArgumentError."""
    text = (value or "").strip().lower()
    if not _BATCH_ID.fullmatch(text):
        raise ArgumentError(f"'{value}' is no batch id: a batch id is a UUID, like the name of its manifest")
    return text


def calendar_date(value: datetime.date | str | None, name: str = "date") -> datetime.date:
    """A date from a DATE or 'YYYY-MM-DD'. Raises ArgumentError."""
    if isinstance(value, datetime.datetime):
        return value.date()
    if isinstance(value, datetime.date):
        return value
    if value is None:
        raise ArgumentError(f"{name}: NULL is no date (YYYY-MM-DD)")
    try:
        return datetime.date.fromisoformat(value.strip())
    except ValueError:
        raise ArgumentError(f"{name}: '{value}' is no date (YYYY-MM-DD)") from None


def begun_date(value: datetime.date | str | None, name: str = "date") -> datetime.date:
    """A date that has begun (UTC). Raises ArgumentError: of a day to come there is nothing to compare."""
    day = calendar_date(value, name)
    if day > datetime.datetime.now(datetime.UTC).date():
        raise ArgumentError(f"{name}: {day} has not begun yet (UTC)")
    return day


def compared(column: str) -> str:
    """The SQL expression for the form in which both sides' identifiers are compared: without blanks around it, in lower case."""
    return f"NULLIF(LOWER(TRIM({column}, ' \\t\\r\\n')), '')"


def compared_columns(alias: str) -> str:
    """The SQL columns of a session in the form that is compared: no tier is NULL, and so is no identifier."""
    identifiers = ", ".join(f"{compared(f'{alias}.{name}')} AS {name}" for name in ("session_id", "user_id"))
    return f"NULLIF({alias}.user_tier, '') AS user_tier, {identifiers}"


def canonical(column: str) -> str:
    """The SQL expression for the canonical form of an identifier column (of the right type STRING; NULL and empty are NULL)."""
    if not _COLUMN.fullmatch(column):
        raise ArgumentError(f"'{column}' is no column name")
    digits = f"RIGHT(REPLACE(REPLACE({column}, '{_CLOSE}', ''), '-', ''), 32)"
    groups = " || '-' || ".join(f"SUBSTR({digits}, {start}, {length})" for start, length in _GROUPS)
    # Hyphenated and nothing else: the one form of that length.
    uuid = f"IFF(LENGTH({column}) = {_LENGTH}, LOWER({column}), LOWER({groups}))"
    return f"IFF(REGEXP_LIKE({column}, '{_ANY_FORM}', 'i'), {uuid}, NULLIF({column}, ''))"
