"""Sessions from events: pure transforms, no aggregate of which needs a sort.

Identifiers are made canonical after the events are reduced, on about one row a session; only where events themselves are
compared by id (`with_canonical_ids`) is it done on each.

An aggregate whose buffer holds a string (first, min_by, min of a string) makes Spark sort the whole input. Here strings
are only grouping keys: events are first reduced per session and attributes with counters of fixed width, which leaves
about one row a session, and a window over those few rows picks the attributes of the first event that has them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce
from operator import or_
from typing import Any

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from spark_ingest.lake.days import DAY_MICROS, Days
from spark_ingest.spark.python_tasks import without_jars
from spark_ingest.transforms.amounts import decided, with_amounts
from spark_ingest.transforms.identifiers import canonical_id

# What the job reads of an event, and nothing else.
EVENT_COLUMNS = (
    "event_id",
    "user_id",
    "session_id",
    "event_type",
    "timestamp",
    "device_type",
    "browser",
    "ip_address",
    "user_tier",
    "properties",
)
SESSION_COLUMNS = (
    "session_id",
    "user_id",
    "user_tier",
    "session_start",
    "session_end",
    "session_duration_minutes",
    "page_views",
    "product_views",
    "searches",
    "add_to_cart_events",
    "purchases",
    "total_spent",
    "items_purchased",
    "device_type",
    "browser",
    "converted_to_purchase",
    "first_purchase_at",
    "event_count",
    "distinct_ip_count",
)
# Whose value is that of the session's earliest event, and of its first event that has one.
_EARLIEST = ("device_type", "browser")
_FIRST_KNOWN = ("user_id", "user_tier")
_ATTRIBUTES = (*_FIRST_KNOWN, *_EARLIEST)
_GROUPING = ("session_id", *_ATTRIBUTES, "ip_address")
_COUNTED_TYPES = {
    "page_views": "page_view",
    "product_views": "product_view",
    "searches": "search",
    "add_to_cart_events": "add_to_cart",
    "purchases": "purchase",
}
NOTICED = ("unparsable_amounts", "negative_amounts")
_ADDED = (*_COUNTED_TYPES, "event_count", *NOTICED)  # what the groups of a session have together, money aside
EVENT_TYPES = tuple(_COUNTED_TYPES.values())
TIERS = ("bronze", "silver", "gold", "platinum", "unknown")
_MICROS_PER_MINUTE = 60_000_000


def session_events(events: DataFrame) -> DataFrame:
    """The columns that sessions are made of; events without session or time left out.

    Adds `micros` (time in microseconds since 1970, UTC), and `amount` and `undecided` (see `amounts.with_amounts`).
    """
    placed = events.filter(F.col("session_id").isNotNull() & F.col("timestamp").isNotNull())
    return (
        with_amounts(placed)
        .withColumn("micros", F.unix_micros("timestamp"))
        .select(
            *(name for name in EVENT_COLUMNS if name not in ("timestamp", "properties")),
            "micros",
            "amount",
            "undecided",
        )
    )


def with_canonical_ids(events: DataFrame) -> DataFrame:
    """Events with the ids of event, session and user in canonical form."""
    return events.withColumns({name: canonical_id(F.col(name)) for name in ("event_id", "session_id", "user_id")})


def duplicated_ids(events: DataFrame) -> DataFrame:
    """The event ids (in canonical form) that occur more than once, and how often: `event_id`, `n`."""
    counts = events.filter(F.col("event_id").isNotNull()).groupBy("event_id").agg(F.count(F.lit(1)).alias("n"))
    return counts.filter(F.col("n") > 1)


def repeated_hashes(events: DataFrame, partitions: int) -> DataFrame:
    """Hashes of event ids that occur more than once: `hash`. All duplicates are among the events that have one.

    Eight bytes an event are shuffled instead of its id, and sorted by numpy: a third of the time of `duplicated_ids`.
    """
    return id_hashes(events).repartition(partitions, "hash").mapInArrow(without_jars(repeated_values()), "hash bigint")


def id_hashes(events: DataFrame) -> DataFrame:
    """The hashes of the ids that events have: `hash`."""
    return events.filter(F.col("event_id").isNotNull()).select(id_hash(F.col("event_id")))


def id_hash(event_id: Column) -> Column:
    """A hash of an event's id in its canonical form, as `hash`."""
    return F.xxhash64(canonical_id(event_id)).alias("hash")


