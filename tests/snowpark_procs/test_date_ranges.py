"""Dates as ranges in a condition: what is asked for is always found, and the condition stays short."""

from __future__ import annotations

import datetime
import re

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from snowpark_procs.date_ranges import DateRanges

DAY = datetime.timedelta(days=1)
_SOME_DATES = st.lists(st.dates(datetime.date(2024, 1, 1), datetime.date(2024, 12, 31)), max_size=120)


def test_neighbours_are_one_range_and_a_gap_is_two() -> None:
    dates = [datetime.date(2024, 1, day) for day in (3, 1, 2, 10)]
    assert DateRanges.around(dates).condition("t.time") == (
        "(t.time IS NULL"
        " OR (t.time >= TO_TIMESTAMP_NTZ('2024-01-01', 'YYYY-MM-DD') AND t.time < TO_TIMESTAMP_NTZ('2024-01-04', 'YYYY-MM-DD'))"
        " OR (t.time >= TO_TIMESTAMP_NTZ('2024-01-10', 'YYYY-MM-DD') AND t.time < TO_TIMESTAMP_NTZ('2024-01-11', 'YYYY-MM-DD')))"
    )
    assert len(DateRanges.around(dates, 3).ranges) == 1
    assert DateRanges.around([]).condition("t.time") == "(t.time IS NULL)"


def test_the_first_and_the_last_date_have_no_bound_beyond_them() -> None:
    ends = DateRanges.around([datetime.date.min, datetime.date.max], 2).condition("time")
    assert ends == (
        "(time IS NULL OR (time < TO_TIMESTAMP_NTZ('0001-01-04', 'YYYY-MM-DD'))"
        " OR (time >= TO_TIMESTAMP_NTZ('9999-12-29', 'YYYY-MM-DD')))"
    )


@settings(deadline=None)
@given(_SOME_DATES, st.integers(0, 3), st.booleans())
def test_the_condition_holds_on_every_date_asked_for(dates: list[datetime.date], days: int, sparse: bool) -> None:
    if sparse:  # more ranges than a condition takes
        dates = [*dates, *(datetime.date(2024, 1, 1) + 5 * n * DAY for n in range(70))]
    asked = {date + shift * DAY for date in dates for shift in range(-days, days + 1)}
    ranges = DateRanges.around(dates, days)
    condition = ranges.condition("moment")
    condition = re.sub(r"TO_TIMESTAMP_NTZ\(('[0-9-]+'), 'YYYY-MM-DD'\)", r"TIMESTAMP \1", condition)
    found = duckdb.execute(
        "SELECT DISTINCT moment::DATE FROM (SELECT unnest(generate_series(TIMESTAMP '2023-12-01',"
        f" TIMESTAMP '2025-02-01', INTERVAL 12 HOUR)) AS moment) WHERE {condition}"
    ).fetchall()
    held = {row[0] for row in found}
    assert asked <= held
    assert len(ranges.ranges) <= 50
    if not sparse and len(ranges.ranges) < 50:
        assert held == asked


@given(_SOME_DATES, _SOME_DATES)
def test_joined_ranges_are_those_of_all_dates(some: list[datetime.date], others: list[datetime.date]) -> None:
    if len({*some, *others}) < 50:
        assert DateRanges.around(some).joined(DateRanges.around(others)) == DateRanges.around([*some, *others])
