"""Table care: compaction, manifests, snapshot expiry, orphan files. No file that a batch still needs is removed.

What a batch needs: until the warehouse has acknowledged it, the snapshots it was made of (its passed-through files are
live in them); and always the snapshot up to which batches are published, from which the next run goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pyiceberg.manifest import ManifestContent
from pyiceberg.table import Table as IcebergTable
from pyiceberg.table.snapshots import Snapshot
from pyspark.sql import Row, SparkSession

from spark_ingest.config import IngestConfig
from spark_ingest.lake.catalog import open_table
from spark_ingest.lake.table_files import live_in
from spark_ingest.lake.tables import TABLES, Table
from spark_ingest.landing.batches import Landing
from spark_ingest.landing.history import INCREMENTAL, History
from spark_ingest.landing.storage import open_storage
from spark_ingest.progress import Progress
from spark_ingest.spark.session import CATALOG, spark_session

# Iceberg's own: files below three quarters of the target are small; five of a partition are worth a rewrite.
_SMALL_SHARE = 0.75
_MIN_INPUT_FILES = 5


@dataclass(frozen=True)
class TableState:
    """What a table consists of at one moment, by its metadata. bytes: of the live data files."""

    snapshots: int
    manifests: int
    data_files: int
    delete_files: int
    bytes: int
    small_files: int


@dataclass(frozen=True)
class Care:
    """What was done, or would be, to one table.

    compacted: data files rewritten (dry run: that would be). expired: snapshots. orphans: files that nothing refers to.
    kept_for: why no more snapshots were expired.
    """

    table: str
    before: TableState
    after: TableState
    compacted: int
    expired: int
    orphans: int
    kept_for: str


def maintain(
    config: IngestConfig,
    progress: Progress,
    dry_run: bool = False,
    debug: bool = False,
    spark: SparkSession | None = None,
) -> list[Care]:
    """Take care of both tables and the landing, alone on the landing. dry_run: nothing is changed.

    Raises RunConflict when a run holds the landing, LakeError for a missing table.
    """
    landing = Landing(open_storage(config.landing, config))
    with landing.held():
        history, loaded = landing.history(), landing.acknowledged()
        for table in TABLES:
            open_table(config, table)  # a missing table is told before Spark starts
        with spark_session(config, debug, running=spark) as session:
            cares = [_care(session, config, table, history, loaded, progress, dry_run) for table in TABLES]
        with progress.stage("loaded batches") as stage:
            oldest = datetime.now(UTC) - timedelta(hours=config.landing_keep_hours)
            stage.counts["removed"] = landing.remove_loaded(history, oldest, dry_run)
    return cares


def _care(
    spark: SparkSession,
    config: IngestConfig,
    table: Table,
    history: History,
    loaded: set[str],
    progress: Progress,
    dry_run: bool,
) -> Care:
    opened = open_table(config, table)
    before = state(opened, config)
    compacted = _compactable(opened, config)
    if not dry_run:
        with progress.stage(f"compaction of {table.name}") as stage:
            done = _call(spark, config, table, "rewrite_data_files", options=_compaction_options(config))
            compacted = int(done[0].rewritten_data_files_count)
            stage.counts["files"] = compacted
        with progress.stage(f"manifests of {table.name}"):
            _call(spark, config, table, "rewrite_manifests")
        opened = open_table(config, table)
    moment = datetime.now(UTC)
    keep = moment - timedelta(hours=config.snapshot_keep_hours)
    expiring, kept_for = expirable(opened, table.name, history, loaded, keep)
    if expiring and not dry_run:
        with progress.stage(f"snapshots of {table.name}") as stage:
            # By name alone: without a time of ours Iceberg would also expire all that are older than five days.
            _call(spark, config, table, "expire_snapshots", older_than=_timestamp(0), snapshot_ids=expiring)
            stage.counts["snapshots"] = len(expiring)
    with progress.stage(f"orphan files of {table.name}") as stage:
        old = int((moment - timedelta(hours=config.orphan_keep_hours)).timestamp() * 1000)
        found = _call(
            spark, config, table, "remove_orphan_files",
            older_than=_timestamp(old), dry_run=dry_run, prefix_listing=config.lake_on_s3,
        )  # fmt: skip
        stage.counts["files"] = len(found)
    after = before if dry_run else state(open_table(config, table), config)
    return Care(table.name, before, after, compacted, len(expiring), len(found), kept_for)


def expirable(
    table: IcebergTable, name: str, history: History, loaded: set[str], oldest_kept: datetime
) -> tuple[list[int], str]:
    """The snapshots of a table that may go, and why no older ones than the rest may.

    What a batch needs is told by ancestry: clocks of different writers differ, and a table may have been rolled back.
    """
    published = history.published_up_to().get(name)
    if published is None:
        return [], "nothing is published yet"
    known = {snapshot.snapshot_id: snapshot for snapshot in table.snapshots()}
    current = table.metadata.current_snapshot_id
    needed = dict.fromkeys(_chain(known, current, published), "the next batch, which goes on from there")
    for each in history.batches:
        first, last = each.tables[name]
        if each.batch_id not in loaded and last is not None:
            why = f"batch {each.batch_id}, which is not loaded yet"
            if last not in known:
                return [], why  # its files are live in some snapshot, and which cannot be told
            # A backfill's files are live in the snapshot it was read at. Another batch's are in some snapshot after the one it
            # starts from, which need not be the last: what was appended may have been compacted within the same batch.
            begun = last if each.mode != INCREMENTAL and first is None else first
            needed |= dict.fromkeys(_chain(known, last, begun), why)
    limit = int(oldest_kept.timestamp() * 1000)
    old = [snapshot.snapshot_id for snapshot in table.snapshots() if snapshot.timestamp_ms < limit]
    kept = [needed[each] for each in old if each in needed and each != current]
    tagged = {ref.snapshot_id for ref in table.metadata.refs.values()}
    expiring = [each for each in old if each not in needed and each not in tagged]
    return expiring, kept[0] if kept else "the time that snapshots are kept"


def _chain(known: Mapping[int, Snapshot], last: int | None, first: int | None) -> list[int]:
    """A snapshot and its ancestors down to another one (None, or gone: all that are left)."""
    chain: list[int] = []
    while last is not None and last in known:
        chain.append(last)
        last = None if last == first else known[last].parent_snapshot_id
    return chain


def state(table: IcebergTable, config: IngestConfig) -> TableState:
    """Count a table's parts from its metadata."""
    snapshot = table.current_snapshot()
    manifests = snapshot.manifests(table.io) if snapshot else []
    sizes, deletes = [], 0
    for manifest in manifests:
        for file in live_in(table, manifest):
            if manifest.content == ManifestContent.DELETES:
                deletes += 1
            else:
                sizes.append(int(file.file_size_in_bytes))
    small = sum(size < _small(config) for size in sizes)
    return TableState(len(table.snapshots()), len(manifests), len(sizes), deletes, sum(sizes), small)


