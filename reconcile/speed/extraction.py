"""Takes one consistent snapshot of a UTC day of the speed layer and publishes it in the landing.

The file first, the manifest last: a snapshot without a manifest does not exist. The same content is the same extraction:
ClickHouse says what a day's content is, so a day that did not change is not read again. Where the warehouse has unloaded
the day's buckets, only the rows of those that differ travel (reconcile/speed/buckets.py).
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from reconcile.errors import SpeedLayerError, SpeedLayerUnreachable
from reconcile.speed.buckets import BatchBuckets, digest
from reconcile.speed.content import (
    BUCKETED_VERSION,
    CONTRACT_VERSION,
    FILE_SCHEMA,
    ROW_SCHEMA,
    DayContent,
    DayTotals,
    extraction_id,
    utc_text,
)
from reconcile.speed.names import Published, manifest_path, set_aside_path, snapshot_path
from reconcile.speed.reading import Progress, fetch_differing, read_whole
from reconcile.speed.source import DayState, SpeedLayer

Outcome = Literal["published", "unchanged", "republished"]


class SnapshotStore(Protocol):
    """Where snapshots are published. Paths are relative to its root. Raises LandingError."""

    def published(self, days: Collection[date] | None = None) -> dict[date, list[Published]]: ...

    def document(self, path: str) -> dict[str, Any] | None: ...

    def buckets(self, day: date) -> BatchBuckets | None: ...

    def size(self, path: str) -> int | None: ...

    def put_file(self, source: Path, path: str) -> int: ...

    def put_document(self, document: dict[str, Any], path: str) -> None: ...

    def remove(self, paths: Collection[str]) -> None: ...

    def remove_abandoned(self, day: date) -> int: ...


@dataclass(frozen=True)
class Extraction:
    """The snapshot of one day. money: exact sum of total_spent. outcome: what this run had to write for it.

    republished: an earlier snapshot is the day's newest one again, as the content went back to it, or as the day has ended
    since, without a change.
    rows: of the day. fetched: those that travelled; of the others the warehouse has the same.
    set_aside: rows left out, each with its reason in the file `set_aside_path`. removed: older snapshots that had expired.
    """

    date: date
    extraction_id: str
    extracted_at: datetime
    rows: int
    fetched: int
    set_aside: int
    non_uuid_ids: int
    unreadable_amounts: int
    money: str
    path: str
    set_aside_path: str | None
    bytes: int
    outcome: Outcome
    removed: int = 0


@dataclass(frozen=True)
class Failure:
    """A day that could not be extracted, while others go on."""

    date: date
    error: SpeedLayerError


def extract_days(
    speed_layer: SpeedLayer,
    landing: SnapshotStore,
    days: Iterable[date],
    states: Mapping[date, DayState] | None,
    keep_days: int | None = None,
    progress: Progress | None = None,
) -> Iterator[Extraction | Failure]:
    """Extract each day in turn; each one is published before the next is read, so a range that breaks off resumes.

    states: what the days hold; None: each is asked for by itself. keep_days: snapshots that are not their day's newest are
    removed when older; None: never.
    A day that ClickHouse refuses stops no other; when nothing answers any more, SpeedLayerUnreachable is raised.
    """
    wanted = list(days)
    published = landing.published(wanted)
    for day in wanted:
        try:
            found = {one.day: one for one in speed_layer.days(day, day)} if states is None else states
            work = partial(
                _extract, speed_layer, landing, found.get(day, DayState(day, 0, 0)), published.get(day, []), progress
            )
            done = speed_layer.retrying(work)
        except SpeedLayerError as error:
            if isinstance(error, SpeedLayerUnreachable) and not speed_layer.answers():
                raise
            yield Failure(day, error)
            continue
        yield _expire(landing, done, published.get(day, []), keep_days)


def extract_day(
    speed_layer: SpeedLayer, landing: SnapshotStore, day: date, progress: Progress | None = None
) -> Extraction:
    """Extract the sessions that start on one UTC day.

    Raises SpeedTableError, SpeedLayerUnreachable or LandingError; whenever it fails or is killed, the landing shows either
    the whole new snapshot or none of it.
    """
    states = {state.day: state for state in speed_layer.days(day, day)}
    (done,) = extract_days(speed_layer, landing, [day], states, progress=progress)
    if isinstance(done, Failure):
        raise done.error
    return done


def _extract(
    speed_layer: SpeedLayer,
    landing: SnapshotStore,
    state: DayState,
    published: list[Published],
    progress: Progress | None,
) -> Extraction:
    now = datetime.now(UTC)  # before the read: what comes later is not in it
    day, newest = state.day, published[-1] if published else None
    batch = landing.buckets(day)
    if batch is not None and not speed_layer.can_compare(batch.bucketing.columns):
        batch = None
    compared_with = digest(batch.bucketing, batch.total) if batch else ""
    same = {extraction_id(day, state.rows, state.content, one) for one in ("", compared_with)}
    if newest is not None and newest.extraction_id in same:
        manifest = landing.document(newest.path)
        if manifest and landing.size(manifest["file"]["path"]) == manifest["file"]["bytes"]:
            return _confirmed(landing, newest, manifest, now)
    landing.remove_abandoned(day)
    with tempfile.TemporaryDirectory(prefix="reconcile-") as folder:
        spool, aside = Path(folder) / "rows.parquet", Path(folder) / "set_aside.jsonl"
        spooled = partial(_spool, spool, aside)
        content = fetch_differing(speed_layer, batch, day, spooled, progress) if batch else None
        if content is None:
            content = read_whole(speed_layer, state, spooled, progress)
        found = content.extraction_id
        path = snapshot_path(day, found)
        known = next((entry for entry in reversed(published) if entry.extraction_id == found), None)
        manifest = landing.document(known.path) if known else None
        if manifest and landing.size(path) == manifest["file"]["bytes"]:
            if known is not None and known is newest:
                return _confirmed(landing, known, manifest, now)
            return _published_again(landing, day, manifest, now)
        final = Path(folder) / "snapshot.parquet"
        _finish(spool, final, day, found)
        size = landing.put_file(final, path)
        if content.set_aside:
            landing.put_file(aside, set_aside_path(day, found))
        manifest = _manifest(speed_layer, now, content, size)
        landing.put_document(manifest, manifest_path(day, now, found))
    return _extraction(manifest, "published")


def _confirmed(landing: SnapshotStore, newest: Published, manifest: dict[str, Any], now: datetime) -> Extraction:
    """The newest snapshot, which still holds: of a day that has ended since, it says so from now on."""
    end = datetime.combine(newest.day + timedelta(days=1), time(), UTC)
    if newest.extracted_at < end <= now:
        return _published_again(landing, newest.day, manifest, now)
    return _extraction(manifest, "unchanged")


def _published_again(landing: SnapshotStore, day: date, manifest: dict[str, Any], now: datetime) -> Extraction:
    manifest = manifest | {"extracted_at": _utc(now)}
    landing.put_document(manifest, manifest_path(day, now, manifest["extraction_id"]))
    return _extraction(manifest, "republished")


def _spool(target: Path, aside: Path, batches: Iterable[pa.RecordBatch], progress: Callable[[int], None]) -> DayContent:
    """Stream rows to a local file, totalling them on the way, and those to be set aside to another."""
    content = DayContent()
    with (
        pq.ParquetWriter(target, ROW_SCHEMA, compression="snappy") as writer,
        aside.open("w", encoding="utf-8") as lines,
    ):
        for batch in batches:
            rows, bad = content.take(batch)
            writer.write_batch(rows)
            lines.writelines(json.dumps(one, sort_keys=True) + "\n" for one in bad)
            progress(content.all_rows)
    return content


def _finish(spool: Path, target: Path, day: date, found: str) -> None:
    """Write the published file: the spooled rows with the extraction's id, which is known only after the last row."""
    with (
        pq.ParquetFile(spool) as source,
        pq.ParquetWriter(target, FILE_SCHEMA, compression="snappy", version="2.6") as writer,
    ):
        for batch in source.iter_batches():
            ids = pa.repeat(found, batch.num_rows)
            dates = pa.repeat(pa.scalar(day, pa.date32()), batch.num_rows)
            writer.write_batch(pa.RecordBatch.from_arrays([ids, dates, *batch.columns], schema=FILE_SCHEMA))


