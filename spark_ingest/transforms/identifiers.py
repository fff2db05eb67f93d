"""One form for identifiers: a UUID in any form becomes lower-case and hyphenated; anything else stays as it came."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

# An optional urn:uuid: prefix, one optional pair of braces, then 8-4-4-4-12 or 32 hexadecimal digits.
_HEX = "([0-9a-fA-F]{8})-?([0-9a-fA-F]{4})-?([0-9a-fA-F]{4})-?([0-9a-fA-F]{4})-?([0-9a-fA-F]{12})"
_HYPHENATED = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
_BARE = "[0-9a-fA-F]{32}"
_BODY = f"(?:{_HYPHENATED}|{_BARE})"
_ANY_FORM = rf"\A(?:[uU][rR][nN]:[uU][uU][iI][dD]:)?(?:\{{{_BODY}\}}|{_BODY})\z"
_CANONICAL_LENGTH = 36
# Lengths of the other forms: bare, in braces, with the prefix, with both.
_OTHER_LENGTHS = (32, 34, 36, 38, 41, 43, 45, 47)


def canonical_id(value: Column) -> Column:
    """An identifier in its canonical form.

    Nearly all identifiers are canonical already, so the pattern is tried only where length and case ask for it. (Length in
    bytes costs nothing, in characters a pass over the text; an identifier of another script is no UUID in either.)
    """
    length = F.octet_length(value)
    unchanged = (length == _CANONICAL_LENGTH) & (F.lower(value) == value)
    matches = length.isin(*_OTHER_LENGTHS) & value.rlike(_ANY_FORM)
    digits = F.regexp_replace(F.regexp_replace(F.lower(value), "^urn:uuid:", ""), "[{}-]", "")
    hyphenated = F.regexp_replace(digits, f"^{_HEX}$", "$1-$2-$3-$4-$5")
    return F.when(value.isNull() | unchanged, value).when(matches, hyphenated).otherwise(value)
