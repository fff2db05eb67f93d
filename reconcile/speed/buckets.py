"""Buckets of a day's sessions: what both sides sum up of each, so that only rows of buckets that differ travel. Pure.

A session's bucket is the lower half of the MD5 of its identifier, modulo a power of two. Of each bucket there are the number of
rows and the sums of both halves of their MD5s. They are sums, not XOR: a row that is there twice counts twice. The warehouse
unloads its sums into the landing (snowpark_procs/unload_buckets.py), and the extraction asks ClickHouse for the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

COARSE = 4096
_MOST_BUCKETS = 25_000  # named in one statement, which ClickHouse limits to 256 KiB
_MOST_OF_A_DAY = 2  # where more than a half would travel, the day is read at once


@dataclass(frozen=True)
class Sums:
    """Of the rows of a bucket: how many, and the sums of the upper and the lower halves of their MD5s."""

    rows: int = 0
    high: int = 0
    low: int = 0

    def __add__(self, other: Sums) -> Sums:
        return Sums(self.rows + other.rows, self.high + other.high, self.low + other.low)


NO_SUMS = Sums()


@dataclass(frozen=True)
class Bucketing:
    """How a day is cut. columns: what is compared of a row, in this order. count: of buckets, a power of two."""

    columns: tuple[str, ...]
    count: int

    @property
    def coarse(self) -> int:
        """The first level: buckets that are asked for at once."""
        return min(self.count, COARSE)


class BatchBuckets(Protocol):
    """What the warehouse has unloaded of a day. change_id: the newest change of the day's sessions that it knew."""

    @property
    def bucketing(self) -> Bucketing: ...

    @property
    def change_id(self) -> int: ...

    @property
    def total(self) -> Sums: ...

    def sums(self, count: int, within: Collection[int] | None = None) -> Mapping[int, Sums]:
        """By bucket, of so many; within: only of these coarse buckets."""
        ...


@dataclass(frozen=True)
class Fetched:
    """What a snapshot says of the buckets whose rows it has; of all others the warehouse has the same rows.

    total: of all rows of the day.
    """

    bucketing: Bucketing
    change_id: int
    total: Sums
    buckets: tuple[int, ...] = field(repr=False)


def differing(ours: Mapping[int, Sums], theirs: Mapping[int, Sums]) -> list[int]:
    """The buckets whose sums differ; one that a side lacks has no rows there."""
    both = ours.keys() | theirs.keys()
    return sorted(bucket for bucket in both if ours.get(bucket, NO_SUMS) != theirs.get(bucket, NO_SUMS))


def worth_it(buckets: Collection[int], rows: int, all_rows: int) -> bool:
    """Whether fetching these buckets is less work than reading the whole day."""
    return len(buckets) <= _MOST_BUCKETS and rows * _MOST_OF_A_DAY <= all_rows


def digest(bucketing: Bucketing, total: Sums) -> str:
    """What the batch side's day holds: with the same, the same buckets differ."""
    text = f"{','.join(bucketing.columns)}|{bucketing.count}|{total.rows}|{total.high}|{total.low}"
    return hashlib.sha256(text.encode()).hexdigest()
