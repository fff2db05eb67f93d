"""The lake's rows that a batch is about, as DataFrames with the contract's columns whatever the schema of the day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import reduce
from operator import or_

from pyspark.sql import Column, DataFrame, DataFrameReader, SparkSession
from pyspark.sql import functions as F

from spark_ingest.batch.plan import Plan, schema_changed
from spark_ingest.config import IngestConfig
from spark_ingest.lake.changes import Kind
from spark_ingest.lake.days import DAY_MICROS, Days
from spark_ingest.lake.rows import identifier
from spark_ingest.lake.table_files import LakeFile
from spark_ingest.lake.tables import Table

_FILE_OPEN_COST = 256 * 1024
# Where the empty string is no value.
_GIVEN = ("event_id", "session_id", "user_id", "user_tier")
# A condition of more ranges than this costs more to plan than the files in the gaps cost to open.
_MOST_RANGES = 50
_MOST_MICROS = 2**63 - 1


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
        wanted = _on(change.days, table)
        timeless = any(file.timeless for file in change.files)
        return rows.filter(wanted | F.col(table.time).isNull() if timeless else wanted)

    def at(self, table: Table, snapshot_id: int | None, files: Iterable[LakeFile] | None = None) -> DataFrame:
        """A table as of a snapshot; no rows when there is none. files: the rows of these data files only."""
        name = identifier(self.config, table)
        if snapshot_id is None:
            return self._contract(self.spark.table(name), table, None).limit(0)
        loaded = self._reader().option("snapshot-id", str(snapshot_id)).load(name)
        if files is not None:
            loaded = loaded.filter(F.col("_file").isin([file.path for file in files]))
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
            if name is not None and name not in loaded.columns:
                raise schema_changed(table.name, f"has no column '{name}' any more")
            value = F.lit(None) if name is None else F.col(f"`{name}`")
            value = value.cast(column.type)
            chosen.append((_given(value) if column.name in _GIVEN else value).alias(column.name))
        return loaded.select(*chosen)


def _given(value: Column) -> Column:
    """NULL for the empty string: events that have it have nothing in common."""
    return F.when(value != "", value)


def on_days(rows: DataFrame, days: Days, table: Table) -> DataFrame:
    """The rows of some UTC dates; Iceberg leaves out the files whose bounds lie elsewhere."""
    return rows.filter(_on(days, table)) if days else rows.limit(0)


def _on(days: Days, table: Table) -> Column:
    """The condition that a row's time lies on some days, in comparisons that Iceberg understands."""
    if not days:
        return F.lit(False)
    time = F.col(table.time)
    near = reduce(or_, (_between(time, first, last) for first, last in days.coarse(_MOST_RANGES).ranges))
    if len(days.ranges) <= _MOST_RANGES:
        return near
    # Text, because a date of the first centuries does not survive the way from Python to Java.
    return near & F.to_date(time).isin(*(F.lit(day.isoformat()).cast("date") for day in days))


def _between(time: Column, first: int, last: int) -> Column:
    return (time >= _midnight(first)) & (time < _midnight(last + 1))


def _midnight(day: int) -> Column:
    return F.timestamp_micros(F.lit(max(-_MOST_MICROS, min(day * DAY_MICROS, _MOST_MICROS))))
