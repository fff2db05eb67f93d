"""Identifiers: batch ids are validated; event, user, session and transaction ids get one canonical form in SQL.

The canonical form: an optional `urn:uuid:` prefix and one pair of braces are taken off, nothing else; 8-4-4-4-12 hyphenated
hexadecimal or 32 hexadecimal digits, in any case, become a lower-case hyphenated UUID; an empty one becomes NULL; anything else
stays as it came. The reconciliation compares identifiers without blanks around them, of any form, and in lower case.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from string import ascii_lowercase, ascii_uppercase

from snowpark_procs.errors import ArgumentError

_BATCH_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_COLUMN = re.compile(r"[a-z_]+(\.[a-z_]+)?")

_OPEN, _CLOSE = "{", "}"
_DIGIT = "[0-9a-f]"
_GROUPS = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
_HYPHENATED = "-".join(rf"\\{number}" for number in range(1, len(_GROUPS) + 1))
_LENGTH = 36
# 32 digits or 36 characters, in braces or not, with urn:uuid: before them or not; without the hyphenated form alone.
_OTHER_LENGTHS = ", ".join(
    str(n) for n in sorted({d + b + u for d in (32, 36) for b in (0, 2) for u in (0, 9)} - {_LENGTH})
)


def _digits(count: int) -> str:
    return _DIGIT + _OPEN + str(count) + _CLOSE


_UUID = _digits(32) + "|" + "-".join(_digits(length) for _, length in _GROUPS)
# No backslashes: they would have to be doubled in a Snowflake string.
_ANY_FORM = "^(urn:uuid:)?([" + _OPEN + "](" + _UUID + ")[" + _CLOSE + "]|" + _UUID + ")$"
_DIGITS_OF_ANY_FORM = "^.*" + "-?".join(f"({_digits(length)})" for _, length in _GROUPS) + "[" + _CLOSE + "]?$"


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
    """The SQL expression for the form in which both sides' identifiers are compared: without blanks around it, in lower case.

    A UUID in any form becomes canonical. Nothing else lowers capitals that are not ASCII: engines do not agree on them.
    """
    return f"NULLIF(LOWER({_bare(column)}), '')"


def hashed(column: str) -> str:
    """The same as ClickHouse has it too (reconcile/speed/identifiers.py): of the capitals only A to Z are lowered."""
    return f"NULLIF(TRANSLATE({_bare(column)}, '{ascii_uppercase}', '{ascii_lowercase}'), '')"


def compared_columns(alias: str, form: Callable[[str], str] = compared) -> str:
    """The SQL columns of a session in the form that is compared, or another one: no tier is NULL, and so is no identifier."""
    identifiers = ", ".join(f"{form(f'{alias}.{name}')} AS {name}" for name in ("session_id", "user_id"))
    return f"NULLIF({alias}.user_tier, '') AS user_tier, {identifiers}"


def _bare(column: str) -> str:
    """An identifier without blanks around it; a UUID of any other form than the hyphenated one gets that."""
    bare = f"TRIM({column}, ' \\t\\r\\n')"
    # The lengths come first: few identifiers are worth looking at.
    is_other_form = f"LENGTH({bare}) IN ({_OTHER_LENGTHS}) AND REGEXP_LIKE({bare}, '{_ANY_FORM}', 'i')"
    return f"IFF({is_other_form}, REGEXP_REPLACE({bare}, '{_DIGITS_OF_ANY_FORM}', '{_HYPHENATED}', 1, 0, 'i'), {bare})"


def canonical(column: str) -> str:
    """The SQL expression for the canonical form of an identifier column (of the right type STRING; NULL and empty are NULL)."""
    if not _COLUMN.fullmatch(column):
        raise ArgumentError(f"'{column}' is no column name")
    digits = f"RIGHT(REPLACE(REPLACE({column}, '{_CLOSE}', ''), '-', ''), 32)"
    groups = " || '-' || ".join(f"SUBSTR({digits}, {start}, {length})" for start, length in _GROUPS)
    # Hyphenated and nothing else: the one form of that length.
    uuid = f"IFF(LENGTH({column}) = {_LENGTH}, LOWER({column}), LOWER({groups}))"
    return f"IFF(REGEXP_LIKE({column}, '{_ANY_FORM}', 'i'), {uuid}, NULLIF({column}, ''))"
