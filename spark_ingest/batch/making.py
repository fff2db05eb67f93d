"""Makes a planned batch: stages its datasets and describes them in a manifest."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pyspark import StorageLevel
from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from spark_ingest.batch.plan import Plan
from spark_ingest.batch.source import Source
from spark_ingest.batch.staging import Staged, write_staged
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
_SMALL_BYTES = 32 * 1024 * 1024
_BYTES_PER_TASK = 64 * 1024 * 1024  # of events: their sessions are a fifth of that
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
        few = rows.coalesce(_tasks(change))
        staged = write_staged(few, self.config, self._folder(table.name), table.time, money)
        return Dataset("rewritten", obstacle, scope, "landing", staged.files, staged.rows, staged.control, days)

    def _totals(self, rows: DataFrame, table: Table, money: str | None) -> Row:
        """Control totals, and what is noticed in the rows, in one pass."""
        noticed = self._noticed(table)
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

    def _noticed(self, table: Table) -> dict[str, Column]:
        """What is counted in the rows of a table, by the finding's name."""
        if table is not USER_EVENTS:
            return {}
        change = self.plan.changes[table.name]
        needed = {
            "session_id": "events_without_session",
            "event_id": "events_without_id",
            "timestamp": "events_without_time",
        }
        return {
            # Long texts are read only for the files whose metadata does not tell.
            **{needed[name]: F.col(name).isNull() for name in needed if not self._is_complete(table, name)},
            "unknown_event_types": ~F.col("event_type").isin(*S.EVENT_TYPES),
            "unknown_tiers": ~F.col("user_tier").isin(*S.TIERS),
            "dates_unlike_timestamps": F.to_date("timestamp") != F.col("date"),
            # Nothing is known before it happened: such a clock was wrong.
            "events_in_the_future": F.unix_micros("timestamp") > F.lit((change.committed_ms or 0) * 1000),
        }

    def _is_complete(self, table: Table, name: str) -> bool:
        """Whether metadata says that no row of a table's change lacks a value."""
        column = self.plan.columns[table.name].ids[name]
        return all(column in file.complete for file in self.plan.changes[table.name].files)

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
        if lacking := self._lacking(table, change):
            return f"column '{lacking}' is not in all of the files"
        return None

    def _lacking(self, table: Table, change: TableChange) -> str | None:
        """A column of the contract that a file lacks, as one can that was added to the table and not written by it.

        Dates and hours need not be in files. Of a file without counts metadata tells nothing.
        """
        columns = self.plan.columns[table.name]
        needed = {
            name: id_ for name, id_ in columns.ids.items() if name not in table.partitions and id_ in columns.counted
        }
        told = {file.counted for file in change.files if file.counted}
        return next((name for name, id_ in needed.items() if any(id_ not in each for each in told)), None)

    def _user_sessions(self) -> Dataset:
        change = self.plan.changes[USER_EVENTS.name]
        if change.kind == Kind.NOTHING:
            return Dataset("rewritten", "no new events", "added", "landing", (), 0, Control(money=_ZERO))
        few = change.bytes < _SMALL_BYTES
        with self.progress.stage("sessions touched"):
            touched = touched_events(self.source, few)
            events = S.session_events(touched.events)
        with self.progress.stage("events once"):
            once, copies = self._once_of_few(events) if few else self._once(events)
            if touched.sessions is not None:
                # The copies that other sessions have were there to decide which one counts.
                once = once.join(touched.sessions, "session_id", "left_semi")
                copies = None if copies is None else copies.join(touched.sessions, "session_id", "left_semi")
        with self.progress.stage("staged sessions") as stage:
            staged = self._sessions_of_few(once, touched.days) if few else self._sessions(once, touched.days)
            if copies is not None and change.kind != Kind.EVERYTHING:
                staged += self._emptied_sessions(copies, once)
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

    def _sessions(self, events: DataFrame, days: Days | None) -> Staged:
        """Stage the sessions of many events in one job, and then those that it sets aside.

        days: what the events were read of; a session that goes on before is left out (`S.kept_spans`).
        """
        limit = self.config.max_session_micros
        staged = self._write(S.lone_groups(S.session_groups(events), limit))
        if staged.aside is None:
            return staged
        merged = S.merged_groups(staged.aside).persist(_DISK)
        is_special = F.col("unsettled") | S.is_overlong(limit)
        staged += self._write(merged.filter(~is_special))
        special = merged.filter(is_special).select("session_id")
        if special.isEmpty():
            return staged
        own = S.with_canonical_ids(events).join(special, "session_id", "left_semi")
        return staged + self._sessions_of_few(decided(own).persist(_DISK), days)

    def _sessions_of_few(self, events: DataFrame, days: Days | None) -> Staged:
        """Stage the sessions of few events (canonical, of known amounts). Overlong ones are made again, of what is kept."""
        limit = self.config.max_session_micros
        told = F.struct("session_id", "event_count", *S.NOTICED)
        sessions = S.exact_sessions(events).withColumn("aside", F.when(S.is_overlong(limit), told))
        staged = self._write(sessions, is_little_aside=True)
        if staged.aside is None:
            return staged
        own = events.join(staged.aside, "session_id", "left_semi")
        spans = S.kept_spans(own, limit, days).persist(_DISK)
        again = self._write(S.exact_sessions(S.within_spans(own, spans)), is_noticed=False)
        self._find_overlong(staged.aside, spans, again)
        return staged + again

    def _find_overlong(self, overlong: DataFrame, spans: DataFrame, kept: Staged) -> None:
        """Note what is not kept of overlong sessions; those that have no beginning are left out whole."""
        sums = (F.sum(name).alias(name) for name in ("event_count", *S.NOTICED))
        found = overlong.agg(F.count(F.lit(1)).alias("sessions"), *sums).collect()[0]
        self._notice(found.asDict())
        endless = spans.filter("first_micros IS NULL").select("session_id")
        names = [row.session_id for row in endless.orderBy("session_id").limit(_NAMED).collect()]
        self.findings["overlong_sessions"] = found.sessions
        self.findings["events_beyond_session_limit"] = found.event_count - kept.counts["events"]
        self.findings["endless_sessions"] = len(names) if len(names) < _NAMED else endless.count()
        self.endless += names

    def _emptied_sessions(self, copies: DataFrame, once: DataFrame) -> Staged:
        """Stage those that a batch before may have made and that are no more: all their events count elsewhere."""
        emptied = self._write(S.emptied_sessions(copies, once))
        self.findings["emptied_sessions"] = emptied.rows
        return emptied

    def _write(self, sessions: DataFrame, is_noticed: bool = True, is_little_aside: bool = False) -> Staged:
        """Stage sessions, but for those with something in `aside`. is_noticed: whether what they have of NOTICED is a finding.

        is_little_aside: as `write_staged` has it.
        """
        change = self.plan.changes[USER_EVENTS.name]
        rows = sessions.select(
            *S.SESSION_COLUMNS,
            F.lit(change.to_snapshot_id).cast("bigint").alias("source_snapshot_id"),
            F.lit(self.plan.batch_id).alias("batch_id"),
            F.col("event_count").alias("events"),
            *S.NOTICED,
            *(["aside"] if "aside" in sessions.columns else []),
        ).coalesce(_tasks(change))
        folder = self._folder("user_sessions")
        counted = ("events", *S.NOTICED)
        staged = write_staged(
            rows, self.config, folder, "session_start", "total_spent", counted, is_little_aside=is_little_aside
        )
        if is_noticed:
            self._notice(staged.counts)
        return staged

    def _notice(self, counts: Mapping[str, int]) -> None:
        for name in S.NOTICED:
            self.findings[name] = self.findings.get(name, 0) + counts[name]

    def _folder(self, dataset: str) -> str:
        return f"{dataset}/batch_id={self.plan.batch_id}"

    def _root(self) -> str:
        return _plain(self.config.warehouse) + "/"

    def _in_lake(self, path: str) -> str:
        return _plain(path).removeprefix(self._root())


def _tasks(change: TableChange) -> int:
    """How many tasks write a batch's rows at most, each a file at least."""
    return max(1, math.ceil(change.bytes / _BYTES_PER_TASK))


def _plain(location: str) -> str:
    """A location without the scheme of a local file or S3's older schemes."""
    if location.startswith("file:"):
        return "/" + location.removeprefix("file:").lstrip("/")
    for scheme in ("s3a://", "s3n://"):
        if location.startswith(scheme):
            return "s3://" + location.removeprefix(scheme)
    return location
