"""The lake's rows that a batch is about, as DataFrames with the contract's columns whatever the schema of the day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from pyspark.sql import Column, DataFrame, DataFrameReader, SparkSession
from pyspark.sql import functions as F

from spark_ingest.changes import Kind, LakeFile
from spark_ingest.config import IngestConfig
from spark_ingest.lake import identifier
from spark_ingest.plan import Plan
from spark_ingest.tables import Table

_FILE_OPEN_COST = 256 * 1024
# Where the empty string is no value.
_GIVEN = ("event_id", "session_id", "user_id", "user_tier")


@dataclass(frozen=True)
class Source:
    """Reads the lake as of the plan's snapshots, whatever is committed meanwhile.

    files_read: sizes in bytes of the data files that rows were asked of, by path.
    """

    spark: SparkSession
    config: IngestConfig
    plan: Plan
    files_read: dict[str, int] = field(default_factory=dict)

    def affected_rows(self, table: Table) -> DataFrame:
        """The rows that a table's dataset of this batch consists of."""
        change = self.plan.changes[table.name]
        self.note(change.files)
        if change.kind == Kind.APPENDED:
            return self.appended(table)
        rows = self.at(table, change.to_snapshot_id)
        if change.kind == Kind.EVERYTHING:
            return rows
        dated = on_days(rows, change.days)
        return dated if all(file.days for file in change.files) else dated.unionByName(rows.filter("date IS NULL"))

    def at(self, table: Table, snapshot_id: int | None) -> DataFrame:
        """A table as of a snapshot; no rows when there is none."""
        name = identifier(self.config, table)
        if snapshot_id is None:
            return self._contract(self.spark.table(name), table, None).limit(0)
        loaded = self._reader().option("snapshot-id", str(snapshot_id)).load(name)
        return self._contract(loaded, table, snapshot_id)

    def note(self, files: Iterable[LakeFile]) -> None:
        """Count data files among those read."""
        self.files_read.update((file.path, file.bytes) for file in files)

    def appended(self, table: Table) -> DataFrame:
        """The rows of a table that the plan's snapshots appended."""
        change = self.plan.changes[table.name]
        loaded = (
            self._reader()
            .option("start-snapshot-id", str(change.from_snapshot_id))
            .option("end-snapshot-id", str(change.to_snapshot_id))
            .load(identifier(self.config, table))
        )
        return self._contract(loaded, table, None)

    def _reader(self) -> DataFrameReader:
        # Hourly partitions make many small files; weighed at Iceberg's default of 4 MB each they become a task a handful.
        return self.spark.read.format("iceberg").option("file-open-cost", str(_FILE_OPEN_COST))

    def _contract(self, loaded: DataFrame, table: Table, snapshot_id: int | None) -> DataFrame:
        names = self.plan.columns[table.name].names(snapshot_id)
        chosen = []
        for column in table.columns:
            name = names[column.name]
            value = F.lit(None) if name is None or name not in loaded.columns else F.col(f"`{name}`")
            value = value.cast(column.type)
            chosen.append((_given(value) if column.name in _GIVEN else value).alias(column.name))
        return loaded.select(*chosen)


def _given(value: Column) -> Column:
    """NULL for the empty string: events that have it have nothing in common."""
    return F.when(value != "", value)


def on_days(rows: DataFrame, days: Iterable[date]) -> DataFrame:
    """The rows of some dates; Iceberg prunes the other partitions."""
    # Written as text: a date of the first centuries does not survive the way from Python to Java.
    wanted = [F.lit(day.isoformat()).cast("date") for day in sorted(days)]
    return rows.filter(F.col("date").isin(*wanted)) if wanted else rows.limit(0)
