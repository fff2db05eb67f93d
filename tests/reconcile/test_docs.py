"""The page names tests that prove what it says."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]


def test_every_test_that_the_page_names_is_there() -> None:
    page = (TESTS.parent / "docs" / "reconciliation.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:reconcile|snowpark_procs)/[\w/]+\.py)::(test_\w+)`", page)
    assert len(named) > 12
    missing = [
        f"{file}::{test}" for file, test in named if f"def {test}(" not in (TESTS / file).read_text(encoding="utf-8")
    ]
    assert missing == []
