"""What is new in a table since the last published batch, read from Iceberg's metadata alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from pyiceberg.conversions import from_bytes
from pyiceberg.manifest import DataFileContent, ManifestContent, ManifestEntry, ManifestEntryStatus
from pyiceberg.table import Table as IcebergTable
from pyiceberg.table.snapshots import Operation, Snapshot
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import DateType

from spark_ingest.errors import LakeError

_EPOCH = date(1970, 1, 1)


class Kind(StrEnum):
    """How a table changed."""

    NOTHING = "nothing"  # no new snapshot, or only rewrites of the same rows (compaction)
    EVERYTHING = "everything"  # nothing was published before
    APPENDED = "appended"  # only new files
    CHANGED = "changed"  # rows were overwritten or deleted too


@dataclass(frozen=True)
class LakeFile:
    """One data file. day: the partition's date, None where the partition does not tell it."""

    path: str
    rows: int
    bytes: int
    day: date | None
    deletes: bool = False


@dataclass(frozen=True)
class TableChange:
    """The change of one table between two snapshots.

    snapshots: (id, operation) of the new ones, oldest first. files: for `appended` the files added, for the other
    kinds the live files that hold the affected rows. days: dates of rows added, changed or removed. live_days: all
    dates that the table has rows of. reason: why the kind is not the simplest.
    """

    kind: Kind
    from_snapshot_id: int | None
    to_snapshot_id: int | None
    snapshots: tuple[tuple[int, str], ...]
    files: tuple[LakeFile, ...]
    days: frozenset[date]
    live_days: frozenset[date]
    reason: str = ""

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)


def table_change(table: IcebergTable, since: int | None) -> TableChange:
    """What happened to a table after snapshot `since` (None: everything it holds is new).

    Raises LakeError when `since` is no longer in the table's history, so that what is new cannot be known.
    """
    current = table.current_snapshot()
    if current is None:
        return TableChange(Kind.NOTHING, since, None, (), (), frozenset(), frozenset())
    live = tuple(_live_files(table, current))
    live_days = frozenset(file.day for file in live if file.day)
    if since is None:
        chain = tuple((current.snapshot_id, _operation(current)) for _ in (0,))
        kind = Kind.EVERYTHING if live else Kind.NOTHING
        return TableChange(kind, None, current.snapshot_id, chain, live, live_days, live_days)
    new = _new_snapshots(table, current, since)
    chain = tuple((snapshot.snapshot_id, _operation(snapshot)) for snapshot in new)
    working = [snapshot for snapshot in new if _operation(snapshot) != Operation.REPLACE.value]
    added, days, changed = [], set(), False
    for snapshot in working:
        for entry in _entries_of(table, snapshot):
            file = _lake_file(table, entry)
            days.add(file.day)
            if _operation(snapshot) == Operation.APPEND.value:
                added.append(file)
            else:
                changed = True
    if None in days:
        raise LakeError(f"table {table.name()} has data files that its partitions give no date for")
    affected = frozenset(day for day in days if day)
    if changed:
        files = tuple(file for file in live if file.day in affected)
        return TableChange(Kind.CHANGED, since, current.snapshot_id, chain, files, affected, live_days)
    kind = Kind.APPENDED if added else Kind.NOTHING
    return TableChange(kind, since, current.snapshot_id, chain, tuple(added), affected, live_days)


def table_dates(table: IcebergTable, first: date, last: date) -> TableChange:
    """A table's present rows of a range of dates, both included: the change that a backfill works on."""
    current = table.current_snapshot()
    days = frozenset(first + timedelta(days=number) for number in range((last - first).days + 1))
    if current is None:
        return TableChange(Kind.CHANGED, None, None, (), (), days, frozenset())
    live = tuple(_live_files(table, current))
    files = tuple(file for file in live if file.day in days)
    live_days = frozenset(file.day for file in live if file.day)
    chain = ((current.snapshot_id, _operation(current)),)
    return TableChange(Kind.CHANGED, None, current.snapshot_id, chain, files, days, live_days)


def _new_snapshots(table: IcebergTable, current: Snapshot, since: int) -> list[Snapshot]:
    """The snapshots after `since` up to the current one, oldest first. `since` itself may have expired."""
    new: list[Snapshot] = []
    snapshot: Snapshot | None = current
    while snapshot is not None and snapshot.snapshot_id != since:
        new.append(snapshot)
        if snapshot.parent_snapshot_id == since:
            return new[::-1]
        parent = snapshot.parent_snapshot_id
        snapshot = table.snapshot_by_id(parent) if parent is not None else None
    if snapshot is None:
        raise LakeError(
            f"snapshot {since}, published last, is not in the history of {'.'.join(table.name())} any more"
            " (rolled back, expired or created anew); run a backfill of its dates with --from and --to"
        )
    return new[::-1]


def _operation(snapshot: Snapshot) -> str:
    if snapshot.summary is None:
        return Operation.OVERWRITE.value
    return str(snapshot.summary.operation.value)


def _entries_of(table: IcebergTable, snapshot: Snapshot) -> Iterator[ManifestEntry]:
    """Data and delete files that a snapshot itself added or removed."""
    for manifest in snapshot.manifests(table.io):
        if manifest.added_snapshot_id != snapshot.snapshot_id:
            continue
        for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=False):
            if entry.status != ManifestEntryStatus.EXISTING and entry.snapshot_id == snapshot.snapshot_id:
                yield entry


def _live_files(table: IcebergTable, snapshot: Snapshot) -> Iterator[LakeFile]:
    """The data files of a snapshot. `deletes` is set on all of them when any delete file is live."""
    manifests = snapshot.manifests(table.io)
    deletes = any(
        manifest.content == ManifestContent.DELETES and (manifest.has_added_files() or manifest.has_existing_files())
        for manifest in manifests
    )
    for manifest in manifests:
        if manifest.content == ManifestContent.DATA:
            for entry in manifest.fetch_manifest_entry(table.io):
                yield _lake_file(table, entry, deletes)


def _lake_file(table: IcebergTable, entry: ManifestEntry, deletes: bool = False) -> LakeFile:
    file = entry.data_file
    return LakeFile(
        path=str(file.file_path),
        rows=int(file.record_count),
        bytes=int(file.file_size_in_bytes),
        day=_day(table, entry),
        deletes=deletes or file.content != DataFileContent.DATA,
    )


def _day(table: IcebergTable, entry: ManifestEntry) -> date | None:
    """The date of a file: its partition's, else the date column's when all its rows share one."""
    file = entry.data_file
    source = table.schema().find_field("date").field_id
    for position, field in enumerate(table.specs()[file.spec_id].fields):
        if field.source_id == source and isinstance(field.transform, IdentityTransform):
            value = file.partition[position]
            if isinstance(value, int):
                return _EPOCH + timedelta(days=value)
            return value if isinstance(value, date) else None
    low, high = (file.lower_bounds or {}).get(source), (file.upper_bounds or {}).get(source)
    if low is not None and low == high:
        days: int = from_bytes(DateType(), low)  # type: ignore[assignment]  # a date is its days since 1970
        return _EPOCH + timedelta(days=days)
    return None
