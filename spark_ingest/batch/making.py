"""Makes a planned batch: stages its datasets and describes them in a manifest."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pyspark import StorageLevel
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from spark_ingest.batch.plan import Plan
from spark_ingest.batch.source import Source
from spark_ingest.batch.staging import write_staged
from spark_ingest.batch.touched import touched_events
from spark_ingest.config import IngestConfig
from spark_ingest.errors import LakeError
from spark_ingest.lake.changes import Kind, TableChange
from spark_ingest.lake.days import Days
from spark_ingest.lake.tables import TRANSACTIONS, USER_EVENTS, Table
from spark_ingest.landing.manifest import CONTRACT_VERSION, Control, Dataset, StagedFile
from spark_ingest.progress import Progress
from spark_ingest.transforms import sessions as S
from spark_ingest.transforms.amounts import decided

_DISK = StorageLevel.MEMORY_AND_DISK
# Staged sessions with UUIDs take about 110 bytes a row; a file that grows beyond the target all the same is cut there.
_BYTES_PER_ROW = 112
_SMALL_BYTES = 32 * 1024 * 1024
_ZERO = Decimal("0.00")
_NAMED = 10  # so many sessions are named where all are counted
# The years 1 to 9999, in microseconds since 1970.
_FIRST_MICROS, _LAST_MICROS = -62_135_596_800_000_000, 253_402_300_799_999_999


@dataclass
class Batch:
    """The work of one batch on a running Spark.

    findings: counts of what was noticed on the way, by name. endless: ids of some sessions that the batch meets in the midst of
    their events, with no pause before.
    """

    config: IngestConfig
    plan: Plan
    source: Source
    progress: Progress
    findings: dict[str, int] = field(default_factory=dict)
    endless: list[str] = field(default_factory=list)

    def make(self) -> dict[str, Any]:
        """Stage everything; the manifest without `published_at` and `summary`."""
        datasets = {}
        for table in (USER_EVENTS, TRANSACTIONS):
            with self.progress.stage(f"rows of {table.name}") as stage:
                datasets[table.name] = self._rows(table)
                stage.counts |= {"rows": datasets[table.name].rows, "handling": datasets[table.name].handling}
        datasets["user_sessions"] = self._user_sessions()
        return {
            "contract_version": CONTRACT_VERSION,
            "batch_id": self.plan.batch_id,
            "mode": self.plan.mode,
            "tables": {name: table.document() for name, table in self.plan.ranges.items()},
            "affected_dates": [day.isoformat() for day in self.plan.affected_days],
            "max_session_hours": float(self.config.max_session_hours),
            "datasets": {name: dataset.document() for name, dataset in datasets.items()},
            "findings": {name: count for name, count in sorted(self.findings.items()) if count},
        }

    def _rows(self, table: Table) -> Dataset:
        """A table's own rows: as they lie in the lake where that is safe, else rewritten."""
        change = self.plan.changes[table.name]
        money = "total_amount" if table is TRANSACTIONS else None
        if change.kind == Kind.NOTHING:
            control = Control(money=None if money is None else _ZERO)
            return Dataset("passthrough", "no new rows", "added", "lake", (), 0, control)
        days = tuple(change.days)
        rows = self.source.affected_rows(table)
        scope = "dates" if change.kind == Kind.CHANGED else "added"
        total = self._totals(rows, table, money)
        obstacle = self._obstacle(table, change)
        if obstacle is None:
            files = tuple(StagedFile(self._in_lake(file.path), file.rows, file.bytes) for file in change.files)
            if total.rows != change.rows:
                raise LakeError(
                    f"table {table.name}: its files promise {change.rows} rows, but {total.rows} can be read"
                )
            reason = (
                "plain appends under the current schema" if scope == "added" else f"{change.reason}; no delete files"
            )
            control = Control(
                money=None if money is None else (total.money or _ZERO), min_micros=total.low, max_micros=total.high
            )
            return Dataset("passthrough", reason, scope, "lake", files, total.rows, control, days)
        staged = write_staged(rows, self.config, self._folder(table.name), table.time, money, self._files(total.rows))
        return Dataset("rewritten", obstacle, scope, "landing", staged.files, staged.rows, staged.control, days)

    def _totals(self, rows: DataFrame, table: Table, money: str | None) -> Row:
        """Control totals, and what is noticed in the rows, in one pass."""
        noticed = {}
        if table is USER_EVENTS:
            committed = (self.plan.changes[table.name].committed_ms or 0) * 1000
            noticed = {
                "events_without_session": F.col("session_id").isNull(),
                "events_without_id": F.col("event_id").isNull(),
                "events_without_time": F.col("timestamp").isNull(),
                "unknown_event_types": ~F.col("event_type").isin(*S.EVENT_TYPES),
                "unknown_tiers": ~F.col("user_tier").isin(*S.TIERS),
                "dates_unlike_timestamps": F.to_date("timestamp") != F.col("date"),
                # Nothing is known before it happened: such a clock was wrong.
                "events_in_the_future": F.unix_micros("timestamp") > F.lit(committed),
            }
        total = rows.agg(
            F.count(F.lit(1)).alias("rows"),
            F.min(F.unix_micros(table.time)).alias("low"),
            F.max(F.unix_micros(table.time)).alias("high"),
            (F.sum(money) if money else F.lit(None)).alias("money"),
            *(F.count_if(condition).alias(name) for name, condition in noticed.items()),
        ).collect()[0]
        if total.high is not None and not _FIRST_MICROS <= total.low <= total.high <= _LAST_MICROS:
            raise LakeError(f"table {table.name}: column '{table.time}' has a time outside the years 1 to 9999")
        self.findings.update({name: int(total[name]) for name in noticed})
        return total

    def _obstacle(self, table: Table, change: TableChange) -> str | None:
        """Why files cannot be loaded as they lie in the lake."""
        if change.has_deletes and change.kind != Kind.APPENDED:
            return "delete files apply to the data files"
        if self.plan.columns[table.name].obstacle:
            return self.plan.columns[table.name].obstacle
        if any(not file.path.endswith(".parquet") for file in change.files):
            return "data files are not Parquet"
        if any(not _plain(file.path).startswith(self._root()) for file in change.files):
            return "data files lie outside the lake's root"
        if change.kind == Kind.CHANGED and not all(change.days.hold(file.span) for file in change.files):
            return "data files hold rows of other dates too"
        if len({file.path for file in change.files}) < len(change.files):
            return "a data file is in the table more than once"
        return None

    def _user_sessions(self) -> Dataset:
        change = self.plan.changes[USER_EVENTS.name]
        if change.kind == Kind.NOTHING:
            return Dataset("rewritten", "no new events", "added", "landing", (), 0, Control(money=_ZERO))
        small = change.bytes < _SMALL_BYTES
        with self.progress.stage("sessions touched"):
            touched = touched_events(self.source, small)
            events = S.session_events(touched.events)
        with self.progress.stage("sessions") as stage:
            once, copies = self._once_of_few(events) if small else self._once(events)
            if touched.sessions is not None:
                # The copies that other sessions have were there to decide which one counts.
                once = once.join(touched.sessions, "session_id", "left_semi")
                copies = None if copies is None else copies.join(touched.sessions, "session_id", "left_semi")
            made, count = self._sessions(once, small, touched.days)
            stage.counts["sessions"] = count
            if copies is not None and change.kind != Kind.EVERYTHING:
                made, count = self._with_emptied(made, count, copies, once)
        with self.progress.stage("staged sessions") as stage:
            rows = made.select(
                *S.SESSION_COLUMNS,
                F.lit(change.to_snapshot_id).cast("bigint").alias("source_snapshot_id"),
                F.lit(self.plan.batch_id).alias("batch_id"),
            )
            folder = self._folder("user_sessions")
            staged = write_staged(rows, self.config, folder, "session_start", "total_spent", self._files(count))
            stage.counts |= {"rows": staged.rows, "files": len(staged.files)}
        scope = "dates" if change.kind == Kind.CHANGED else "added"
        reason = "whole sessions, computed from events"
        days = tuple(change.days)
        return Dataset("rewritten", reason, scope, "landing", staged.files, staged.rows, staged.control, days)

    def _once_of_few(self, events: DataFrame) -> tuple[DataFrame, DataFrame | None]:
        """As `_once`, for a small batch: its events are kept and sorted, in one job."""
        ranked = S.ranked_copies(S.with_canonical_ids(events)).persist(_DISK)
        surplus = self.findings["duplicate_events"] = ranked.filter("copy > 1").count()
        return ranked.filter("copy = 1").drop("copy"), ranked if surplus else None

    def _once(self, events: DataFrame) -> tuple[DataFrame, DataFrame | None]:
        """Every event once, and the events among which the copies are (canonical; None without copies)."""
        hashes = S.repeated_hashes(events, self.config.shuffle_partitions).persist(_DISK)
        if hashes.isEmpty():
            return events, None
        suspects = S.with_canonical_ids(
            events.withColumn("hash", S.id_hash(F.col("event_id"))).join(hashes, "hash", "left_semi").drop("hash")
        )
        duplicates = S.duplicated_ids(suspects).persist(_DISK)
        surplus = duplicates.agg(F.coalesce(F.sum(F.col("n") - 1), F.lit(0)).alias("n")).collect()[0].n
        self.findings["duplicate_events"] = surplus
        if not surplus:
            return events, None
        return S.each_event_once(S.with_canonical_ids(events), duplicates.select("event_id")), suspects

    def _with_emptied(self, made: DataFrame, count: int, copies: DataFrame, once: DataFrame) -> tuple[DataFrame, int]:
        """Sessions, and those that a batch before may have made and that are no more: all their events count elsewhere."""
        emptied = S.emptied_sessions(copies, once).persist(_DISK)
        found = self.findings["emptied_sessions"] = emptied.count()
        return (made.unionByName(emptied), count + found) if found else (made, count)

    def _sessions(self, events: DataFrame, small: bool, days: Days | None) -> tuple[DataFrame, int]:
        """Sessions of events, and how many. Ties and overlong sessions cost only where they occur.

        days: what the events were read of; a session that goes on before is left out (`S.kept_spans`), and named in the
        manifest's summary. So do changed attributes in a large batch; a small one is sorted rather than searched for them.
        """
        made = S.exact_sessions(events).persist(_DISK) if small else self._sessions_of_many(events)
        limit = self.config.max_session_micros
        overlong = F.unix_micros("session_end") - F.unix_micros("session_start") > limit
        seen = made.agg(
            F.count(F.lit(1)).alias("sessions"),
            F.count_if("tied").alias("tied"),
            F.count_if(overlong).alias("overlong"),
            F.coalesce(F.sum(F.when(overlong, F.col("event_count"))), F.lit(0)).alias("events_of_overlong"),
            *(F.coalesce(F.sum(name), F.lit(0)).alias(name) for name in S.NOTICED),
        ).collect()[0]
        self.findings.update({name: int(seen[name]) for name in S.NOTICED})
        if seen.tied or seen.overlong:
            special = made.filter(F.col("tied") | overlong).select("session_id")
            own = S.with_canonical_ids(events).join(special, "session_id", "left_semi")
            too_long = S.overlong(made, limit)
            spans = S.kept_spans(own.join(too_long, "session_id", "left_semi"), limit, days).persist(_DISK)
            again = S.exact_sessions(S.within_spans(decided(own), spans)).persist(_DISK)
            made = made.join(special, "session_id", "left_anti").unionByName(again)
            if seen.overlong:
                return made, seen.sessions - self._found_overlong(seen, again, spans)
        return made, seen.sessions

    def _found_overlong(self, seen: Row, again: DataFrame, spans: DataFrame) -> int:
        """Note what is not kept of overlong sessions; how many have no beginning and are left out."""
        kept = again.join(spans, "session_id", "left_semi").agg(F.coalesce(F.sum("event_count"), F.lit(0)).alias("n"))
        endless = spans.filter("first_micros IS NULL").select("session_id")
        names = [row.session_id for row in endless.orderBy("session_id").limit(_NAMED).collect()]
        left_out = len(names) if len(names) < _NAMED else endless.count()
        self.findings["overlong_sessions"] = seen.overlong
        self.findings["events_beyond_session_limit"] = seen.events_of_overlong - kept.collect()[0].n
        self.findings["endless_sessions"] = left_out
        self.endless += names
        return left_out

    def _sessions_of_many(self, events: DataFrame) -> DataFrame:
        groups = S.session_groups(events).persist(_DISK)
        divided = S.divided_sessions(groups).persist(_DISK)
        if divided.isEmpty():
            return S.undivided_sessions(groups)
        merged = S.merged_groups(groups.join(divided, "session_id", "left_semi")).persist(_DISK)
        return S.undivided_sessions(groups.join(divided, "session_id", "left_anti")).unionByName(merged)

    def _folder(self, dataset: str) -> str:
        return f"{dataset}/batch_id={self.plan.batch_id}"

    def _files(self, rows: int) -> int:
        return max(1, math.ceil(rows * _BYTES_PER_ROW / (self.config.target_file_mb * 1024 * 1024)))

    def _root(self) -> str:
        return _plain(self.config.warehouse) + "/"

    def _in_lake(self, path: str) -> str:
        return _plain(path).removeprefix(self._root())


def _plain(location: str) -> str:
    """A location without the scheme of a local file or S3's older schemes."""
    if location.startswith("file:"):
        return "/" + location.removeprefix("file:").lstrip("/")
    for scheme in ("s3a://", "s3n://"):
        if location.startswith(scheme):
            return "s3://" + location.removeprefix(scheme)
    return location
