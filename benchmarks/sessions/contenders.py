"""The jobs: each reads the same Parquet data files of the lake and writes sessions as Parquet."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import duckdb
from pyspark.sql import Column, SparkSession, Window
from pyspark.sql import functions as F

from benchmarks.sessions.data import data_files
from spark_ingest.batch.run import run
from spark_ingest.config import IngestConfig
from spark_ingest.lake.rows import identifier
from spark_ingest.lake.tables import USER_EVENTS
from spark_ingest.progress import Progress


def requirement(spark: SparkSession, config: IngestConfig, out: Path) -> int:
    """The requirement's calculateUserSessions, line by line; only the sink is Parquet. Returns the files written.

    Its `properties.amount` reads a struct that the declared table does not have; get_json_object reads the text column.
    """

    def count_when(condition: Column) -> Column:
        return F.sum(F.when(condition, 1).otherwise(0))

    kind = F.col("event_type")
    seconds = F.unix_timestamp(F.col("timestamp"))
    amount = F.coalesce(F.get_json_object("properties", "$.amount").cast("double"), F.lit(0.0))
    sessions = (
        spark.table(identifier(config, USER_EVENTS))
        .groupBy("session_id", "user_id", "user_tier")
        .agg(
            F.min("timestamp").alias("session_start"),
            F.max("timestamp").alias("session_end"),
            ((F.max(seconds) - F.min(seconds)) / 60).alias("session_duration_minutes"),
            count_when(kind == "page_view").alias("page_views"),
            count_when(kind == "product_view").alias("product_views"),
            count_when(kind == "search").alias("searches"),
            count_when(kind == "add_to_cart").alias("add_to_cart_events"),
            count_when(kind == "purchase").alias("purchases"),
            F.sum(F.when(kind == "purchase", amount).otherwise(0.0)).alias("total_spent"),
            F.first("device_type").alias("device_type"),
            F.first("browser").alias("browser"),
            (count_when(kind == "purchase") > 0).alias("converted_to_purchase"),
        )
        .withColumn("items_purchased", F.col("purchases"))
        .withColumn("loaded_at", F.current_timestamp())
        .withColumn("batch_id", F.lit("benchmark"))
    )
    sessions.write.mode("overwrite").parquet(str(out))
    return len(list(out.glob("*.parquet")))


def requirement_right(spark: SparkSession, config: IngestConfig, out: Path) -> int:
    """The requirement's job as one would write it to give right results: ids once, money in decimals, sessions whole with the
    attributes of their first events. Returns the files written."""
    events = spark.table(identifier(config, USER_EVENTS)).filter("session_id IS NOT NULL AND timestamp IS NOT NULL")
    copies = Window.partitionBy("event_id").orderBy("timestamp")
    once = events.withColumn("copy", F.row_number().over(copies)).filter("event_id IS NULL OR copy = 1")
    counts = (
        f"count_if(event_type = '{kind}') AS {name}"
        for name, kind in (
            ("page_views", "page_view"),
            ("product_views", "product_view"),
            ("searches", "search"),
            ("add_to_cart_events", "add_to_cart"),
            ("purchases", "purchase"),
        )
    )
    known = (
        f"min_by({name}, struct(timestamp, event_id)) FILTER (WHERE {name} IS NOT NULL) AS {name}"
        for name in ("user_id", "user_tier")
    )
    earliest = (f"min_by({name}, struct(timestamp, event_id)) AS {name}" for name in ("device_type", "browser"))
    amount = "try_cast(get_json_object(properties, '$.amount') AS decimal(20,2))"
    made = (
        "min(timestamp) AS session_start",
        "max(timestamp) AS session_end",
        f"coalesce(sum({amount}) FILTER (WHERE event_type = 'purchase'), 0) AS total_spent",
        "count(*) AS event_count",
        "count(DISTINCT ip_address) AS distinct_ip_count",
    )
    sessions = once.groupBy("session_id").agg(*map(F.expr, (*known, *made, *counts, *earliest)))
    sessions.withColumn("batch_id", F.lit("benchmark")).write.mode("overwrite").parquet(str(out))
    return len(list(out.glob("*.parquet")))


def ours(spark: SparkSession, config: IngestConfig, out: Path) -> int:
    """A whole first batch, exactly as `spark_ingest run` makes it. Returns the files of sessions written."""
    shutil.rmtree(out, ignore_errors=True)
    done = run(replace(config, landing=str(out)), Progress("benchmark"), spark=spark)
    if done.manifest is None:
        raise RuntimeError(done.why)
    return len(done.manifest["datasets"]["user_sessions"]["files"])


def duckdb_job(config: IngestConfig, out: Path, threads: int, once: bool) -> int:
    """The same columns as ours by DuckDB, in exact decimals. With `once`, as ours must, an event_id counts once; without
    it DuckDB trusts the files. Returns the files written."""
    out.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(config={"threads": threads}) as connection:
        source = f"read_parquet({data_files(config)})"
        if once:
            source = _ONCE.format(source=source)
        connection.execute(_DUCKDB.format(source=source, out=out / "sessions.parquet"))
    return 1


# A first pass over the ids alone: only the rows of ids found twice need the dearer look.
_ONCE = """(
    WITH repeated AS (SELECT event_id FROM {source} GROUP BY event_id HAVING count(*) > 1)
    SELECT * FROM {source} WHERE event_id IS NULL OR event_id NOT IN (FROM repeated)
    UNION ALL BY NAME
    SELECT * FROM {source} WHERE event_id IN (FROM repeated)
    QUALIFY row_number() OVER (PARTITION BY event_id ORDER BY "timestamp") = 1
)"""

_DUCKDB = """
COPY (
    WITH events AS (
        SELECT session_id, user_id, user_tier, device_type, browser, ip_address, event_type, event_id,
            epoch_us("timestamp") AS micros,
            CASE WHEN event_type = 'purchase'
                THEN try_cast(json_extract_string(properties, '$.amount') AS DECIMAL(28, 2)) END AS amount
        FROM {source}
        WHERE session_id IS NOT NULL
    )
    SELECT session_id,
        arg_min(user_id, (micros, event_id)) AS user_id, arg_min(user_tier, (micros, event_id)) AS user_tier,
        make_timestamp(min(micros)) AS session_start, make_timestamp(max(micros)) AS session_end,
        ((max(micros) - min(micros)) / 60000000)::DECIMAL(18, 4) AS session_duration_minutes,
        count(*) FILTER (event_type = 'page_view') AS page_views,
        count(*) FILTER (event_type = 'product_view') AS product_views,
        count(*) FILTER (event_type = 'search') AS searches,
        count(*) FILTER (event_type = 'add_to_cart') AS add_to_cart_events,
        count(*) FILTER (event_type = 'purchase') AS purchases,
        coalesce(sum(amount), 0)::DECIMAL(38, 2) AS total_spent,
        arg_min(device_type, (micros, event_id)) AS device_type, arg_min(browser, (micros, event_id)) AS browser,
        count(*) AS event_count, count(DISTINCT ip_address) AS distinct_ip_count
    FROM events GROUP BY session_id
) TO '{out}' (FORMAT parquet, COMPRESSION snappy)
"""
