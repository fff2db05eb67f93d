"""What is new in a table since the last published batch, read from Iceberg's metadata alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
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
    CHANGED = "changed"  # rows were overwritten or deleted too, or dates are taken anew


@dataclass(frozen=True)
class LakeFile:
    """One data file. days: the dates it may hold rows of."""

    path: str
    rows: int
    bytes: int
    days: frozenset[date]


@dataclass(frozen=True)
class TableChange:
    """The change of one table between two snapshots.

    snapshots: (id, operation) of the new ones, oldest first. files: for `appended` the files added, for the other
    kinds the live files that hold the affected rows. days: dates of rows added, changed or removed.
    live: all data files at the end. has_deletes: delete files apply to some of them. schema_ids: the schemas that
    `files` were written under, None when any of the table's may be. before_readable: the state at from_snapshot_id
    can still be read. reason: what made the change more than appends. committed_ms: when the state at to_snapshot_id was
    committed, in milliseconds since 1970, UTC.
    """

    kind: Kind
    from_snapshot_id: int | None
    to_snapshot_id: int | None
    snapshots: tuple[tuple[int, str], ...] = ()
    files: tuple[LakeFile, ...] = ()
    days: frozenset[date] = frozenset()
    live: tuple[LakeFile, ...] = ()
    has_deletes: bool = False
    schema_ids: frozenset[int | None] | None = None
    before_readable: bool = False
    reason: str = ""
    committed_ms: int | None = None

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)

    def bytes_to_read(self, days: Collection[date]) -> int:
        """The bytes of the new files, and of all live ones that hold one of these days."""
        return sum(file.bytes for file in {*self.files, *(one for one in self.live if not one.days.isdisjoint(days))})

    @property
    def live_days(self) -> frozenset[date]:
        return frozenset().union(*(file.days for file in self.live))

    def covering(self, days: frozenset[date]) -> TableChange:
        """A `changed` table's change over more dates: all live files of them, and those of rows without a date, which
        belong to none and would otherwise be in no batch."""
        files = tuple(file for file in self.live if file.days & days or not file.days)
        return replace(self, files=files, days=days)


def padded(days: Iterable[date], pad: int) -> set[date]:
    """These days, and so many before and after each."""
    ordinals = {day.toordinal() + shift for day in days for shift in range(-pad, pad + 1)}
    return {date.fromordinal(ordinal) for ordinal in ordinals if 1 <= ordinal <= date.max.toordinal()}


def table_change(table: IcebergTable, since: int | None, published: frozenset[date] = frozenset()) -> TableChange:
    """What happened to a table after snapshot `since` (None: everything it holds is new).

    published: dates that earlier batches delivered; all of them are taken anew when `since` is no longer in the
    table's history (rolled back, or created anew), because what was removed cannot be known.
    """
    current = table.current_snapshot()
    if current is None:
        if since is None:
            return TableChange(Kind.NOTHING, None, None)
        return TableChange(Kind.CHANGED, since, None, days=published, reason=_LOST)
    live, has_deletes = _live_files(table, current)
    base = TableChange(
        Kind.NOTHING,
        since,
        current.snapshot_id,
        live=live,
        has_deletes=has_deletes,
        committed_ms=current.timestamp_ms,
    )
    if since is None and published and live:
        # Backfills came first: what was removed after them cannot be known either.
        chain = ((current.snapshot_id, _operation(current)),)
        return replace(base, kind=Kind.CHANGED, snapshots=chain, reason=_BACKFILLED).covering(
            base.live_days | published
        )
    if since is None:
        chain = ((current.snapshot_id, _operation(current)),)
        kind = Kind.EVERYTHING if live else Kind.NOTHING
        return replace(base, kind=kind, snapshots=chain, files=live, days=base.live_days)
    new = _new_snapshots(table, current, since)
    if new is None:
        return replace(base, kind=Kind.CHANGED, reason=_LOST).covering(base.live_days | published)
    base = replace(
        base,
        snapshots=tuple((snapshot.snapshot_id, _operation(snapshot)) for snapshot in new),
        before_readable=table.snapshot_by_id(since) is not None,
    )
    working = [snapshot for snapshot in new if _operation(snapshot) != Operation.REPLACE.value]
    entries = [entry for snapshot in working for entry in _entries_of(table, snapshot)]
    files = [_lake_file(table, entry) for entry in entries]
    days = frozenset().union(*(file.days for file in files))
    if any(_operation(snapshot) != Operation.APPEND.value for snapshot in working):
        return replace(base, kind=Kind.CHANGED, reason="rows were overwritten or deleted").covering(days)
    schema_ids = frozenset(snapshot.schema_id for snapshot in working)
    kind = Kind.APPENDED if files else Kind.NOTHING
    return replace(base, kind=kind, files=tuple(files), days=days, schema_ids=schema_ids)


def table_dates(table: IcebergTable, first: date | None, last: date | None, published: frozenset[date]) -> TableChange:
    """A table's present rows of a range of dates, both included: the change that a backfill works on.

    The dates are those that the table, or an earlier batch, has rows of.
    """
    current = table.current_snapshot()
    if current is None:
        return TableChange(Kind.CHANGED, None, None, days=_within(published, first, last), reason=_BACKFILL)
    live, has_deletes = _live_files(table, current)
    base = TableChange(
        Kind.CHANGED,
        None,
        current.snapshot_id,
        live=live,
        has_deletes=has_deletes,
        reason=_BACKFILL,
        committed_ms=current.timestamp_ms,
    )
    days = _within(base.live_days | published, first, last)
    chain = ((current.snapshot_id, _operation(current)),)
    return replace(base, snapshots=chain).covering(days)


_LOST = "the snapshot published last is not in the table's history any more"
_BACKFILLED = "only dates asked for were published before"
_BACKFILL = "dates asked for"


def _within(days: frozenset[date], first: date | None, last: date | None) -> frozenset[date]:
    return frozenset(day for day in days if (first or date.min) <= day <= (last or date.max))


def _new_snapshots(table: IcebergTable, current: Snapshot, since: int) -> list[Snapshot] | None:
    """The snapshots after `since` up to the current one, oldest first; None when `since` is not among its ancestors.

    `since` itself may have expired: its child still names it.
    """
    new: list[Snapshot] = []
    snapshot: Snapshot | None = current
    while snapshot is not None and snapshot.snapshot_id != since:
        new.append(snapshot)
        parent = snapshot.parent_snapshot_id
        if parent == since:
            return new[::-1]
        snapshot = table.snapshot_by_id(parent) if parent is not None else None
    return None if snapshot is None else new[::-1]


def _operation(snapshot: Snapshot) -> str:
    if snapshot.summary is None:
        return Operation.OVERWRITE.value
    return str(snapshot.summary.operation.value)


def _entries_of(table: IcebergTable, snapshot: Snapshot) -> Iterator[ManifestEntry]:
    """Data and delete files that a snapshot itself added or removed."""
    for manifest in snapshot.manifests(table.io):
        if manifest.added_snapshot_id == snapshot.snapshot_id:
            for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=False):
                if entry.status != ManifestEntryStatus.EXISTING and entry.snapshot_id == snapshot.snapshot_id:
                    yield entry


def _live_files(table: IcebergTable, snapshot: Snapshot) -> tuple[tuple[LakeFile, ...], bool]:
    """The data files of a snapshot, and whether any delete file is live."""
    files, has_deletes = [], False
    for manifest in snapshot.manifests(table.io):
        for entry in manifest.fetch_manifest_entry(table.io):
            if manifest.content == ManifestContent.DELETES or entry.data_file.content != DataFileContent.DATA:
                has_deletes = True
            else:
                files.append(_lake_file(table, entry))
    return tuple(files), has_deletes


def _lake_file(table: IcebergTable, entry: ManifestEntry) -> LakeFile:
    file = entry.data_file
    return LakeFile(str(file.file_path), int(file.record_count), int(file.file_size_in_bytes), _days(table, entry))


def _days(table: IcebergTable, entry: ManifestEntry) -> frozenset[date]:
    """The dates of a file: its partition's, else the range of its date column. Raises LakeError when neither is known."""
    file = entry.data_file
    source = _date_id(table)
    for position, field in enumerate(table.specs()[file.spec_id].fields):
        if field.source_id == source and isinstance(field.transform, IdentityTransform):
            value = file.partition[position]
            if value is None:
                return frozenset()  # rows without a date have no time either, and so no session
            return frozenset({_date(value, file.file_path) if isinstance(value, int) else value})
    low, high = (file.lower_bounds or {}).get(source), (file.upper_bounds or {}).get(source)
    if low is None or high is None:
        raise LakeError(f"{file.file_path}: neither its partition nor its statistics tell its dates")
    first, last = _number(low), _number(high)
    return frozenset(_date(number, file.file_path) for number in range(first, last + 1))


def _date(days: int, path: str) -> date:
    try:
        return _EPOCH + timedelta(days=days)
    except OverflowError:
        raise LakeError(
            f"{path}: column 'date' has a value outside the years 1 to 9999 ({days} days from 1970-01-01)"
        ) from None


def _date_id(table: IcebergTable) -> int:
    for _, schema in sorted(table.schemas().items(), reverse=True):
        for field in schema.fields:
            if field.name == "date":
                return field.field_id
    raise LakeError(f"table {table.location()} has lost its required column 'date'")


def _number(bound: bytes) -> int:
    days: int = from_bytes(DateType(), bound)  # type: ignore[assignment]  # a date is its days since 1970
    return days
