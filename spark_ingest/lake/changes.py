"""What is new in a table since the last published batch, read from Iceberg's metadata alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from pyiceberg.table import Table as IcebergTable
from pyiceberg.table.snapshots import Operation, Snapshot

from spark_ingest.lake.days import NO_DAYS, Days
from spark_ingest.lake.table_files import LakeFile, TableFiles, days_of, live_files, own_files


class Kind(StrEnum):
    """How a table changed."""

    NOTHING = "nothing"  # no new snapshot, or only rewrites of the same rows (compaction)
    EVERYTHING = "everything"  # nothing was published before
    APPENDED = "appended"  # only new files
    CHANGED = "changed"  # rows were overwritten or deleted too, or dates are taken anew


@dataclass(frozen=True)
class TableChange:
    """The change of one table between two snapshots.

    snapshots: (id, operation) of the new ones, oldest first. files: for `appended` the files added, for the other
    kinds the live files that hold the affected rows. days: UTC dates of rows added, changed or removed. are_days_exact:
    whether there are such rows of each; else metadata cannot tell, and only the rows can.
    live: all data files at the end. has_deletes: delete files apply to some of them. schema_ids: the schemas that
    `files` were written under, None when any of the table's may be. changed: for `changed`, the files that rows were added to or
    removed from. before_readable: the state at from_snapshot_id can still be read. published: dates that earlier batches
    delivered. reason: what made the change more than appends. committed_ms: when the state at to_snapshot_id was
    committed, in milliseconds since 1970, UTC.
    """

    kind: Kind
    from_snapshot_id: int | None
    to_snapshot_id: int | None
    snapshots: tuple[tuple[int, str], ...] = ()
    files: tuple[LakeFile, ...] = ()
    days: Days = NO_DAYS
    are_days_exact: bool = True
    live: tuple[LakeFile, ...] = ()
    has_deletes: bool = False
    schema_ids: frozenset[int | None] | None = None
    changed: tuple[LakeFile, ...] = ()
    before_readable: bool = False
    published: Days = NO_DAYS
    reason: str = ""
    committed_ms: int | None = None

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)

    def live_on(self, days: Days) -> list[LakeFile]:
        """The live data files that may hold rows of some days."""
        return [file for file in self.live if days.overlap(file.span)]

    def bytes_to_read(self, days: Days) -> int:
        """The bytes of the new files, and of all live ones that may hold rows of these days."""
        return sum(file.bytes for file in {*self.files, *self.live_on(days)})

    def covering(self, days: Days, are_exact: bool = True) -> TableChange:
        """A `changed` table's change over some days: all live files of them, and those of rows without a time, which
        belong to none and would otherwise be in no batch."""
        files = tuple(file for file in self.live if file.timeless or days.overlap(file.span))
        return replace(self, files=files, days=days, are_days_exact=are_exact)


def table_change(table: IcebergTable, time_id: int | None, since: int | None, published: Days) -> TableChange:
    """What happened to a table after snapshot `since` (None: everything it holds is new).

    time_id: the id of the column that tells a row's time. published: dates that earlier batches delivered; all of them are
    taken anew when `since` is no longer in the table's history (rolled back, or created anew), because what was removed
    cannot be known.
    """
    current = table.current_snapshot()
    if current is None:
        if since is None:
            return TableChange(Kind.NOTHING, None, None)
        return TableChange(Kind.CHANGED, since, None, days=published, published=published, reason=_LOST)
    live = live_files(table, current, time_id)
    base = _base(since, current, live, published)
    if since is None:
        chain = replace(base, snapshots=((current.snapshot_id, _operation(current)),))
        if published and live.data:
            # Backfills came first, or the table was empty: what was removed since cannot be known either.
            return _taken_anew(replace(chain, reason=_BACKFILLED))
        kind = Kind.EVERYTHING if live.data else Kind.NOTHING
        return replace(chain, kind=kind, files=base.live, days=days_of(base.live), are_days_exact=_are_exact(base.live))
    new = _new_snapshots(table, since)
    if new is None:
        return _taken_anew(replace(base, reason=_LOST))
    before = table.snapshot_by_id(since)
    base = replace(
        base,
        snapshots=tuple((snapshot.snapshot_id, _operation(snapshot)) for snapshot in new),
        before_readable=before is not None,
    )
    working = [snapshot for snapshot in new if not only_rewrites(snapshot)]
    own = own_files(table, working, time_id)
    if any(_operation(snapshot) != Operation.APPEND.value for snapshot in working):
        base = replace(base, kind=Kind.CHANGED, reason="rows were overwritten or deleted")
        deleted_from = _deleted_from(own, live, lambda: None if before is None else live_files(table, before, time_id))
        if deleted_from is None:
            return _taken_anew(base)
        files = (*own.data, *deleted_from)
        return replace(base, changed=files).covering(days_of(files), _are_exact(files))
    return replace(
        base,
        kind=Kind.APPENDED if own.data else Kind.NOTHING,
        files=tuple(own.data),
        days=days_of(own.data),
        are_days_exact=_are_exact(own.data),
        schema_ids=frozenset(snapshot.schema_id for snapshot in working),
    )


def table_dates(table: IcebergTable, time_id: int | None, asked: Days, published: Days) -> TableChange:
    """A table's present rows of the dates asked for: the change that a backfill works on.

    The dates are those that the table, or an earlier batch, has rows of.
    """
    current = table.current_snapshot()
    if current is None:
        return TableChange(Kind.CHANGED, None, None, days=published & asked, published=published, reason=_BACKFILL)
    base = _base(None, current, live_files(table, current, time_id), published)
    chain = ((current.snapshot_id, _operation(current)),)
    base = _taken_anew(replace(base, snapshots=chain, reason=_BACKFILL))
    return base.covering(base.days & asked, base.are_days_exact)


_LOST = "the snapshot published last is not in the table's history any more"
_BACKFILLED = "dates were published before, and no snapshot to go on from"
_BACKFILL = "dates asked for"


def _base(since: int | None, current: Snapshot, live: TableFiles, published: Days) -> TableChange:
    return TableChange(
        Kind.NOTHING,
        since,
        current.snapshot_id,
        live=tuple(live.data),
        has_deletes=bool(live.deletes),
        published=published,
        committed_ms=current.timestamp_ms,
    )


def _taken_anew(base: TableChange) -> TableChange:
    """All that a table has, and all that was published of it."""
    every = replace(base, kind=Kind.CHANGED, changed=base.live, before_readable=False)
    return every.covering(days_of(base.live) | base.published, _are_exact(base.live))


def _are_exact(files: Iterable[LakeFile]) -> bool:
    return all(file.is_exact for file in files)


def _deleted_from(own: TableFiles, live: TableFiles, before: Callable[[], TableFiles | None]) -> list[LakeFile] | None:
    """The data files that new delete files are about; None where one of them tells nothing that can be found.

    Compaction may have replaced a data file since: then it is among those of before.
    """
    found: list[LakeFile] = []
    past: TableFiles | None = None
    for deletes in own.deletes:
        about = [*live.of(deletes), *own.of(deletes)]
        if deletes.target is None or not about:
            past = past or before()
            about += past.of(deletes) if past else []
        if not about:
            return None
        found += about
    return found


def snapshots_after(table: IcebergTable, since: int | None) -> list[Snapshot]:
    """The current snapshot and its ancestors, newest first, down to `since`, which is left out; all of them where it is none."""
    found: list[Snapshot] = []
    snapshot = table.current_snapshot()
    while snapshot is not None and snapshot.snapshot_id != since:
        found.append(snapshot)
        parent = snapshot.parent_snapshot_id
        snapshot = table.snapshot_by_id(parent) if parent is not None and parent != since else None
    return found


def only_rewrites(snapshot: Snapshot) -> bool:
    """Whether a snapshot has other files of the same rows."""
    return _operation(snapshot) == Operation.REPLACE.value


def _new_snapshots(table: IcebergTable, since: int) -> list[Snapshot] | None:
    """The snapshots after `since` up to the current one, oldest first; None when `since` is not among its ancestors.

    `since` itself may have expired: its child still names it.
    """
    new = snapshots_after(table, since)
    return new[::-1] if not new or new[-1].parent_snapshot_id == since else None


def _operation(snapshot: Snapshot) -> str:
    if snapshot.summary is None:
        return Operation.OVERWRITE.value
    return str(snapshot.summary.operation.value)