def repeated_values() -> Callable[[Iterable[Any]], Iterable[Any]]:
    """The function that executors run to find values of a column that occur more than once, as `hash`.

    Defined within another one it travels by value, so that workers need no package of ours; it imports only pyarrow and numpy.
    """

    def repeated(batches: Iterable[Any]) -> Iterable[Any]:
        import numpy as np
        import pyarrow as pa

        columns = [batch.column(0).to_numpy() for batch in batches if batch.num_rows]
        if columns:
            hashes = np.concatenate(columns)
            hashes.sort()
            several = np.unique(hashes[1:][hashes[1:] == hashes[:-1]])
            yield pa.RecordBatch.from_arrays([pa.array(several)], ["hash"])

    return repeated


def each_event_once(events: DataFrame, duplicates: DataFrame | None = None) -> DataFrame:
    """Keep, of events with the same id, the earliest (then the smallest of the other columns). Those without id stay.

    duplicates: `duplicated_ids` of these events; then only those few are sorted, otherwise all are.
    """
    if duplicates is None:
        return _first_copies(events)
    unique = events.join(duplicates, "event_id", "left_anti")
    repeated = events.join(duplicates, "event_id", "left_semi")
    return unique.unionByName(_first_copies(repeated))


def ranked_copies(events: DataFrame) -> DataFrame:
    """Events with `copy`: 1 for the one that counts of those with the same id, and for each without an id."""
    known = decided(events)
    # An event without an id is a group of its own.
    alone = F.when(F.col("event_id").isNull(), F.monotonically_increasing_id())
    order = ["micros", *(name for name in known.columns if name not in ("micros", "event_id"))]
    rank = F.row_number().over(Window.partitionBy("event_id", "alone").orderBy(*order))
    return known.withColumn("alone", alone).withColumn("copy", rank).drop("alone")


def _first_copies(events: DataFrame) -> DataFrame:
    return ranked_copies(events).filter("copy = 1").drop("copy")


def sessions(events: DataFrame) -> DataFrame:
    """One row per session of `session_events`, each event counted once: SESSION_COLUMNS, NOTICED, and `unsettled`.

    NOTICED: how many of the session's purchases have an amount that is no number, or a negative one.

    User and tier are those of the first event by (time, event id) that has one, each by itself; device and browser are
    those of the earliest event. `unsettled`: the moment that decides one of them has several events that differ in it, or
    the amount of a purchase takes the parser; such sessions need to be made by `exact_sessions`.
    """
    return merged_groups(session_groups(events))


def merged_groups(groups: DataFrame) -> DataFrame:
    """The sessions of `session_groups`, whatever number of groups a session has; columns as `sessions`."""
    ranked = Window.partitionBy("session_id").orderBy("micros_start", *_GROUPING[1:])
    # Ordered too, so that Spark sorts once for all.
    whole = ranked.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    totals = {name: F.sum(name).over(whole) for name in (*_ADDED, "total_spent", "undecided")}
    first = {name: F.min(F.when(_has(name), F.col("micros_start"))).over(whole) for name in _ATTRIBUTES}
    # In a struct, a value that is missing is a value too.
    then = {name: F.when(_has(name) & (F.col("micros_start") == F.col(f"{name}_at")), F.struct(name)) for name in first}
    low = {name: F.min(value).over(whole) for name, value in then.items()}
    differs = [~low[name].eqNullSafe(F.max(value).over(whole)) for name, value in then.items()]
    return (
        groups.withColumns({f"{name}_at": at for name, at in first.items()})
        .withColumns(
            {
                "rank": F.row_number().over(ranked),
                "tied": reduce(or_, differs),
                "micros_end": F.max("micros_end").over(whole),
                "micros_purchase": F.min("micros_purchase").over(whole),
                "distinct_ip_count": F.size(F.collect_set("ip_address").over(whole)),
                **totals,
                **{name: value[name] for name, value in low.items()},
            }
        )
        .filter("rank = 1")
        .select(*_session_columns(), *NOTICED, (F.col("tied") | (F.col("undecided") > 0)).alias("unsettled"))
    )


