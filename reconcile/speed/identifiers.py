"""One canonical form for identifiers, whatever form ClickHouse holds them in. Pure: SQL expressions of ClickHouse out.

A UUID in any form becomes lower-case and hyphenated: upper case, braces, `urn:uuid:`, without hyphens, a number of 128 bits, or
16 bytes in one of three orders. Anything else is trimmed, and its ASCII capitals are lowered, as every engine does alike. Engines
do not agree on other capitals: the warehouse lowers those of both sides (snowpark_procs/identifiers.py). The form in which an
identifier came is kept beside it. An empty one, and the UUID of nothing but zeros that ClickHouse has for no value, is missing.
"""

from __future__ import annotations

from enum import Enum

_HYPHENATED = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_BODY = "(?:" + _HYPHENATED + "|[0-9a-f]{32})"
# In a ClickHouse string a backslash is doubled.
_ANY_FORM = "(?i)^(?:urn:uuid:)?(?:[{]" + _BODY + "[}]|" + _BODY + ")$"
_NOT_DIGITS = "^urn:uuid:|[{}-]"
_BLANKS = r"^[ \\t\\r\\n]+|[ \\t\\r\\n]+$"
_GROUPS = "^(.{8})(.{4})(.{4})(.{4})(.{12})$"
_NIL = "00000000-0000-0000-0000-000000000000"


class ByteOrder(Enum):
    """How 16 bytes are a UUID; the value is the position in them of each byte of the UUID's text.

    RFC: as written. MICROSOFT: the first three groups reversed, as a GUID is stored. CLICKHOUSE: each half reversed.
    """

    RFC = tuple(range(16))
    MICROSOFT = (3, 2, 1, 0, 5, 4, 7, 6, *range(8, 16))
    CLICKHOUSE = (*range(7, -1, -1), *range(15, 7, -1))


def of_uuid(value: str) -> str:
    """The canonical form of an expression of type UUID."""
    return f"nullIf(CAST({value} AS Nullable(String)), '{_NIL}')"


def of_wide_integer(value: str) -> str:
    """That of an integer of 128 bits: one that does not fit 64 bits is a UUID."""
    return f"if({value} >= bitShiftLeft(toUInt128(1), 64), {_hyphenated(_wide_digits(value))}, toString({value}))"


def of_bytes(value: str, order: ByteOrder) -> str:
    """That of 16 bytes; of a text of any other length, the text."""
    digits = f"lower(hex({value}))"
    ordered = digits
    if order is not ByteOrder.RFC:
        ordered = "concat(" + ", ".join(f"substring({digits}, {2 * place + 1}, 2)" for place in order.value) + ")"
    uuid = f"nullIf({_hyphenated(ordered)}, '{_NIL}')"
    return f"if(length({digits}) = 32, {uuid}, CAST({value} AS Nullable(String)))"


def is_uuid(text: str) -> str:
    """Whether a text is a UUID in any form, with nothing around it."""
    return f"match({text}, '{_ANY_FORM}')"


def trimmed(text: str) -> str:
    """The text without spaces, tabs and line ends around it."""
    return f"replaceRegexpAll({text}, '{_BLANKS}', '')"


def canonical(text: str) -> str:
    """The form in which a text is compared, but for capitals that are not ASCII; NULL where nothing is left of it."""
    bare = trimmed(text)
    digits = f"replaceRegexpAll(lower({bare}), '{_NOT_DIGITS}', '')"
    return f"nullIf(if({is_uuid(bare)}, {_hyphenated(digits)}, lower({bare})), '')"


def votes(value: str, order: ByteOrder) -> str:
    """Whether 16 bytes, read in this order, have the version and the variant of a UUID: https://www.rfc-editor.org/rfc/rfc9562#section-4"""
    version, variant = (2 * order.value[place] + 1 for place in (6, 8))
    digits = f"lower(hex({value}))"
    return f"match(substring({digits}, {version}, 1), '[1-8]') AND match(substring({digits}, {variant}, 1), '[89ab]')"


def is_raw(value: str) -> str:
    """Whether a text or fixed string is 16 bytes that are no text."""
    return f"length(hex({value})) = 32 AND NOT isValidUTF8(CAST({value} AS Nullable(String)))"


def _hyphenated(digits: str) -> str:
    return f"replaceRegexpOne({digits}, '{_GROUPS}', '\\\\1-\\\\2-\\\\3-\\\\4-\\\\5')"


def _wide_digits(value: str) -> str:
    return f"leftPad(lower(hex({value})), 32, '0')"
