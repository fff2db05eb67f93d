"""The oracle's arithmetic."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.oracle.compute import quotient


@pytest.mark.parametrize(
    ("numerator", "denominator", "scale", "expected"),
    [
        (1, 3, 6, "0.333333"),
        (1, 20000, 4, "0.0001"),  # 0.00005: half away from zero
        (-1, 20000, 4, "-0.0001"),
        (49999, 1000000000, 4, "0.0000"),
        (Decimal("0.03"), 2, 2, "0.02"),
        (Decimal("-0.03"), 2, 2, "-0.02"),
        (Decimal("10000000000000000000000.01"), 1, 2, "10000000000000000000000.01"),
        (5, -2, 0, "-3"),
    ],
)
def test_a_quotient_is_rounded_once(numerator: int | Decimal, denominator: int, scale: int, expected: str) -> None:
    assert quotient(numerator, denominator, scale, None) == Decimal(expected)


def test_where_there_is_nothing_to_divide_by() -> None:
    assert quotient(1, 0, 2, 0) == 0
    assert quotient(None, None, 4, None) is None
