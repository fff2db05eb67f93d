"""One batch: plan, recompute the sessions that new events touch, stage them, publish the manifest."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from pyspark import StorageLevel
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from spark_ingest import sessions as S
from spark_ingest.catalog import open_table
from spark_ingest.changes import Kind, LakeFile, TableChange, table_change, table_dates
from spark_ingest.config import IngestConfig
from spark_ingest.identifiers import canonical_id
from spark_ingest.lake import identifier
from spark_ingest.landing import Landing
from spark_ingest.manifest import (
    CONTRACT_VERSION,
    Control,
    Dataset,
    StagedFile,
    TableRange,
    batch_id,
    iso_moment,
)
from spark_ingest.session import spark_session
from spark_ingest.staging import write_staged
from spark_ingest.storage import open_storage
from spark_ingest.tables import TABLES, TRANSACTIONS, USER_EVENTS, Table

_ROWS_PER_FILE = 1_000_000
_DISK = StorageLevel.MEMORY_AND_DISK


@dataclass(frozen=True)
class Plan:
    """A batch before it is made."""

    mode: str
    batch_id: str
    changes: Mapping[str, TableChange]
    ranges: Mapping[str, TableRange]

    @property
    def affected_dates(self) -> list[date]:
        return sorted(set().union(*(change.days for change in self.changes.values())))

    @property
    def has_work(self) -> bool:
        return self.mode == "backfill" or any(change.kind != Kind.NOTHING for change in self.changes.values())


def make_plan(config: IngestConfig, landing: Landing, first: date | None = None, last: date | None = None) -> Plan:
    """Plan the next batch: since the newest manifest, or of a range of dates (backfill)."""
    mode = "incremental" if first is None and last is None else "backfill"
    since = published_snapshots(landing) if mode == "incremental" else {}
    changes, ranges = {}, {}
    for table in TABLES:
        opened = open_table(config, table)
        if mode == "incremental":
            change = table_change(opened, since.get(table.name))
        else:
            change = table_dates(opened, first or date(1, 1, 1), last or date(9999, 12, 31))
        changes[table.name] = change
        ranges[table.name] = TableRange(
            identifier=f"{config.namespace}.{table.name}",
            location=opened.location(),
            from_snapshot_id=change.from_snapshot_id,
            to_snapshot_id=change.to_snapshot_id,
        )
    days = sorted(set().union(*(change.days for change in changes.values())))
    return Plan(mode, batch_id(mode, ranges, days, config.max_session_hours), changes, ranges)


def published_snapshots(landing: Landing) -> dict[str, int | None]:
    """By table, the snapshot up to which incremental batches are published."""
    newest: dict[str, int | None] = {}
    for document in landing.manifests():
        if document["mode"] == "incremental":
            for name, table in document["tables"].items():
                to = table["to_snapshot_id"]
                newest[name] = None if to is None else int(to)
    return newest


def run(config: IngestConfig, first: date | None = None, last: date | None = None) -> str:
    """Make and publish the next batch; the sentence says what was done."""
    landing = Landing(open_storage(config.landing, config))
    with landing.held():
        landing.remove_unpublished()
        plan = make_plan(config, landing, first, last)
        if not plan.has_work:
            return "Nothing new in the lake: no batch was published."
        if any(document["batch_id"] == plan.batch_id for document in landing.manifests()):
            return f"Batch {plan.batch_id} is published already: nothing to do."
        with spark_session(config) as spark:
            document = Batch(spark, config, landing, plan).make()
        landing.publish(document)
    counts = {name: dataset["rows"] for name, dataset in document["datasets"].items()}
    return (
        f"Published batch {plan.batch_id}: {counts['user_sessions']} sessions, {counts['user_events']} events,"
        f" {counts['transactions']} transactions."
    )


@dataclass(frozen=True)
class Batch:
    """The work of one batch, on a running Spark."""

    spark: SparkSession
    config: IngestConfig
    landing: Landing
    plan: Plan

    def make(self) -> dict[str, Any]:
        """Stage everything and return the manifest."""
        findings: dict[str, int] = {}
        datasets = {
            "user_events": self._rows_dataset(USER_EVENTS, findings),
            "transactions": self._rows_dataset(TRANSACTIONS, findings),
            "user_sessions": self._sessions_dataset(findings),
        }
        return {
            "contract_version": CONTRACT_VERSION,
            "batch_id": self.plan.batch_id,
            "published_at": iso_moment(datetime.now(UTC)),
            "mode": self.plan.mode,
            "tables": {name: table.document() for name, table in self.plan.ranges.items()},
            "affected_dates": [day.isoformat() for day in self.plan.affected_dates],
            "max_session_hours": float(self.config.max_session_hours),
            "datasets": {name: dataset.document() for name, dataset in datasets.items()},
            "findings": {name: count for name, count in sorted(findings.items()) if count},
            "summary": {},
        }

    # --- rows that pass through -------------------------------------------------------------------------------------

    def _rows_dataset(self, table: Table, findings: dict[str, int]) -> Dataset:
        change = self.plan.changes[table.name]
        money = "total_amount" if table is TRANSACTIONS else None
        if change.kind == Kind.NOTHING:
            control = Control(money=None if money is None else Decimal("0.00"))
            return Dataset("passthrough", "no new rows", "added", "lake", (), 0, control)
        rows = self._affected_rows(table)
        scope = "dates" if change.kind == Kind.CHANGED else "added"
        obstacle = self._obstacle(change.files)
        if obstacle is None:
            total = self._totals(rows, table, money, findings)
            control = Control(
                money=None if money is None else (total.money or Decimal("0.00")),
                min_micros=total.low,
                max_micros=total.high,
            )
            files = tuple(StagedFile(self._in_lake(file), file.rows, file.bytes) for file in change.files)
            reason = "plain appends under the current schema" if scope == "added" else "live files of the dates"
            return Dataset("passthrough", reason, scope, "lake", files, total.rows, control)
        staged = write_staged(
            rows, self.config, self._folder(table.name), table.time, money, self._files_for(change.rows)
        )
        return Dataset("rewritten", obstacle, scope, "landing", staged.files, staged.rows, staged.control)

    def _totals(self, rows: DataFrame, table: Table, money: str | None, findings: dict[str, int]) -> Row:
        """Control totals, and what is noticed in new events, in one pass."""
        counted = {}
        if table is USER_EVENTS:
            rows = S.purchase_amounts(rows)
            purchase = F.col("event_type") == "purchase"
            counted = {
                "events_without_session": F.col("session_id").isNull(),
                "events_without_id": F.col("event_id").isNull(),
                "events_without_time": F.col("timestamp").isNull(),
                "unparsable_amounts": purchase & F.col("amount").isNull(),
                "negative_amounts": purchase & (F.col("amount") < 0),
                "dates_unlike_timestamps": F.to_date("timestamp") != F.col("date"),
            }
        total = rows.agg(
            F.count(F.lit(1)).alias("rows"),
            F.min(F.unix_micros(table.time)).alias("low"),
            F.max(F.unix_micros(table.time)).alias("high"),
            (F.sum(money) if money else F.lit(None)).alias("money"),
            *(F.count_if(condition).alias(name) for name, condition in counted.items()),
        ).collect()[0]
        findings.update({name: int(total[name]) for name in counted})
        return total

    def _obstacle(self, files: tuple[LakeFile, ...]) -> str | None:
        """Why files cannot be loaded as they lie in the lake."""
        if any(file.deletes for file in files):
            return "delete files apply to the data files"
        if any(not file.path.endswith(".parquet") for file in files):
            return "data files are not Parquet"
        if any(not self._below_root(file) for file in files):
            return "data files lie outside the lake's root"
        return None

    def _below_root(self, file: LakeFile) -> bool:
        return _plain(file.path).startswith(_plain(self.config.warehouse) + "/")

    def _in_lake(self, file: LakeFile) -> str:
        return _plain(file.path).removeprefix(_plain(self.config.warehouse) + "/")

    def _affected_rows(self, table: Table) -> DataFrame:
        """The rows that a dataset of this batch consists of."""
        change = self.plan.changes[table.name]
        if change.kind == Kind.APPENDED:
            return self._added(table)
        rows = self._at(table, change.to_snapshot_id)
        return rows if change.kind == Kind.EVERYTHING else rows.filter(F.col("date").isin(*sorted(change.days)))

    def _at(self, table: Table, snapshot: int | None) -> DataFrame:
        reader = self.spark.read.option("snapshot-id", str(snapshot)).format("iceberg")
        return reader.load(identifier(self.config, table)).select(*table.column_names)

    def _added(self, table: Table) -> DataFrame:
        change = self.plan.changes[table.name]
        reader = (
            self.spark.read.format("iceberg")
            .option("start-snapshot-id", str(change.from_snapshot_id))
            .option("end-snapshot-id", str(change.to_snapshot_id))
        )
        return reader.load(identifier(self.config, table)).select(*table.column_names)

    # --- sessions ---------------------------------------------------------------------------------------------------

    def _sessions_dataset(self, findings: dict[str, int]) -> Dataset:
        change = self.plan.changes[USER_EVENTS.name]
        if change.kind == Kind.NOTHING:
            control = Control(money=Decimal("0.00"))
            return Dataset("rewritten", "no new events", "added", "landing", (), 0, control)
        events = self._touched_events(change)
        made, count = self._sessions(S.session_events(events), findings)
        scope = "dates" if change.kind == Kind.CHANGED else "added"
        marked = made.select(
            *S.SESSION_COLUMNS,
            F.lit(change.to_snapshot_id).cast("bigint").alias("source_snapshot_id"),
            F.lit(self.plan.batch_id).alias("batch_id"),
        )
        staged = write_staged(
            marked,
            self.config,
            self._folder("user_sessions"),
            "session_start",
            "total_spent",
            self._files_for(count),
        )
        reason = "whole sessions, computed from events"
        return Dataset("rewritten", reason, scope, "landing", staged.files, staged.rows, staged.control)

    def _touched_events(self, change: TableChange) -> DataFrame:
        """All events of the sessions that this batch recomputes, from every partition they have events in."""
        events = self._at(USER_EVENTS, change.to_snapshot_id)
        if change.kind == Kind.EVERYTHING:
            return events
        touched = self._touched_sessions(change).persist(_DISK)
        days = self._days_of(events, touched, change)
        own = events.filter(F.col("date").isin(*sorted(days))) if days else events.limit(0)
        return own.join(
            touched.withColumnRenamed("session_id", "touched"),
            canonical_id(F.col("session_id")) == F.col("touched"),
            "left_semi",
        )

    def _touched_sessions(self, change: TableChange) -> DataFrame:
        def ids(rows: DataFrame) -> DataFrame:
            return rows.filter("session_id IS NOT NULL").select(canonical_id(F.col("session_id")).alias("session_id"))

        if change.kind == Kind.APPENDED:
            return ids(self._added(USER_EVENTS)).distinct()
        on_dates = F.col("date").isin(*sorted(change.days))
        found = ids(self._at(USER_EVENTS, change.to_snapshot_id).filter(on_dates))
        if change.from_snapshot_id is not None:
            # Sessions that lost events: those that the dates had before.
            found = found.union(ids(self._at(USER_EVENTS, change.from_snapshot_id).filter(on_dates)))
        return found.distinct()

    def _days_of(self, events: DataFrame, touched: DataFrame, change: TableChange) -> set[date]:
        """The dates that touched sessions may have events on: within the maximum session length of each event found."""
        limit = self.config.max_session_micros
        pad = math.ceil(limit / 86_400_000_000)
        read: set[date] = set()
        wanted = _padded(change.days, pad) & change.live_days
        while new := wanted - read:
            read |= new
            found = events.filter(F.col("date").isin(*sorted(new))).join(
                touched.withColumnRenamed("session_id", "touched"),
                canonical_id(F.col("session_id")) == F.col("touched"),
                "left_semi",
            )
            reach = found.filter("timestamp IS NOT NULL").select(F.unix_micros("timestamp").alias("micros"))
            days = (
                reach.select(F.explode(F.array(F.col("micros") - limit, F.col("micros") + limit)).alias("micros"))
                .select(F.floor(F.col("micros") / 86_400_000_000).cast("int").alias("day"))
                .distinct()
                .collect()
            )
            reached = {date(1970, 1, 1) + timedelta(days=row.day) for row in days if -719_162 <= row.day <= 2_932_896}
            wanted |= reached & change.live_days
        return read

    def _sessions(self, events: DataFrame, findings: dict[str, int]) -> tuple[DataFrame, int]:
        """Sessions of events, and how many. Rare cases cost only where they occur."""
        duplicates = S.duplicated_ids(events).persist(_DISK)
        findings["duplicated_event_ids"] = duplicates.count()
        if findings["duplicated_event_ids"]:
            events = S.each_event_once(events, duplicates)
        made = S.sessions(events).persist(_DISK)
        too_long = S.overlong(made, self.config.max_session_micros)
        over = F.unix_micros("session_end") - F.unix_micros("session_start") > self.config.max_session_micros
        count = made.agg(
            F.count(F.lit(1)).alias("sessions"),
            F.count_if("tied").alias("tied"),
            F.count_if(over).alias("overlong"),
            F.coalesce(F.sum(F.when(over, F.col("event_count"))), F.lit(0)).alias("events"),
        ).collect()[0]
        special = made.filter(F.col("tied") | over).select("session_id")
        if count.tied or count.overlong:
            own = events.join(special, "session_id", "left_semi")
            first = S.tied_first_events(own, made) if count.tied else None
            if count.overlong:
                own = S.within_limit(own, too_long)
            again = S.sessions(own, first).persist(_DISK)
            if count.overlong:
                findings["overlong_sessions"] = count.overlong
                kept = again.join(too_long, "session_id", "left_semi").agg(F.sum("event_count").alias("n")).collect()[0]
                findings["events_beyond_session_limit"] = count.events - kept.n
            made = made.join(special, "session_id", "left_anti").unionByName(again)
        return made, count.sessions

    def _folder(self, dataset: str) -> str:
        return f"{dataset}/batch_id={self.plan.batch_id}"

    def _files_for(self, rows: int) -> int:
        return max(1, math.ceil(rows / _ROWS_PER_FILE))


def _padded(days: frozenset[date], pad: int) -> set[date]:
    found = set()
    for day in days:
        for number in range(-pad, pad + 1):
            ordinal = day.toordinal() + number
            if 1 <= ordinal <= date.max.toordinal():
                found.add(date.fromordinal(ordinal))
    return found


def _plain(location: str) -> str:
    """A location without the scheme of a local file or S3's older schemes."""
    if location.startswith("file:"):
        return "/" + location.removeprefix("file:").lstrip("/")
    for scheme in ("s3a://", "s3n://"):
        location = location.replace(scheme, "s3://", 1) if location.startswith(scheme) else location
    return location
