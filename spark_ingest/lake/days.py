"""Sets of UTC dates, kept as ranges: a file tells the first and the last moment of its rows, not the days between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

DAY_MICROS = 86_400_000_000
_EPOCH = date(1970, 1, 1).toordinal()
_FIRST, _LAST = 1 - _EPOCH, date.max.toordinal() - _EPOCH

Range = tuple[int, int]


@dataclass(frozen=True)
class Days:
    """Ranges of days since 1970-01-01, first and last included, in ascending order, with a gap between two of them."""

    ranges: tuple[Range, ...] = ()

    @classmethod
    def of(cls, dates: Iterable[date]) -> Days:
        return cls.joined((day_number(day), day_number(day)) for day in dates)

    @classmethod
    def between(cls, first: date | None, last: date | None) -> Days:
        """From one date to another, both included; None: from the first or to the last date that there is."""
        return cls.joined([(day_number(first or date.min), day_number(last or date.max))])

    @classmethod
    def joined(cls, ranges: Iterable[Range]) -> Days:
        """Join ranges that overlap or touch; one that ends before it begins has no day."""
        joined: list[Range] = []
        for first, last in sorted(each for each in ranges if each[0] <= each[1]):
            if joined and first <= joined[-1][1] + 1:
                joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
            else:
                joined.append((first, last))
        return cls(tuple(joined))

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self.ranges)

    def __iter__(self) -> Iterator[date]:
        """The dates, in order; days outside the years 1 to 9999 are left out."""
        for first, last in self.ranges:
            for number in range(max(first, _FIRST), min(last, _LAST) + 1):
                yield date.fromordinal(number + _EPOCH)

    def __or__(self, other: Days) -> Days:
        return Days.joined((*self.ranges, *other.ranges))

    def __and__(self, other: Days) -> Days:
        return Days.joined(
            (max(first, start), min(last, end)) for first, last in self.ranges for start, end in other.ranges
        )

    def overlap(self, span: Range) -> bool:
        """Whether any of the days lies in a range."""
        return any(first <= span[1] and span[0] <= last for first, last in self.ranges)

    def hold(self, span: Range) -> bool:
        """Whether all days of a range are among these."""
        return span[0] > span[1] or any(first <= span[0] and span[1] <= last for first, last in self.ranges)

    def padded(self, pad: int) -> Days:
        """These days, and so many before and after each."""
        return Days.joined((first - pad, last + pad) for first, last in self.ranges)

    def coarse(self, most: int) -> Days:
        """At most so many ranges, joined where the gaps are smallest."""
        gaps = sorted(range(1, len(self.ranges)), key=lambda n: self.ranges[n - 1][1] - self.ranges[n][0])
        kept = sorted(gaps[: max(0, most - 1)])
        cuts = [0, *kept, len(self.ranges)]
        return Days.joined(
            (self.ranges[start][0], self.ranges[end - 1][1]) for start, end in pairwise(cuts) if end > start
        )


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return day.toordinal() - _EPOCH


NO_DAYS = Days()
