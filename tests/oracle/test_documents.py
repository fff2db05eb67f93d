"""What the oracle reads in an event's properties."""

from __future__ import annotations

import pytest

from tests.oracle.documents import Document, read


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ('{"amount": 12.345}', "12.35"),
        ('{"amount": -0.005}', "-0.01"),
        ('{"amount": "12.344"}', "12.34"),
        ('{"amount": 1.5e3}', "1500.00"),
        ('{"amount": 12345678901234567.895}', "12345678901234567.90"),
        ('{"amount": 999999999999999999.99}', "999999999999999999.99"),
        ('{"amount": "999999999999999999.995"}', "None"),
        ('{"amount": "1,5"}', "None"),
        ('{"amount": " 5 "}', "None"),
        ('{"amount": "+5"}', "None"),
        ('{"amount": ".5"}', "None"),
        ('{"amount": "1_000"}', "None"),
        ('{"amount": "\u0663"}', "None"),
        ('{"amount": "007.1"}', "7.10"),
        ('{"amount": 3, "amount": 4}', "4.00"),
        ('{"amount": 1e18}', "None"),
        ('{"amount": "NaN"}', "None"),
        ('{"amount": NaN}', "None"),
        ('{"amount": true}', "None"),
        ('{"amount": 5', "None"),
        ("[5]", "None"),
        (None, "None"),
    ],
)
def test_amounts(text: str | None, amount: str) -> None:
    assert str(read(text).amount) == amount


@pytest.mark.parametrize(
    ("quantity", "found"),
    [
        ("3", 3),
        ('"3"', 3),
        ("3.0", 3),
        ('"3.0"', 3),
        ("1e1", 10),
        ('"1e1"', None),
        ("0", None),
        ("-1", None),
        ("1.5", None),
        ('"x"', None),
    ],
)
def test_quantities(quantity: str, found: int | None) -> None:
    assert read(f'{{"quantity": {quantity}}}') == Document(None, found)


@pytest.mark.parametrize(
    ("text", "is_test"), [("true", True), ('"TRUE"', True), ("false", False), ("1", False), ("null", False)]
)
def test_tests(text: str, is_test: bool) -> None:
    assert read(f'{{"is_test": {text}}}').is_test == is_test
