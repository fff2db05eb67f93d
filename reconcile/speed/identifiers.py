"""One canonical form for identifiers, whatever form they arrive in.

Rule: an optional `urn:uuid:` prefix and one pair of braces are taken off, nothing else; what is left is a UUID when it is
8-4-4-4-12 hyphenated hexadecimal or exactly 32 hexadecimal digits, in any case. A UUID becomes lower-case and hyphenated.
Anything else is kept exactly as it came, and said to be no UUID: it is reported, not guessed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_PREFIX = re.compile(r"\Aurn:uuid:", re.IGNORECASE)
_HYPHENATED = re.compile(r"\A[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z", re.IGNORECASE | re.ASCII)
_PLAIN = re.compile(r"\A[0-9a-f]{32}\Z", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True)
class Identifier:
    """text: the canonical UUID, or the value as it came. is_uuid: whether it was a UUID in any form."""

    text: str
    is_uuid: bool


def canonical_identifier(value: str) -> Identifier:
    """Bring one identifier to its canonical form."""
    bare = _PREFIX.sub("", value, count=1)
    if bare.startswith("{") and bare.endswith("}"):
        bare = bare[1:-1]
    if _HYPHENATED.match(bare):
        return Identifier(bare.lower(), True)
    if _PLAIN.match(bare):
        digits = bare.lower()
        groups = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
        return Identifier("-".join(groups), True)
    return Identifier(value, False)
