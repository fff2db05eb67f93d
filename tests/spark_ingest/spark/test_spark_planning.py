"""Spark plans a batch by the bytes that it will read."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pyspark.sql import SparkSession

from spark_ingest.batch.plan import Plan
from spark_ingest.config import IngestConfig
from spark_ingest.lake.changes import Kind, TableChange
from spark_ingest.lake.table_files import LakeFile, days_of
from spark_ingest.landing.history import History
from spark_ingest.spark.session import spark_session

_MB = 1 << 20


@pytest.mark.parametrize(
    ("size", "adaptive", "partitions"),
    [
        (None, "true", "2"),
        (0, "false", "1"),
        (4 * _MB, "false", "1"),
        (4 * _MB + 1, "false", "2"),
        (16 * _MB, "false", "4"),
        (16 * _MB + 1, "true", "2"),
    ],
)
def test_little_input_is_planned_once_and_for_few_partitions(
    spark: SparkSession, base_config: IngestConfig, size: int | None, adaptive: str, partitions: str
) -> None:
    def planned() -> tuple[str | None, str | None]:
        return spark.conf.get("spark.sql.adaptive.enabled"), spark.conf.get("spark.sql.shuffle.partitions")

    with spark_session(replace(base_config, shuffle_partitions=200), size=size, running=spark) as same:
        assert same is spark
        assert planned() == (adaptive, partitions)
    assert planned() == ("true", "2")
    with spark_session(replace(base_config, shuffle_partitions=1), size=16 * _MB, running=spark):
        assert planned() == ("false", "1")


def test_a_batch_reads_what_its_sessions_may_have_on_the_days_around() -> None:
    """The first events of a new day are few; those of the day before may be many."""
    new = LakeFile("new", 1, 1, (16, 16))
    live = (LakeFile("a", 1, 100, (14, 14)), LakeFile("b", 1, 10, (15, 15)), new)
    change = TableChange(Kind.APPENDED, 1, 2, files=(new,), days=days_of([new]), live=live)
    plan = Plan("incremental", "id", {"user_events": change}, {}, {}, History())
    assert [plan.bytes_to_read(days) for days in (0, 1, 2)] == [1, 11, 111]
