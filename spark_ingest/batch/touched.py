"""Which sessions a batch recomputes, and where in the lake their events are.

Touched are the sessions that rows were added to, changed in or removed from; and those that hold a copy of such an event: of an
event delivered under two sessions one copy counts, so what becomes of the one decides about the other.

How far their events are looked for. A session is its events from the first one on, up to the maximum length L. An event that has
one before it within L, and that one another within L, and so on, is of the session only if the whole lasts no longer than L. So
whether a changed event is, and where its session begins, is told by the events of 2 L before it, and all that the session
holds, and the copies that decide whether an event counts, lie within 2 L of it. An identifier that everybody has and that never
pauses ("undefined") costs no more than another one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pyspark import StorageLevel
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from spark_ingest.batch.source import Source, on_days
from spark_ingest.lake.changes import Kind
from spark_ingest.lake.days import NO_DAYS, Days
from spark_ingest.lake.tables import USER_EVENTS
from spark_ingest.transforms.identifiers import canonical_id
from spark_ingest.transforms.sessions import id_hash

_KEPT_BYTES = 256 << 20


@dataclass(frozen=True)
class Touched:
    """Events to make sessions of.

    events: all events of the touched sessions on some days, and the copies that other sessions have of them.
    sessions: the ids of the touched sessions where the events hold others' copies too; None: all sessions are touched.
    days: where all events of the touched sessions were looked for; None: in the whole lake.
    """

    events: DataFrame
    sessions: DataFrame | None = None
    days: Days | None = None


@dataclass(frozen=True)
class _Changed:
    """Rows that were added or changed, and those that were there before. days: where sessions that they touch have a part."""

    after: DataFrame
    before: DataFrame | None
    days: Days


def touched_events(source: Source, few: bool) -> Touched:
    """All events of every session that the batch recomputes, from every partition they have events in.

    few: whether the batch has so few events that the ids of their sessions fit in the driver many times over.
    """
    change, reach = source.plan.changes[USER_EVENTS.name], 2 * source.config.max_session_days
    events = source.at(USER_EVENTS, change.to_snapshot_id)
    if change.kind == Kind.EVERYTHING:
        return Touched(events)
    changed = _changed(source, events)
    rows = changed.after if changed.before is None else changed.after.unionByName(changed.before)
    touched = _kept(_placed(rows).select(_canonical_session()).distinct(), few)
    days = changed.days.padded(reach)
    if _holds_only_new_rows(source, days):
        return Touched(_of_sessions(on_days(events, days, USER_EVENTS), touched), None, _noted(source, days))
    near = _near(on_days(events, days, USER_EVENTS))
    if sum(file.bytes for file in change.live_on(days)) <= _KEPT_BYTES:
        near = near.persist(StorageLevel.MEMORY_AND_DISK)  # it is read twice
    held = near.join(touched, "session_id", "left_semi").select("hash", "day").persist()
    hashes = held.select("hash") if changed.before is None else held.select("hash").union(_hashes(changed.before))
    others = near.join(touched, "session_id", "left_anti")
    copies, own_days = _copies_or_days(others.join(hashes.distinct(), "hash", "left_semi").distinct(), held, few)
    if copies is None:
        # All columns are read on the days that the touched sessions have events on, and no others.
        own = on_days(events, own_days, USER_EVENTS)
        return Touched(_of_sessions(own, touched), None, _noted(source, days))
    sharing = copies.join(_hashes(rows).distinct(), "hash", "left_semi").select("session_id", "day").distinct()
    sharing = _kept(sharing, few)
    days |= _days_of(sharing).padded(reach)
    touched = touched.union(sharing.select("session_id").distinct())
    dated = on_days(events, days, USER_EVENTS)
    own = _of_sessions(dated, touched)
    others = _hashed(_of_others(dated, touched)).join(_hashes(own).distinct(), "hash", "left_semi")
    return Touched(own.unionByName(others.select(own.columns)), touched, _noted(source, days))


def _kept(ids: DataFrame, few: bool) -> DataFrame:
    """Ids that are read several times. Few of them become a table of the driver's: what reads it is planned without its past."""
    if not few:
        return ids.persist()
    return ids.sparkSession.createDataFrame(ids.toPandas(), ids.schema)


