"""Reads a day of the speed layer: all its rows, or only those of buckets that differ from the batch side's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING

from reconcile.speed.buckets import NO_SUMS, BatchBuckets, Fetched, Sums, differing, digest, worth_it
from reconcile.speed.content import DayContent, DayTotals, extraction_id
from reconcile.speed.source import DayBuckets, DayState, SpeedLayer

if TYPE_CHECKING:
    import pyarrow as pa

# Takes in the rows as they come, and says how many it has so far.
Spool = Callable[[Iterable["pa.RecordBatch"], Callable[[int], None]], DayContent]
Progress = Callable[[date, int, int], None]
_ATTEMPTS = 3


def read_whole(speed_layer: SpeedLayer, state: DayState, spool: Spool, progress: Progress | None) -> DayTotals:
    """All rows of the day."""
    content = spool(speed_layer.read_day(state.day), _told(progress, state.day, state.rows))
    return DayTotals(
        extraction_id=extraction_id(state.day, content.all_rows, content.content),
        date=state.day,
        rows=content.rows,
        set_aside=content.set_aside,
        non_uuid_ids=content.non_uuid_ids,
        unreadable_amounts=content.unreadable_amounts,
        money=content.money,
        min_time=content.min_time,
        max_time=content.max_time,
        file_rows=content.rows,
    )


def fetch_differing(
    speed_layer: SpeedLayer, batch: BatchBuckets, day: date, spool: Spool, progress: Progress | None
) -> DayTotals | None:
    """The rows of the buckets that differ from the batch side's, as the day was at one point in time.

    Rows that moved between the statements are told by their sums; then all is asked for again. None where that does not help, or
    so much differs that reading the whole day is less work.
    """
    for _ in range(_ATTEMPTS):
        ours = speed_layer.day_buckets(day, batch.bucketing, batch.bucketing.coarse)
        found = _narrowed(speed_layer, batch, day, ours)
        if found is None:
            continue
        wanted = sum(found.values(), NO_SUMS)
        if not worth_it(found, wanted.rows, ours.rows):
            return None
        rows = speed_layer.read_buckets(day, batch.bucketing, found) if found or ours.set_aside else ()
        content = spool(rows, _told(progress, day, wanted.rows + ours.set_aside))
        if content.compared == wanted and content.set_aside == ours.set_aside:
            return _totals(day, batch, ours, content.rows, found)
    return None


def _narrowed(speed_layer: SpeedLayer, batch: BatchBuckets, day: date, ours: DayBuckets) -> dict[int, Sums] | None:
    """The buckets that differ with the sums of the speed layer's rows; None where these moved while they were asked for."""
    bucketing = batch.bucketing
    differ, sums = differing(ours.sums, batch.sums(bucketing.coarse)), ours.sums
    if differ and bucketing.coarse < bucketing.count:
        sums = speed_layer.day_buckets(day, bucketing, bucketing.count, differ).sums
        if _coarser(sums, bucketing.coarse) != {bucket: ours.sums[bucket] for bucket in differ if bucket in ours.sums}:
            return None
        differ = differing(sums, batch.sums(bucketing.count, differ))
    return {bucket: sums.get(bucket, NO_SUMS) for bucket in differ}


def _coarser(sums: Mapping[int, Sums], count: int) -> dict[int, Sums]:
    total: dict[int, Sums] = defaultdict(Sums)
    for bucket, one in sums.items():
        total[bucket % count] += one
    return dict(total)


def _totals(day: date, batch: BatchBuckets, ours: DayBuckets, rows: int, buckets: Collection[int]) -> DayTotals:
    compared_with = digest(batch.bucketing, batch.total)
    return DayTotals(
        extraction_id=extraction_id(day, ours.rows + ours.set_aside, ours.content, compared_with),
        date=day,
        rows=ours.rows,
        set_aside=ours.set_aside,
        non_uuid_ids=ours.other_ids,
        unreadable_amounts=ours.unreadable_amounts,
        money=ours.money,
        min_time=ours.min_time,
        max_time=ours.max_time,
        file_rows=rows,
        fetched=Fetched(batch.bucketing, batch.change_id, sum(ours.sums.values(), NO_SUMS), tuple(buckets)),
    )


def _told(progress: Progress | None, day: date, rows: int) -> Callable[[int], None]:
    def tell(done: int) -> None:
        if progress is not None:
            progress(day, done, rows)

    return tell
