"""The lake's rows that a batch is about, as DataFrames with the contract's columns whatever the schema of the day."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from pyspark.sql import DataFrame, DataFrameReader, SparkSession
from pyspark.sql import functions as F

from spark_ingest.changes import Kind, LakeFile, TableChange
from spark_ingest.config import IngestConfig
from spark_ingest.identifiers import canonical_id
from spark_ingest.lake import identifier
from spark_ingest.plan import Plan
from spark_ingest.tables import USER_EVENTS, Table

_FILE_OPEN_COST = 256 * 1024
_DAY_MICROS = 86_400_000_000
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


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
        self._note(change.files)
        if change.kind == Kind.APPENDED:
            return self._appended(table)
        rows = self.at(table, change.to_snapshot_id)
        if change.kind == Kind.EVERYTHING:
            return rows
        dated = _on(rows, change.days)
        return dated if all(file.days for file in change.files) else dated.unionByName(rows.filter("date IS NULL"))

    def at(self, table: Table, snapshot_id: int | None) -> DataFrame:
        """A table as of a snapshot; no rows when there is none."""
        name = identifier(self.config, table)
        if snapshot_id is None:
            return self._contract(self.spark.table(name), table, None).limit(0)
        loaded = self._reader().option("snapshot-id", str(snapshot_id)).load(name)
        return self._contract(loaded, table, snapshot_id)

    def touched_events(self) -> DataFrame:
        """All events of every session that the batch recomputes, from every partition they have events in."""
        change = self.plan.changes[USER_EVENTS.name]
        events = self.at(USER_EVENTS, change.to_snapshot_id)
        if change.kind == Kind.EVERYTHING:
            return events
        touched = self._touched_sessions(change).persist()
        days = self._days_of(events, touched, change)
        self._note(file for file in change.live if file.days & days)
        return _of_sessions(_on(events, days), touched)

    def _note(self, files: Iterable[LakeFile]) -> None:
        self.files_read.update((file.path, file.bytes) for file in files)

    def _appended(self, table: Table) -> DataFrame:
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
            chosen.append(value.cast(column.type).alias(column.name))
        return loaded.select(*chosen)

    def _touched_sessions(self, change: TableChange) -> DataFrame:
        """Ids of the sessions to recompute: `session_id`."""
        if change.kind == Kind.APPENDED:
            return _session_ids(self._appended(USER_EVENTS)).distinct()
        found = _session_ids(_on(self.at(USER_EVENTS, change.to_snapshot_id), change.days))
        if change.before_readable:
            # Sessions that lost events: those that the dates had before.
            found = found.union(_session_ids(_on(self.at(USER_EVENTS, change.from_snapshot_id), change.days)))
        elif change.from_snapshot_id is not None:
            # What the dates had is gone; the sessions that lost events there are among those near by.
            near = _padded(change.days, self._reach())
            found = found.union(_session_ids(_on(self.at(USER_EVENTS, change.to_snapshot_id), near)))
        return found.distinct()

    def _days_of(self, events: DataFrame, touched: DataFrame, change: TableChange) -> set[date]:
        """The dates on which touched sessions may have events.

        Within the maximum session length of each event found, and again of each event found there: so an overlong
        session is found whole too, wherever a batch meets it.
        """
        limit, live = self.config.max_session_micros, change.live_days
        read: set[date] = set()
        wanted = _padded(change.days, self._reach()) & live
        while new := wanted - read:
            read |= new
            found = _of_sessions(_on(events, new), touched).filter("timestamp IS NOT NULL")
            micros = F.unix_micros("timestamp")
            reached = found.select(F.explode(F.array(micros - limit, micros + limit)).alias("micros"))
            days = reached.select(F.floor(F.col("micros") / _DAY_MICROS).cast("int").alias("day")).distinct().collect()
            wanted |= {day for row in days if (day := _day(row.day)) in live}
        return read

    def _reach(self) -> int:
        return math.ceil(self.config.max_session_micros / _DAY_MICROS)


def _on(rows: DataFrame, days: Iterable[date]) -> DataFrame:
    """The rows of some dates; Iceberg prunes the other partitions."""
    # Written as text: a date of the first centuries does not survive the way from Python to Java.
    wanted = [F.lit(day.isoformat()).cast("date") for day in sorted(days)]
    return rows.filter(F.col("date").isin(*wanted)) if wanted else rows.limit(0)


def _session_ids(rows: DataFrame) -> DataFrame:
    return rows.filter("session_id IS NOT NULL").select(canonical_id(F.col("session_id")).alias("session_id"))


def _of_sessions(events: DataFrame, touched: DataFrame) -> DataFrame:
    ids = touched.select(F.col("session_id").alias("touched_id"))
    return events.join(ids, canonical_id(F.col("session_id")) == F.col("touched_id"), "left_semi")


def _padded(days: Iterable[date], pad: int) -> set[date]:
    shifts = range(-pad, pad + 1)
    ordinals = {day.toordinal() + shift for day in days for shift in shifts}
    return {date.fromordinal(ordinal) for ordinal in ordinals if 1 <= ordinal <= date.max.toordinal()}


def _day(number: int) -> date | None:
    ordinal = number + _EPOCH_ORDINAL
    return date.fromordinal(ordinal) if 1 <= ordinal <= date.max.toordinal() else None
