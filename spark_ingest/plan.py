"""Plans a batch from metadata alone: which snapshots are new, which files and dates they touch, how it is named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from pyiceberg.table import Table as IcebergTable

from spark_ingest.catalog import open_table
from spark_ingest.changes import Kind, TableChange, padded, table_change, table_dates
from spark_ingest.columns import Columns, resolve_columns
from spark_ingest.config import IngestConfig
from spark_ingest.errors import ConfigError, LakeError
from spark_ingest.landing import Landing
from spark_ingest.manifest import TableRange, batch_id
from spark_ingest.tables import TABLES


@dataclass(frozen=True)
class Plan:
    """A batch before it is made. changes, ranges, columns: by table name. newest: the newest manifest's id."""

    mode: str
    batch_id: str
    changes: Mapping[str, TableChange]
    ranges: Mapping[str, TableRange]
    columns: Mapping[str, Columns]
    newest: str | None

    @property
    def affected_dates(self) -> list[date]:
        return sorted(frozenset().union(*(change.days for change in self.changes.values())))

    @property
    def has_work(self) -> bool:
        if self.mode == "backfill":
            return bool(self.affected_dates)
        return any(change.kind != Kind.NOTHING for change in self.changes.values())

    def bytes_to_read(self, reach: int) -> int:
        """The bytes of the new files, and of those within `reach` days of the affected dates, where their sessions go on."""
        days = padded(self.affected_dates, reach)
        return sum(change.bytes_to_read(days) for change in self.changes.values())


def make_plan(config: IngestConfig, landing: Landing, first: date | None = None, last: date | None = None) -> Plan:
    """Plan the next batch: since the newest manifest, or of a range of dates (backfill).

    Raises LakeError for a missing table or column, ConfigError for an empty range.
    """
    if first and last and first > last:
        raise ConfigError(f"--from {first} is after --to {last}")
    mode = "backfill" if first or last else "incremental"
    manifests = landing.manifests()
    since, dates = published_snapshots(manifests), _published_dates(manifests)
    opened = {table.name: open_table(config, table) for table in TABLES}
    changes = {}
    for name, table in opened.items():
        with _named(name):
            changes[name] = (
                table_change(table, since.get(name), dates)
                if mode == "incremental"
                else table_dates(table, first, last, dates)
            )
    # The manifest has one list of dates, and a dataset that replaces dates must be complete for each of them.
    affected = frozenset().union(*(change.days for change in changes.values()))
    changes = {
        name: change.covering(affected) if change.kind == Kind.CHANGED else change for name, change in changes.items()
    }
    columns = {
        table.name: resolve_columns(opened[table.name], table, changes[table.name].schema_ids) for table in TABLES
    }
    ranges = {name: _range(config, name, opened[name], change) for name, change in changes.items()}
    name = batch_id(mode, ranges, sorted(affected), config.max_session_hours)
    newest = manifests[-1]["batch_id"] if manifests else None
    if mode == "incremental" and any(document["batch_id"] == name for document in manifests):
        # The table was rolled back, that was published, and now it is where it was: the same range, but another batch.
        name = batch_id(mode, ranges, sorted(affected), config.max_session_hours, after=newest)
    return Plan(mode, name, changes, ranges, columns, newest)


@contextmanager
def _named(table: str) -> Iterator[None]:
    """Whatever pyiceberg meets in damaged metadata, told in one sentence. Raises LakeError."""
    try:
        yield
    except LakeError:
        raise
    except Exception as error:
        told = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise LakeError(f"table {table}: its metadata cannot be read: {told}") from error


def published_snapshots(manifests: list[dict[str, Any]]) -> dict[str, int | None]:
    """By table, the snapshot up to which incremental batches are published."""
    newest: dict[str, int | None] = {}
    for document in manifests:
        if document["mode"] == "incremental":
            for name, table in document["tables"].items():
                to = table["to_snapshot_id"]
                newest[name] = None if to is None else int(to)
    return newest


def _published_dates(manifests: list[dict[str, Any]]) -> frozenset[date]:
    return frozenset(date.fromisoformat(day) for document in manifests for day in document["affected_dates"])


def _range(config: IngestConfig, name: str, opened: IcebergTable, change: TableChange) -> TableRange:
    return TableRange(
        identifier=f"{config.namespace}.{name}",
        location=opened.location(),
        from_snapshot_id=change.from_snapshot_id,
        to_snapshot_id=change.to_snapshot_id,
    )
