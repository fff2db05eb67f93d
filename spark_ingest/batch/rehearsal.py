"""Runs the job once on a lake of its own, so that the JVM's archive of classes holds what runs need."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

from rich.console import Console

from spark_ingest.batch.run import run
from spark_ingest.config import IngestConfig
from spark_ingest.importing.files import import_files
from spark_ingest.progress import Progress
from spark_ingest.spark.class_archive import make_class_archive
from spark_ingest.spark.failures import SPARK_ERRORS
from spark_ingest.spark.java import java_home
from spark_ingest.spark.session import end_spark, start_spark

_EVENTS = """SELECT id AS event_id, visit AS session_id, kind AS event_type, CAST(at AS TIMESTAMP) AS timestamp,
    properties, transaction_id FROM clicks"""
_TRANSACTIONS = """SELECT transaction_id, 'product' AS product_id, 1 AS quantity, CAST('9.50' AS DECIMAL(12, 2)) AS unit_price,
    CAST('9.50' AS DECIMAL(12, 2)) AS total_amount, CAST(at AS TIMESTAMP) AS created_at, 'completed' AS status
FROM clicks WHERE kind = 'purchase'"""
_CLICKS = """id,visit,kind,at,properties,transaction_id
1,a,page_view,2024-01-15 10:00:00,,
2,a,purchase,2024-01-15 10:05:00,"{""total_amount"": 9.5}",order
2,a,purchase,2024-01-15 10:05:00,"{""total_amount"": 9.5}",order
"""


def archive_classes(config: IngestConfig) -> str:
    """Archive the classes of Spark and the job for this machine, once; the sentence says what was done.

    Raises SetupError where there is no Java, or the jars cannot be fetched.
    """
    try:
        kept = make_class_archive(config, java_home(), rehearse)
    except SPARK_ERRORS:
        kept = None
    if kept:
        return f"Spark's classes are archived in {kept.parent}"
    return "Spark's classes could not be archived: it works all the same, and starts more slowly"


def rehearse(config: IngestConfig) -> None:
    """Import a file and publish a batch in a folder that goes at the end, on a Spark that ends with it.

    Of the configuration the jars, the size of the JVM and its options count.
    """
    with tempfile.TemporaryDirectory(prefix="rehearsal-") as name:
        folder = Path(name)
        own = IngestConfig(
            warehouse=str(folder / "lake"),
            landing=str(folder / "landing"),
            ivy_dir=str(Path(config.ivy_dir).absolute()),
            rejects=str(folder / "rejects"),
            scratch=str(folder / "scratch"),
            log=str(folder / "log.jsonl"),
            spark_master="local[2]",
            driver_memory=config.driver_memory,
            java_options=f"-XX:TieredStopAtLevel=1 {config.java_options}",
            shuffle_partitions=2,
        )
        (folder / "user_events.sql").write_text(_EVENTS, encoding="utf-8")
        (folder / "transactions.sql").write_text(_TRANSACTIONS, encoding="utf-8")
        clicks = folder / "clicks.csv"
        clicks.write_text(_CLICKS, encoding="utf-8")
        spark = start_spark(own, "rehearsal")
        try:
            import_files(spark, own, [f"clicks={clicks}"], folder)
            run(own, Progress("rehearsal", Path(own.log), Console(file=io.StringIO())), spark=spark)
        finally:
            end_spark(spark)
