"""What the oracle reads in an event's properties."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import pytest

from tests.oracle.any_documents import AMOUNTS, documents
from tests.oracle.documents import Document, read


def test_amounts() -> None:
    known = {text: None if amount is None else Decimal(amount) for text, amount in AMOUNTS.items()}
    assert {text: read(text).amount for text in AMOUNTS} == known
    assert read(None).amount is None


def test_random_documents_have_amounts_and_have_none() -> None:
    """A reader that finds always the same is not the same as this one."""
    found = Counter(read(text).amount is None for text in documents(1000))
    assert min(found.values()) > 200, found


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
