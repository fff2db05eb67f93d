"""Hold a TIMESTAMP_TZ in DuckDB, which has no such type, as an INTERVAL: an instant with the offset that it is shown with.

DuckDB compares, groups, joins and orders intervals by what they add up to, a month being 30 days. So an interval of the
days and microseconds from an origin to the instant, of which one year (360 days) for each minute of the offset is written
as a year, equals every other one of the same instant, as in Snowflake. Nothing else of ours is an INTERVAL.
See: https://docs.snowflake.com/en/sql-reference/data-types-datetime (TIMESTAMP_TZ)
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa

DUCKDB_TYPE = "INTERVAL"
# From the origin to 1970, and what is added to an offset: no part is negative from year 1 to year 9999.
ORIGIN_DAYS = 2_000_000
DAY = 1440  # minutes
DAYS_OF_YEAR = 360
ARROW = pa.month_day_nano_interval()
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_PARTS = np.dtype([("months", "<i4"), ("days", "<i4"), ("nanos", "<i8")])


def to_datetime(value: Any) -> dt.datetime:
    """Return Arrow's (months, days, nanoseconds) as a time with its offset."""
    minutes = value.months // 12 - DAY
    days = value.days + DAYS_OF_YEAR * (minutes + DAY) - ORIGIN_DAYS
    clock = dt.timedelta(days=days, minutes=minutes, microseconds=value.nanoseconds // 1000)
    return (_EPOCH + clock).replace(tzinfo=dt.timezone(dt.timedelta(minutes=minutes)))


def from_datetime(value: dt.datetime) -> tuple[int, int, int]:
    """Return a time with an offset as (months, days, nanoseconds)."""
    offset = value.utcoffset() or dt.timedelta()
    years = offset // dt.timedelta(minutes=1) + DAY
    since = value.replace(tzinfo=dt.UTC) - _EPOCH - (value.utcoffset() or dt.timedelta())
    return (
        years * 12,
        since.days + ORIGIN_DAYS - DAYS_OF_YEAR * years,
        (since - dt.timedelta(since.days)) // _MICRO * 1000,
    )


_MICRO = dt.timedelta(microseconds=1)


def instants_and_offsets(array: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Return microseconds since 1970 and minutes from UTC, of an array of intervals."""
    packed = pa.concat_arrays([array])  # an array of its own, whose buffers begin with its first value
    parts = np.frombuffer(packed.buffers()[1] or b"", _PARTS, len(array), packed.offset * _PARTS.itemsize)
    years = parts["months"] // 12
    days = parts["days"].astype(np.int64) + DAYS_OF_YEAR * years - ORIGIN_DAYS
    mask = array.is_null().to_numpy(zero_copy_only=False)
    instants = days * 86_400_000_000 + parts["nanos"] // 1000
    return pa.array(instants, pa.int64(), mask=mask), pa.array(years - DAY, pa.int32(), mask=mask)