def _copies_or_days(copies: DataFrame, held: DataFrame, few: bool) -> tuple[DataFrame | None, Days]:
    """Keep the copies, or, where there are none, tell the days of the rows held. Of few copies one job tells both."""
    if not few:
        copies = copies.persist()
        return (None, _days_of(held)) if copies.isEmpty() else (copies, NO_DAYS)
    nothing = {"session_id": F.lit(None).cast("string"), "hash": F.lit(0).cast("bigint"), "is_copy": F.lit(False)}
    days = held.select("day").distinct().withColumns(nothing)
    found: Any = copies.withColumn("is_copy", F.lit(True)).unionByName(days).toPandas()
    known = found[found.is_copy]
    if known.empty:
        return None, _joined(found.day)
    return copies.sparkSession.createDataFrame(known[copies.columns], copies.schema), NO_DAYS


def _changed(source: Source, events: DataFrame) -> _Changed:
    change = source.plan.changes[USER_EVENTS.name]
    if change.kind == Kind.APPENDED:
        return _Changed(source.appended(USER_EVENTS), None, change.days)
    after = on_days(events, change.days, USER_EVENTS)
    if change.before_readable:
        before = on_days(source.at(USER_EVENTS, change.from_snapshot_id), change.days, USER_EVENTS)
        return _Changed(after, before, change.days)
    if change.from_snapshot_id is None:
        return _Changed(after, None, change.days)
    # What the dates had is gone; the sessions that lost events there are among those near by.
    near = change.days.padded(source.config.max_session_days)
    return _Changed(on_days(events, near, USER_EVENTS), None, near)


def _holds_only_new_rows(source: Source, days: Days) -> bool:
    """Whether some days have no other rows than those that the batch adds."""
    change = source.plan.changes[USER_EVENTS.name]
    new = {file.path for file in change.files}
    return change.kind == Kind.APPENDED and all(file.path in new for file in change.live_on(days))


def _near(events: DataFrame) -> DataFrame:
    """Of events what tells whose they are, and of which others they are copies: `session_id`, `hash` (or NULL), `day`.

    Compared are eight bytes an event: in the worst case a session is recomputed for nothing.
    """
    hashed = F.when(F.col("event_id").isNotNull(), id_hash(F.col("event_id"))).alias("hash")
    day = F.unix_date(F.to_date("timestamp")).alias("day")
    return _placed(events).select(_canonical_session(), hashed, day)


def _days_of(rows: DataFrame) -> Days:
    return _joined(row.day for row in rows.select("day").distinct().collect())


def _joined(days: Iterable[int]) -> Days:
    return Days.joined((int(day), int(day)) for day in days)


def _noted(source: Source, days: Days) -> Days:
    """These days, after counting their files among those that are read."""
    source.note(source.plan.changes[USER_EVENTS.name].live_on(days))
    return days


def _placed(rows: DataFrame) -> DataFrame:
    """Events that sessions are made of."""
    return rows.filter("session_id IS NOT NULL AND timestamp IS NOT NULL")


def _hashed(events: DataFrame) -> DataFrame:
    return events.filter("event_id IS NOT NULL").withColumn("hash", id_hash(F.col("event_id")))


def _hashes(events: DataFrame) -> DataFrame:
    """The hashes of the ids that events of sessions have: `hash`."""
    return _hashed(_placed(events)).select("hash")


def _canonical_session() -> Column:
    return canonical_id(F.col("session_id")).alias("session_id")


def _of_sessions(events: DataFrame, touched: DataFrame) -> DataFrame:
    ids = touched.select(F.col("session_id").alias("touched_id"))
    return events.join(ids, canonical_id(F.col("session_id")) == F.col("touched_id"), "left_semi")


def _of_others(events: DataFrame, touched: DataFrame) -> DataFrame:
    ids = touched.select(F.col("session_id").alias("touched_id"))
    return _placed(events).join(ids, canonical_id(F.col("session_id")) == F.col("touched_id"), "left_anti")
