"""Reads Parquet files of others, whose times may be in nanoseconds, which Spark has no type for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

_AS_LONG = "spark.sql.legacy.parquet.nanosAsLong"


def read_parquet(spark: SparkSession, paths: Sequence[Path]) -> DataFrame:
    """The rows of Parquet files; times in nanoseconds (what pandas writes) are cut to microseconds. See `nanosecond_columns`.

    A time without a zone is one in UTC.
    """
    before = spark.conf.get(_AS_LONG, "false")
    spark.conf.set(_AS_LONG, "true")
    try:
        rows = spark.read.parquet(*map(str, paths))
    finally:
        spark.conf.set(_AS_LONG, str(before))
    return rows.withColumns({name: _micros(name).alias(name) for name in nanosecond_columns(paths)})


def nanosecond_columns(paths: Sequence[Path]) -> list[str]:
    """The columns of Parquet files that are times in nanoseconds."""
    names = {
        field.name
        for path in paths
        for field in pq.read_schema(path)
        if pa.types.is_timestamp(field.type) and field.type.unit == "ns"
    }
    return sorted(names)


def _micros(name: str) -> Column:
    """Down to the microsecond that has begun, before 1970 too."""
    nanos = F.col(f"`{name}`")
    return F.timestamp_micros(F.expr(f"`{name}` div 1000") - F.when(nanos % 1000 < 0, 1).otherwise(0))
