"""UTC dates as ranges of time, written into statements so that the warehouse skips what lies outside them. Pure text."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

_DAY = datetime.timedelta(days=1)
# A condition of more ranges than this costs more to evaluate than the rows in the gaps cost to read.
_MOST_RANGES = 50

Range = tuple[datetime.date, datetime.date]


@dataclass(frozen=True)
class DateRanges:
    """Ranges of dates, first and last included, in ascending order, with a gap of at least one date between two of them."""

    ranges: tuple[Range, ...] = ()

    @classmethod
    def around(cls, dates: Iterable[datetime.date], days: int = 0) -> DateRanges:
        """The dates with that many days before and after each."""
        return _joined((_moved(date, -days), _moved(date, days)) for date in dates)

    @classmethod
    def between(cls, first: datetime.date, last: datetime.date) -> DateRanges:
        return cls(((first, last),))

    def widened(self, before: int, after: int) -> DateRanges:
        """The dates with so many days more at both ends of each range."""
        return _joined((_moved(first, -before), _moved(last, after)) for first, last in self.ranges)

    def joined(self, other: DateRanges) -> DateRanges:
        return _joined((*self.ranges, *other.ranges))

    def condition(self, column: str) -> str:
        """The SQL condition that the time lies in one of the ranges, or is NULL.

        Constants and the bare column, because Snowflake prunes micro-partitions by these:
        https://docs.snowflake.com/en/user-guide/tables-clustering-micropartitions
        """
        return "(" + " OR ".join([f"{column} IS NULL", *(_within(column, each) for each in self.ranges)]) + ")"


def _joined(ranges: Iterable[Range]) -> DateRanges:
    """Ranges that overlap or touch become one. More than 50 are joined where the gaps are smallest."""
    joined: list[Range] = []
    for first, last in sorted(ranges):
        if joined and first <= _moved(joined[-1][1], 1):
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return DateRanges(tuple(_without_smallest_gaps(joined)))


def _within(column: str, dates: Range) -> str:
    first, last = dates
    bounds = [] if first == datetime.date.min else [f"{column} >= {_literal(first)}"]
    bounds += [] if last == datetime.date.max else [f"{column} < {_literal(last + _DAY)}"]
    return "(" + " AND ".join(bounds or ["TRUE"]) + ")"


def _literal(date: datetime.date) -> str:
    return f"TO_TIMESTAMP_NTZ('{date.isoformat()}', 'YYYY-MM-DD')"


def _moved(date: datetime.date, days: int) -> datetime.date:
    """The date that many days later, or the first or the last date that there is."""
    ordinal = date.toordinal() + days
    return datetime.date.fromordinal(max(1, min(ordinal, datetime.date.max.toordinal())))


def _without_smallest_gaps(ranges: list[Range]) -> list[Range]:
    surplus = len(ranges) - _MOST_RANGES
    if surplus <= 0:
        return ranges
    gaps = sorted(range(1, len(ranges)), key=lambda n: ranges[n][0] - ranges[n - 1][1])
    closed = set(gaps[:surplus])
    kept: list[Range] = []
    for number, (first, last) in enumerate(ranges):
        if number in closed:
            kept[-1] = (kept[-1][0], last)
        else:
            kept.append((first, last))
    return kept