def _expire(landing: SnapshotStore, done: Extraction, published: list[Published], keep_days: int | None) -> Extraction:
    """Remove what the day's newest snapshot made obsolete long enough ago: each manifest before its files."""
    if keep_days is None:
        return done
    # A manifest is obsolete from when the next one is published; the newest, and the files that it names, stay.
    limit = datetime.now(UTC) - timedelta(days=keep_days)
    times = [entry.extracted_at for entry in published]
    ends = times[1:] if done.outcome == "unchanged" else [*times[1:], done.extracted_at]
    old = [entry for entry, end in zip(published, ends, strict=False) if end < limit]
    if not old:
        return done
    landing.remove([entry.path for entry in old])
    kept = {entry.extraction_id for entry in published if entry not in old} | {done.extraction_id}
    gone = sorted({entry.extraction_id for entry in old} - kept)
    landing.remove([path(done.date, one) for one in gone for path in (snapshot_path, set_aside_path)])
    return replace(done, removed=len(old))


def _manifest(speed_layer: SpeedLayer, now: datetime, content: DayTotals, size: int) -> dict[str, Any]:
    day, found, fetched = content.date, content.extraction_id, content.fetched
    document: dict[str, Any] = {
        "contract_version": CONTRACT_VERSION,
        "extraction_id": found,
        "date": day.isoformat(),
        "extracted_at": _utc(now),
        "rows": content.rows,
        "non_uuid_ids": content.non_uuid_ids,
        "unreadable_amounts": content.unreadable_amounts,
        "set_aside": {"rows": content.set_aside, "path": set_aside_path(day, found) if content.set_aside else None},
        "control": {
            "money": f"{content.money:.2f}",
            "min_time": None if content.min_time is None else utc_text(content.min_time),
            "max_time": None if content.max_time is None else utc_text(content.max_time),
        },
        "file": {"path": snapshot_path(day, found), "rows": content.file_rows, "bytes": size},
        "speed_table": {
            "engine": speed_layer.engine.name,
            "read_as": speed_layer.engine.read_as,
            "lacks": speed_layer.lacking,
        },
    }
    if fetched is None:
        return document
    # The sums are texts: JSON's numbers have 64 bits at most.
    return document | {
        "contract_version": BUCKETED_VERSION,
        "buckets": {
            "columns": list(fetched.bucketing.columns),
            "count": fetched.bucketing.count,
            "change_id": fetched.change_id,
            "fetched": list(fetched.buckets),
            "high": str(fetched.total.high),
            "low": str(fetched.total.low),
        },
    }


def _extraction(manifest: Mapping[str, Any], outcome: Outcome) -> Extraction:
    return Extraction(
        date=date.fromisoformat(manifest["date"]),
        extraction_id=manifest["extraction_id"],
        extracted_at=datetime.fromisoformat(manifest["extracted_at"]),
        rows=manifest["rows"],
        fetched=manifest["file"]["rows"],
        set_aside=manifest["set_aside"]["rows"],
        non_uuid_ids=manifest["non_uuid_ids"],
        unreadable_amounts=manifest["unreadable_amounts"],
        money=manifest["control"]["money"],
        path=manifest["file"]["path"],
        set_aside_path=manifest["set_aside"]["path"],
        bytes=manifest["file"]["bytes"],
        outcome=outcome,
    )


def _utc(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
