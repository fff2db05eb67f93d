"""Read what the metrics need of an event's properties, a JSON document that may be malformed."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

_CENT = Decimal("0.01")
_PLAIN_NUMBER = re.compile(r"-?[0-9]{1,60}(\.[0-9]{1,60})?([eE][+-]?[0-9]{1,3})?")
_DIGITS = re.compile(r"[0-9]+(\.0+)?")
# An amount has at most 18 digits before the point; so has a quantity.
_TOO_LARGE = Decimal(10) ** 18


@dataclass(frozen=True)
class Document:
    """amount: money, or None. quantity: a whole number above zero, or None. is_test: it says so itself."""

    amount: Decimal | None = None
    quantity: int | None = None
    is_test: bool = False


def read(text: str | None) -> Document:
    """Read a document; one that is missing or malformed has neither amount nor quantity and is no test."""
    try:
        found = json.loads(text or "", parse_float=Decimal, parse_int=Decimal, parse_constant=_refuse)
    except ValueError:
        return Document()
    if not isinstance(found, dict):
        return Document()
    return Document(_amount(found.get("amount")), _quantity(found.get("quantity")), _is_test(found.get("is_test")))


def _number(value: Any, spelling: re.Pattern[str]) -> Decimal | None:
    """A JSON number, or a string that is spelled as one."""
    if isinstance(value, str) and spelling.fullmatch(value):
        return Decimal(value)
    return value if isinstance(value, Decimal) else None


def _amount(value: Any) -> Decimal | None:
    number = _number(value, _PLAIN_NUMBER)
    if number is None or abs(number) >= _TOO_LARGE:
        return None
    # A number that rounds up to one digit more than fits is too large as well.
    cents = number.quantize(_CENT, ROUND_HALF_UP)
    return cents if abs(cents) < _TOO_LARGE else None


def _quantity(value: Any) -> int | None:
    number = _number(value, _DIGITS)
    if number is None or number <= 0 or number >= _TOO_LARGE or number != number.to_integral_value():
        return None
    return int(number)


def _is_test(value: Any) -> bool:
    return value is True or (isinstance(value, str) and value.lower() == "true")


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
