"""Write numbers by a format model, as TO_CHAR does, and read them by one, as TO_NUMBER does.

See: https://docs.snowflake.com/en/sql-reference/sql-format-models (numeric format models)
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Final

_ELEMENT: Final = re.compile(r'"((?:[^"]|"")*)"|(MI|TME|TM9|TM|FM|[09.,DGSB$X])|([;:\-=/() ])', re.IGNORECASE)
_EXACT: Final = Context(prec=80)
_LONGEST_PLAIN = 64
_PLAIN: Final = re.compile(r"\s*[-+]?\d+(\.\d*)?([eE][-+]?\d+)?\s*")
# What of a text each element takes; fewer digits than the format has places are taken, too.
_READ: Final = {
    "9": r"\d?", "0": r"\d", "X": "[0-9A-Fa-f]?", "x": "[0-9A-Fa-f]?", ".": r"\.?", "D": r"\.?", ",": ",?", "G": ",?",
    "$": r"\$?", "S": "(?P<sign>[-+])", "MI": "(?P<sign>[- ]?)",
}  # fmt: skip


class FormatError(ValueError):
    """Name what of a format is not known."""


def read_format(text: str) -> list[tuple[str, str]]:
    """Return a format's elements in order, each with its kind: literal, or element. Raises FormatError."""
    found: list[tuple[str, str]] = []
    end = 0
    for match in _ELEMENT.finditer(text):
        if match.start() != end:
            break
        end = match.end()
        literal, element, symbol = match.groups()
        if element is not None:
            found.append(("element", element if element in "Xx" else element.upper()))
        else:
            found.append(("literal", symbol if literal is None else literal.replace('""', '"')))
    if end != len(text):
        raise FormatError(text[end:])
    return found


def formatted(number: str, form: str) -> str:
    """Write a number, given as text. A format that it does not fit in shows `#`."""
    elements, value = read_format(form), Decimal(number)
    kinds = {text for kind, text in elements if kind == "element"}
    before, body, after = _parted(elements)
    if kinds & {"TM", "TM9", "TME"}:
        shown = _shortest(number, value, kinds)
    elif kinds & {"X", "x"}:
        shown = _hexadecimal(value, [text for _, text in body])
    else:
        shown = _Fixed(value, [text for _, text in body], kinds).shown()
    if "FM" in kinds:
        shown = shown.strip()
    return before + shown + after


def read_number(text: str, form: str) -> str | None:
    """Return the number that a text is by a format, None where it does not fit. An element of the format may stand alone."""
    pattern = sign = ""
    elements = read_format(form)
    kinds = {element for kind, element in elements if kind == "element"}
    if kinds & {"TM", "TM9", "TME"}:
        return text.strip() if _PLAIN.fullmatch(text) else None
    for kind, element in elements:
        pattern += re.escape(element) if kind == "literal" else _READ.get(element, "")
    if not kinds & {"S", "MI"}:
        sign = r"(?P<sign>[-+]?)"
    match = re.fullmatch(rf"\s*{sign}{pattern}\s*", text)
    if match is None:
        return None
    digits = re.sub(r"[^0-9A-Fa-f.]" if kinds & {"X", "x"} else r"[^0-9.]", "", text)
    if not digits.strip("."):
        return None
    number = str(int(digits, 16)) if kinds & {"X", "x"} else digits
    return f"-{number}" if match["sign"] == "-" else number


def _parted(elements: list[tuple[str, str]]) -> tuple[str, list[tuple[str, str]], str]:
    """Return the literals ahead of the number, the number's elements, and the literals behind it."""
    places = [place for place, (kind, _) in enumerate(elements) if kind == "element"]
    if not places:
        return "".join(text for _, text in elements), [], ""
    first, last = places[0], places[-1] + 1
    ahead, behind = ("".join(text for _, text in part) for part in (elements[:first], elements[last:]))
    return ahead, elements[first:last], behind


def _shortest(number: str, value: Decimal, kinds: set[str]) -> str:
    plain = number if "E" not in number.upper() else f"{value:f}"
    if "TME" not in kinds and ("TM9" in kinds or len(plain) <= _LONGEST_PLAIN):
        return plain
    if not value:
        return "0E0"
    digits = value.normalize(_EXACT)
    mantissa = digits.scaleb(-digits.adjusted(), _EXACT)
    return f"{mantissa:f}E{digits.adjusted()}"


def _hexadecimal(value: Decimal, elements: list[str]) -> str:
    """Write the digits of X; without a sign a negative number is its two's complement."""
    places = [text for text in elements if text in "0Xx"]
    whole = int(value.to_integral_value(ROUND_HALF_UP))
    signed = "S" in elements
    if whole < 0 and not signed:
        whole += 16 ** len(places)
    digits = f"{abs(whole):x}" if "x" in places else f"{abs(whole):X}"
    if len(digits) > len(places) or whole < -(16 ** len(places)):
        digits = "#" * len(places)
    digits = digits.rjust(len(places), "0" if places[0] == "0" else " ")
    return (("-" if whole < 0 else "+") + digits) if signed else digits


class _Fixed:
    """Write one number at fixed positions. elements: what stands between the first and the last element of the format."""

    def __init__(self, value: Decimal, elements: list[str], kinds: set[str]) -> None:
        point = next((place for place, text in enumerate(elements) if text in (".", "D")), len(elements))
        self._whole, self._fraction = elements[:point], elements[point + 1 :]
        self._point = "." if point < len(elements) else ""
        self._kinds, self._elements = kinds, elements
        places = sum(text in "09" for text in self._fraction)
        rounded = abs(value).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, _EXACT)
        self._negative = value < 0 and rounded != 0
        self._digits, _, self._decimals = f"{rounded:f}".partition(".")

    def shown(self) -> str:
        places = [text for text in self._whole if text in "09"]
        digits = "" if self._digits == "0" and ("B" in self._kinds or not places) else self._digits
        if len(digits) > len(places):
            whole, fraction = self._filled("#" * len(places)), "#" * len(self._decimals)
        else:
            zeros = len(places) - places.index("0") if "0" in places and "B" not in self._kinds else 0
            whole, fraction = self._filled(digits.rjust(zeros, "0").rjust(len(places))), self._trimmed()
        return self._signed(whole, self._point + fraction)

    def _filled(self, digits: str) -> str:
        """Put digits at the places of the whole part; a comma ahead of the first digit is blank."""
        left = list(digits)
        written = ""
        for text in self._whole:
            if text in "09":
                written += left.pop(0)
            elif text in (",", "G"):
                written += "," if written.strip() else " "
        return written

    def _trimmed(self) -> str:
        """Return the decimals; zeros at the end are blank where the format has a 9."""
        places, kept = [text for text in self._fraction if text in "09"], list(self._decimals)
        for place in reversed(range(len(kept))):
            if places[place] != "9" or kept[place] != "0":
                break
            kept[place] = " "
        return "".join(kept)

    def _signed(self, whole: str, rest: str) -> str:
        """Put the sign ahead of the first digit, or where S or MI stands."""
        blanks = len(whole) - len(whole.lstrip())
        dollar = "$" if "$" in self._kinds else ""
        number = dollar + whole.lstrip() + rest
        mark = next((each for each in ("MI", "S") if each in self._kinds), "")
        sign = "-" if self._negative else "+" if mark == "S" else " "
        ends = bool(mark) and self._elements[-1] == mark
        return " " * blanks + (number + sign if ends else sign + number)