def _small(config: IngestConfig) -> float:
    return config.target_file_mb * 1024 * 1024 * _SMALL_SHARE


def _compactable(table: IcebergTable, config: IngestConfig) -> int:
    """Small data files in partitions that have enough of them."""
    snapshot = table.current_snapshot()
    by_partition: dict[str, int] = {}
    for manifest in snapshot.manifests(table.io) if snapshot else []:
        if manifest.content == ManifestContent.DATA:
            for file in live_in(table, manifest):
                if file.file_size_in_bytes < _small(config):
                    key = f"{file.spec_id}/{file.partition}"
                    by_partition[key] = by_partition.get(key, 0) + 1
    return sum(count for count in by_partition.values() if count >= _MIN_INPUT_FILES)


def _compaction_options(config: IngestConfig) -> Mapping[str, str]:
    return {
        "target-file-size-bytes": str(config.target_file_mb * 1024 * 1024),
        "min-input-files": str(_MIN_INPUT_FILES),
        # Delete files make every reader merge: a data file with one is rewritten.
        "delete-file-threshold": "1",
    }


def _call(spark: SparkSession, config: IngestConfig, table: Table, procedure: str, **arguments: Any) -> list[Row]:
    written = [f"table => '{config.namespace}.{table.name}'"]
    written += [f"{name} => {_argument(value)}" for name, value in arguments.items()]
    return spark.sql(f"CALL {CATALOG}.system.{procedure}({', '.join(written)})").collect()


def _argument(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"map({', '.join(f'{_text(key)}, {_text(item)}' for key, item in value.items())})"
    if isinstance(value, list):
        return f"ARRAY({', '.join(map(str, value))})"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def _text(value: str) -> str:
    return f"'{value}'"


def _timestamp(millis: int) -> str:
    moment = datetime.fromtimestamp(millis / 1000, UTC)
    return f"TIMESTAMP '{moment.strftime('%Y-%m-%d %H:%M:%S.%f')}'"