def _has(name: str) -> Column:
    """Whether a row can decide about an attribute: about user and tier only one that has them."""
    return F.col(name).isNotNull() if name in _FIRST_KNOWN else F.lit(True)


def lone_groups(groups: DataFrame, limit_micros: int) -> DataFrame:
    """Sessions of one of the `session_groups` each, which are the groups themselves: columns as `exact_sessions`.

    `aside`: the group, where the session has another one, lasts longer than the limit, or has undecided amounts; else NULL. Few
    have: attributes seldom change on the way.
    """
    group = F.struct(*groups.columns)
    several = F.count(F.lit(1)).over(Window.partitionBy("session_id")) > 1
    special = several | (F.col("micros_end") - F.col("micros_start") > limit_micros) | (F.col("undecided") > 0)
    addresses = F.col("ip_address").isNotNull().cast("int")
    return (
        groups.withColumn("aside", F.when(special, group))
        .withColumn("distinct_ip_count", addresses)
        .select(*_session_columns(), *NOTICED, "aside")
    )


def session_groups(events: DataFrame) -> DataFrame:
    """Events reduced per session, attributes and address: counters and times only, so Spark aggregates by hash.

    Ids are canonical here; groups that differ only in the form of an id are left as they are. `undecided`: how many purchases
    have an amount that takes the parser, and is in no sum.
    """
    unread = F.col("undecided").isNotNull()
    purchase = F.col("event_type") == "purchase"
    counts = _counts(purchase & F.col("amount").isNull() & ~unread)
    grouped = events.groupBy(*_GROUPING).agg(*counts, F.count_if(unread).alias("undecided"))
    return grouped.withColumns({name: canonical_id(F.col(name)) for name in ("session_id", "user_id")})


def _counts(no_number: Column) -> list[Column]:
    """Times and counters of a group of events. no_number: whether an event is a purchase without an amount."""
    purchase = F.col("event_type") == "purchase"
    return [
        F.min("micros").alias("micros_start"),
        F.max("micros").alias("micros_end"),
        F.min(F.when(purchase, F.col("micros"))).alias("micros_purchase"),
        F.count(F.lit(1)).alias("event_count"),
        F.coalesce(F.sum("amount"), F.lit(0)).cast("decimal(38,2)").alias("total_spent"),
        F.count_if(no_number).alias("unparsable_amounts"),
        F.count_if(purchase & (F.col("amount") < 0)).alias("negative_amounts"),
        *(F.count_if(F.col("event_type") == kind).cast("bigint").alias(name) for name, kind in _COUNTED_TYPES.items()),
    ]


def emptied_sessions(copies: DataFrame, counted: DataFrame) -> DataFrame:
    """Sessions of `copies` without an event among those `counted`, as rows of no event: all they hold counts in another one.

    From the first to the last of these events, by which the warehouse finds the session to remove; columns as `exact_sessions`.
    """
    spans = copies.groupBy("session_id").agg(F.min("micros").alias("micros_start"), F.max("micros").alias("micros_end"))
    gone = spans.join(counted.select("session_id"), "session_id", "left_anti")
    nothing: dict[str, Column] = {name: F.lit(0).cast("bigint") for name in _ADDED}
    unknown = {name: F.lit(None).cast("string") for name in ("user_id", "user_tier", "device_type", "browser")}
    other = {
        "total_spent": F.lit(0),
        "distinct_ip_count": F.lit(0),
        "micros_purchase": F.lit(None).cast("bigint"),
    }
    return gone.withColumns(nothing | unknown | other).select(*_session_columns(), *NOTICED)


