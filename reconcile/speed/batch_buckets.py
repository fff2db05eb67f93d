"""The buckets that the warehouse has unloaded of a day, read from their file in the landing."""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from reconcile.speed.buckets import Bucketing, Sums

_SUMS = ("row_count", "high", "low")


class UnloadedBuckets:
    """One row a bucket: bucket, row_count, high, low; in each row also compared (columns), bucket_count and change_id."""

    def __init__(self, table: pa.Table) -> None:
        first = table.slice(0, 1).to_pylist()[0]
        self.bucketing = Bucketing(tuple(first["compared"].split(",")), int(first["bucket_count"]))
        self.change_id = int(first["change_id"])
        self._buckets = table.column("bucket").cast(pa.int64())
        self._sums = table.select(list(_SUMS))
        self.total = Sums(*(int(pc.sum(table.column(name)).as_py()) for name in _SUMS))

    def sums(self, count: int, within: Collection[int] | None = None) -> Mapping[int, Sums]:
        """By bucket, of so many; within: only of these coarse buckets."""
        table = self._sums.append_column("key", pc.bit_wise_and(self._buckets, count - 1))
        if within is not None:
            coarse = pc.bit_wise_and(self._buckets, self.bucketing.coarse - 1)
            table = table.filter(pc.is_in(coarse, pa.array(list(within), pa.int64())))
        if count < self.bucketing.count:
            table = table.group_by("key").aggregate([(name, "sum") for name in _SUMS])
            table = table.rename_columns([name.removesuffix("_sum") for name in table.column_names])
        keys, *columns = (table.column(name).to_pylist() for name in ("key", *_SUMS))
        return {key: Sums(*map(int, sums)) for key, *sums in zip(keys, *columns, strict=True)}


def read_buckets(content: bytes) -> UnloadedBuckets | None:
    """None where the file has no row, or is none of these."""
    try:
        table = pq.read_table(io.BytesIO(content))
        table = table.rename_columns([name.lower() for name in table.column_names])
        return UnloadedBuckets(table) if table.num_rows else None
    except (pa.ArrowException, KeyError, ValueError):
        return None
