"""Every test of the job has a lake namespace and a landing of its own, on the Spark session of tests/spark_session.py."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from spark_ingest.batch.run import RunResult, run
from spark_ingest.config import IngestConfig
from spark_ingest.lake.rows import create_tables, identifier
from spark_ingest.lake.tables import TRANSACTIONS, USER_EVENTS, Table
from spark_ingest.progress import Progress
from tests.conftest import REPOSITORY as REPOSITORY
from tests.spark_ingest.rows import Row, frame

_NUMBERS = itertools.count()


@dataclass(frozen=True)
class Lake:
    """Two tables and a landing."""

    spark: SparkSession
    config: IngestConfig

    def name(self, table: Table) -> str:
        return identifier(self.config, table)

    def append(self, events: list[Row] | None = None, transactions: list[Row] | None = None) -> None:
        """One snapshot per table that rows are given for."""
        for table, rows in ((USER_EVENTS, events), (TRANSACTIONS, transactions)):
            if rows:
                frame(self.spark, table, rows).writeTo(self.name(table)).append()

    def sql(self, statement: str) -> None:
        """A statement with {events} and {transactions} for the tables' names."""
        self.spark.sql(statement.format(events=self.name(USER_EVENTS), transactions=self.name(TRANSACTIONS)))

    def run(self, first: date | None = None, last: date | None = None, again: str | None = None) -> RunResult:
        return run(self.config, Progress("run"), first, last, spark=self.spark, again=again)


def new_lake(spark: SparkSession, base_config: IngestConfig, folder: Path) -> Lake:
    """Two empty tables, and a folder for the landing and what is rejected."""
    config = replace(
        base_config,
        namespace=f"test_{next(_NUMBERS)}",
        landing=str(folder / "landing"),
        rejects=str(folder / "rejects"),
    )
    create_tables(spark, config)
    return Lake(spark, config)


@pytest.fixture
def lake(spark: SparkSession, base_config: IngestConfig, tmp_path: Path) -> Lake:
    return new_lake(spark, base_config, tmp_path)