def exact_sessions(events: DataFrame) -> DataFrame:
    """The sessions of few events, in one aggregate that sorts them: SESSION_COLUMNS and NOTICED.

    Ties are settled by the event id. events: with canonical ids, and every amount known (`decided`).
    """
    order = [F.col("micros"), F.col("event_id").isNull().alias("nameless"), F.col("event_id")]
    place = F.struct(*order, *map(F.col, _GROUPING[1:]))
    first = {name: F.min(F.when(_has(name), place))[name].alias(name) for name in _ATTRIBUTES}
    purchase = F.col("event_type") == "purchase"
    found = events.groupBy("session_id").agg(
        *first.values(),
        F.size(F.collect_set("ip_address")).alias("distinct_ip_count"),
        *_counts(purchase & F.col("amount").isNull()),
    )
    return found.select(*_session_columns(), *NOTICED)


def is_overlong(limit_micros: int) -> Column:
    """Whether a session lasts longer than the limit."""
    return F.unix_micros("session_end") - F.unix_micros("session_start") > limit_micros


def kept_spans(events: DataFrame, limit_micros: int, read: Days | None) -> DataFrame:
    """What is kept of sessions that last longer than the limit: `session_id`, `first_micros`, `last_micros`.

    A session begins with an event that has none before it within the limit. read: the days that events were read of; where
    what lies before an event was not read, no session begins. Of a session that begins nowhere both are NULL.
    """
    before = F.lag("micros").over(Window.partitionBy("session_id").orderBy("micros"))
    begins = F.coalesce(F.col("micros") - before > limit_micros, F.lit(True))
    if read is not None:
        begins &= reduce(or_, (_within(first, last, limit_micros) for first, last in read.ranges))
    first = F.min(F.when(F.col("begins"), F.col("micros"))).alias("first_micros")
    found = events.withColumn("begins", begins).groupBy("session_id").agg(first)
    return found.withColumn("last_micros", F.col("first_micros") + limit_micros)


def _within(first: int, last: int, limit_micros: int) -> Column:
    """Whether an event and what lies within the limit before it are on the days from one to another."""
    micros = F.col("micros")
    return (micros - limit_micros >= first * DAY_MICROS) & (micros < (last + 1) * DAY_MICROS)


def within_spans(events: DataFrame, spans: DataFrame) -> DataFrame:
    """Events without those of `kept_spans` that are not kept."""
    joined = events.join(spans.withColumn("spanned", F.lit(True)), "session_id", "left")
    kept = F.col("spanned").isNull() | F.coalesce(
        F.col("micros").between(F.col("first_micros"), F.col("last_micros")), F.lit(False)
    )
    return joined.filter(kept).drop("spanned", "first_micros", "last_micros")


def _session_columns() -> list[Column]:
    start, end = F.col("micros_start"), F.col("micros_end")
    minutes = ((end - start).cast("decimal(20,0)") / F.lit(_MICROS_PER_MINUTE)).cast("decimal(18,4)")
    made = {
        "session_start": F.timestamp_micros("micros_start"),
        "session_end": F.timestamp_micros("micros_end"),
        "session_duration_minutes": minutes,
        "items_purchased": F.col("purchases"),
        "converted_to_purchase": F.col("purchases") > 0,
        "first_purchase_at": F.timestamp_micros("micros_purchase"),
        "distinct_ip_count": F.col("distinct_ip_count").cast("bigint"),
        "total_spent": F.col("total_spent").cast("decimal(38,2)"),
    }
    return [made.get(name, F.col(name)).alias(name) for name in SESSION_COLUMNS]
