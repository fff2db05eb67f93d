"""The page says what the code does, and names tests that prove it."""

from __future__ import annotations

import re
from pathlib import Path

from reconcile.comparison.causes import Cause
from reconcile.report.wording import WAITING_WORDS

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "reconciliation.md").read_text(encoding="utf-8")
STATEMENTS = TESTS.parent / "snowpark_procs" / "sql"


def table(head: str) -> list[str]:
    """The codes in the first column of the page's table that begins so."""
    (rows,) = re.findall(rf"^\| {re.escape(head)}.*\n\|[-|]+\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    return [code for row in rows.splitlines() for code in re.findall(r"`(\w+)", row.split("|")[1])]


def text(statement: str) -> str:
    return (STATEMENTS / f"{statement}.sql").read_text(encoding="utf-8")


def test_every_test_that_the_page_names_is_there() -> None:
    named = re.findall(r"`((?:reconcile|snowpark_procs)/[\w/]+\.py)::(test_\w+)`", PAGE)
    assert len(named) > 12
    missing = [
        f"{file}::{test}" for file, test in named if f"def {test}(" not in (TESTS / file).read_text(encoding="utf-8")
    ]
    assert missing == []


def test_the_causes_of_the_page_are_those_of_the_statements_in_their_order() -> None:
    assert [*table("cause"), "unexplained"] == [cause.value for cause in Cause]
    spelled = "".join(map(text, ("insert_explanations", "insert_not_yet_built", "insert_unexplained")))
    names = set(re.findall(r"'([a-z_]+)'", spelled))
    others = {"allowed_lateness_hours", "day", "mart_daily_speed_comparable", "second", "sessions", "user_sessions"}
    assert names - others == set(Cause)


def test_what_a_day_waits_for_is_on_the_page_and_has_words() -> None:
    reasons = re.findall(r"'(\w+) ?'(?: AS reason| \|\| )", text("insert_comparison").partition("waiting AS (")[2])
    assert sorted(table("a day waits")) == sorted(reasons) == sorted(WAITING_WORDS)
