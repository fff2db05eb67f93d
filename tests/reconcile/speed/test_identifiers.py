"""The canonical form of identifiers; the case table is the one that the Spark and SQL implementations are held to as well."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.speed.identifiers import canonical_identifier

CASES = json.loads(Path(__file__).with_name("identifier_cases.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case["value"]))
def test_case(case: dict[str, str | bool]) -> None:
    found = canonical_identifier(str(case["value"]))
    assert (found.text, found.is_uuid) == (case["canonical"], case["is_uuid"])


@given(
    value=st.uuids(),
    hyphens=st.booleans(),
    upper=st.booleans(),
    braces=st.booleans(),
    prefix=st.sampled_from(["", "urn:uuid:", "URN:UUID:", "Urn:Uuid:"]),
)
def test_every_form_of_a_uuid_becomes_the_same(
    value: uuid.UUID, hyphens: bool, upper: bool, braces: bool, prefix: str
) -> None:
    form = str(value) if hyphens else value.hex
    form = form.upper() if upper else form
    form = f"{{{form}}}" if braces else form
    found = canonical_identifier(prefix + form)
    assert found.is_uuid
    assert found.text == str(value)


@given(st.text())
def test_anything_else_stays_as_it_came_and_the_rule_is_idempotent(value: str) -> None:
    found = canonical_identifier(value)
    assert found.is_uuid or found.text == value
    assert canonical_identifier(found.text) == found
