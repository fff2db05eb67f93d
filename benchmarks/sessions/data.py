"""The benchmark's lake: synthetic events over some days, written once and kept."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from pyspark.sql import SparkSession

from spark_ingest.config import IngestConfig
from spark_ingest.lake.rows import create_tables, identifier
from spark_ingest.lake.tables import USER_EVENTS

FIRST_DAY = date(2024, 1, 15)
EVENTS_PER_SESSION = 8
INCREMENT_DAYS = 20

# An eighth of the events are purchases; a session's events are a minute or so apart; tier, device and browser belong to
# the session. Everything derives from the row's number by a hash, so the same size is the same data.
_SELECT = """
SELECT
    uuid_of(concat('e', id)) AS event_id,
    uuid_of(concat('u', session % {users})) AS user_id,
    uuid_of(concat('s', session)) AS session_id,
    element_at(array('page_view', 'page_view', 'page_view', 'product_view', 'product_view', 'search', 'add_to_cart',
        'purchase'), CAST(pmod(xxhash64(id, 1), 8) + 1 AS INT)) AS event_type,
    timestamp_micros(started + place * 61000000 + pmod(xxhash64(id, 2), 30000000)) AS timestamp,
    element_at(array('mobile', 'desktop', 'tablet'), CAST(pmod(xxhash64(session, 3), 3) + 1 AS INT)) AS device_type,
    concat('Browser ', pmod(xxhash64(session, 4), 20)) AS browser,
    concat_ws('.', '192.0', pmod(xxhash64(session, 5), 256), pmod(xxhash64(session, 6), 256)) AS ip_address,
    concat('/product/', pmod(xxhash64(id, 7), 5000)) AS page_url,
    uuid_of(concat('p', pmod(xxhash64(id, 7), 5000))) AS product_id,
    CAST(NULL AS STRING) AS search_query,
    CAST(NULL AS STRING) AS transaction_id,
    element_at(array('bronze', 'silver', 'gold', 'platinum'), CAST(pmod(xxhash64(session, 8), 4) + 1 AS INT)) AS user_tier,
    concat('{{"amount": ', pmod(xxhash64(id, 9), 50000) / 100, ', "currency": "EUR"}}') AS properties,
    CAST(NULL AS TIMESTAMP) AS processing_time
FROM (
    SELECT id, id DIV {per_session} AS session, id % {per_session} AS place,
        {first} + pmod(xxhash64(id DIV {per_session}, 0), {span}) AS started
    FROM range({begin}, {end})
)
"""
_UUID = "regexp_replace(md5({}), '^(.{{8}})(.{{4}})(.{{4}})(.{{4}})(.{{12}})$', '$1-$2-$3-$4-$5')"
_DAY_MICROS = 86_400_000_000


def make_lake(spark: SparkSession, config: IngestConfig, events: int, days: int) -> None:
    """Fill the lake's user_events where it is empty."""
    create_tables(spark, config)
    if not spark.table(identifier(config, USER_EVENTS)).limit(1).count():
        _append(spark, config, (0, events), FIRST_DAY, days)


def append_increment(spark: SparkSession, config: IngestConfig, events: int, days: int, number: int) -> int:
    """Append a hundredth of the lake's events, over INCREMENT_DAYS in its middle; how many. number: which increment it is."""
    few = events // 100 // EVENTS_PER_SESSION * EVENTS_PER_SESSION
    begin = events + number * few
    _append(spark, config, (begin, begin + few), FIRST_DAY + timedelta(days=days // 2), INCREMENT_DAYS)
    return few


def _append(spark: SparkSession, config: IngestConfig, ids: tuple[int, int], first: date, days: int) -> None:
    # An hour of room at the end, so that the last sessions stay within the days asked for.
    text = _SELECT.format(
        users=max(1, ids[1] // 40), per_session=EVENTS_PER_SESSION, span=days * _DAY_MICROS - 3_600_000_000,
        first=(first - date(1970, 1, 1)) // timedelta(days=1) * _DAY_MICROS, begin=ids[0], end=ids[1],
    )  # fmt: skip
    rows = spark.sql(_with_uuids(text)).selectExpr("*", "to_date(timestamp) AS date", "hour(timestamp) AS hour")
    rows.writeTo(identifier(config, USER_EVENTS)).option("fanout-enabled", "false").append()


def data_files(config: IngestConfig) -> list[str]:
    """The events' Parquet files."""
    folder = Path(config.warehouse) / config.namespace / USER_EVENTS.name / "data"
    return sorted(str(path) for path in folder.rglob("*.parquet"))


def _with_uuids(text: str) -> str:
    """`uuid_of(x)` written out: Spark has no macros."""
    done = ""
    while "uuid_of(" in text:
        head, _, rest = text.partition("uuid_of(")
        depth, end = 1, 0
        while depth:
            depth += {"(": 1, ")": -1}.get(rest[end], 0)
            end += 1
        done, text = done + head + _UUID.format(rest[: end - 1]), rest[end:]
    return done + text
