"""Which sessions a batch recomputes, and where in the lake their events are.

Touched are the sessions of rows added, changed or removed; and those that hold a copy of an event of a touched session: of
an event delivered under two sessions one copy counts, so what becomes of the one decides about the other.
"""

from __future__ import annotations

from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from spark_ingest.changes import Kind, padded
from spark_ingest.identifiers import canonical_id
from spark_ingest.sessions import id_hash, id_hashes
from spark_ingest.source import Source, on_days
from spark_ingest.tables import USER_EVENTS

_DAY_MICROS = 86_400_000_000
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


def touched_events(source: Source, few: bool) -> DataFrame:
    """All events of every session that the batch recomputes, from every partition they have events in.

    few: whether the batch has so few events that the ids of their sessions fit in the driver many times over.
    """
    change = source.plan.changes[USER_EVENTS.name]
    events = source.at(USER_EVENTS, change.to_snapshot_id)
    if change.kind == Kind.EVERYTHING:
        return events
    before = _changed_before(source)
    touched = _kept(_changed_sessions(source, events, before), few)
    removed = None if before is None else id_hashes(before)
    days = _days_of(source, events, touched)
    while (sharing := _sharing(source, events, days, touched, removed, few)) is not None:
        touched = _kept(touched.union(sharing), few)
        days = _days_of(source, events, touched)
    source.note(file for file in change.live if file.days & days)
    return _of_sessions(on_days(events, days), touched)


def _kept(ids: DataFrame, few: bool) -> DataFrame:
    """Ids that are read several times. Few of them become a table of the driver's: what reads it is planned without its past."""
    if not few:
        return ids.persist()
    return ids.sparkSession.createDataFrame(ids.toPandas(), ids.schema)


def _changed_before(source: Source) -> DataFrame | None:
    """The rows that the dates of a changed table had before; None when nothing was removed, or it cannot be known."""
    change = source.plan.changes[USER_EVENTS.name]
    if change.kind != Kind.CHANGED or not change.before_readable:
        return None
    return on_days(source.at(USER_EVENTS, change.from_snapshot_id), change.days)


def _changed_sessions(source: Source, events: DataFrame, before: DataFrame | None) -> DataFrame:
    """Ids of the sessions that gained, lost or changed events: `session_id`."""
    change = source.plan.changes[USER_EVENTS.name]
    if change.kind == Kind.APPENDED:
        return _session_ids(source.appended(USER_EVENTS)).distinct()
    found = _session_ids(on_days(events, change.days))
    if before is not None:
        found = found.union(_session_ids(before))
    elif change.from_snapshot_id is not None:
        # What the dates had is gone; the sessions that lost events there are among those near by.
        found = found.union(_session_ids(on_days(events, padded(change.days, source.config.max_session_days))))
    return found.distinct()


def _days_of(source: Source, events: DataFrame, touched: DataFrame) -> set[date]:
    """The dates on which touched sessions may have events.

    Within the maximum session length of each event found, and again of each event found there: so an overlong
    session is found whole too, wherever a batch meets it.
    """
    change, limit = source.plan.changes[USER_EVENTS.name], source.config.max_session_micros
    live = change.live_days
    read: set[date] = set()
    wanted = padded(change.days, source.config.max_session_days) & live
    while new := wanted - read:
        read |= new
        found = _of_sessions(on_days(events, new), touched).filter("timestamp IS NOT NULL")
        micros = F.unix_micros("timestamp")
        first, last = (F.floor(end / _DAY_MICROS).cast("int") for end in (micros - limit, micros + limit))
        reached = found.select(first.alias("first"), last.alias("last")).distinct()
        numbers = reached.select(F.explode(F.sequence("first", "last")).alias("day")).distinct().collect()
        wanted |= {day for row in numbers if (day := _day(row.day)) in live}
    return read


def _sharing(
    source: Source, events: DataFrame, days: set[date], touched: DataFrame, removed: DataFrame | None, few: bool
) -> DataFrame | None:
    """Other sessions with an event of a touched one, on these dates: `session_id`; None when there are none.

    removed: hashes of events that touched sessions had before. Compared are eight bytes an event: in the worst case a
    session is recomputed for nothing.
    """
    change = source.plan.changes[USER_EVENTS.name]
    on_them = {file.path for file in change.live if file.days & days}
    if removed is None and on_them <= {file.path for file in change.files}:
        return None  # these dates hold no other rows than the batch's own
    dated = on_days(events, days).filter("event_id IS NOT NULL AND session_id IS NOT NULL AND timestamp IS NOT NULL")
    held = id_hashes(_of_sessions(dated, touched))
    held = (held if removed is None else held.union(removed)).distinct()
    others = dated.select(_canonical_session(), id_hash(F.col("event_id"))).join(touched, "session_id", "left_anti")
    sharing = _kept(others.join(held, "hash", "left_semi").select("session_id").distinct(), few)
    return None if sharing.isEmpty() else sharing


def _session_ids(rows: DataFrame) -> DataFrame:
    return rows.filter("session_id IS NOT NULL").select(_canonical_session())


def _canonical_session() -> Column:
    return canonical_id(F.col("session_id")).alias("session_id")


def _of_sessions(events: DataFrame, touched: DataFrame) -> DataFrame:
    ids = touched.select(F.col("session_id").alias("touched_id"))
    return events.join(ids, canonical_id(F.col("session_id")) == F.col("touched_id"), "left_semi")


def _day(number: int) -> date | None:
    ordinal = number + _EPOCH_ORDINAL
    return date.fromordinal(ordinal) if 1 <= ordinal <= date.max.toordinal() else None
