"""Starts Spark with the requirement's settings, and the catalog that the configuration names."""

from __future__ import annotations

import math
import os
import signal
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType

from pyspark import SparkContext
from pyspark.sql import SparkSession

from spark_ingest.config import IngestConfig
from spark_ingest.spark.class_archive import class_archive
from spark_ingest.spark.jar_fetch import ensure_jars
from spark_ingest.spark.jars import LOCAL_FILE_SYSTEM, LOCAL_FILES, artifacts, present
from spark_ingest.spark.java import for_file_names, java_home
from spark_ingest.spark.jvm_names import remember_names

CATALOG = "iceberg"

# The requirement's settings, used as they are, except:
# - spark.sql.catalog.spark_catalog (SparkSessionCatalog, type hive): left out. It needs a Hive metastore and nothing
#   here lives in Spark's own catalog; every table is addressed through the catalog `iceberg`.
# - spark.sql.catalog.iceberg.type=hadoop with a warehouse on s3:// : the catalog follows the configuration, and that pair is
#   refused. A hadoop catalog commits by an atomic rename, which S3 does not have; on S3 the catalog is glue or rest.
# - spark.executor.memoryFraction=0.8: does not exist since Spark 1.6; its successor is spark.memory.fraction, set to
#   the same share.
# - spark.executor.memory and cores: sizes of the cluster, so they are set where the cluster is described (k8s/).
_SETTINGS = {
    "spark.sql.adaptive.enabled": "true",
    "spark.sql.adaptive.coalescePartitions.enabled": "true",
    "spark.sql.adaptive.skewJoin.enabled": "true",
    "spark.sql.adaptive.localShuffleReader.enabled": "true",
    "spark.serializer": "org.apache.spark.serializer.KryoSerializer",
    "spark.memory.fraction": "0.8",
    "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
    # Ours: wrong input must fail or be flagged, never wrap or turn into NULL by itself; one time zone everywhere.
    "spark.sql.ansi.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
    # A time that a pattern does not fit is no time; the default would stop at texts that Spark 2 read otherwise.
    "spark.sql.legacy.timeParserPolicy": "CORRECTED",
    # Sessions are kept once between counting and writing; compressing them takes longer than computing a third of them.
    "spark.sql.inMemoryColumnarStorage.compressed": "false",
    # Spark keeps 100 compiled classes: fewer than a session's batches have in common.
    "spark.sql.codegen.cache.maxEntries": "1000",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.catalogImplementation": "in-memory",
}


_LITTLE = 16 << 20  # bytes of input
_BYTES_PER_PARTITION = 4 << 20


def start_spark(config: IngestConfig, name: str = "EcommerceBatchAnalytics", quiet: bool = True) -> SparkSession:
    """Start a session (or take the running one). Under spark-submit, its master, memory and jars stand."""
    builder = SparkSession.builder.appName(name)
    for key, value in settings(config).items():
        builder = builder.config(key, value)
    if "PYSPARK_GATEWAY_PORT" not in os.environ:
        home = java_home()
        os.environ["JAVA_HOME"] = str(home)
        os.environ.update(for_file_names())
        # Python workers run in this very environment, wherever the command was started from.
        os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
        builder = builder.master(config.spark_master).config("spark.driver.memory", config.driver_memory)
        for key, value in _own_start(config, home, quiet).items():
            builder = builder.config(key, value)
    with _signals_held():
        session = builder.getOrCreate()
    remember_names(session)
    return session


@contextmanager
def _signals_held() -> Iterator[None]:
    """Let SIGINT and SIGTERM wait until the JVM is there: one that is still starting when PySpark is interrupted never ends.

    It cannot tell its port any more, and waits for a connection: `launch_gateway` in
    https://github.com/apache/spark/blob/v3.5.0/python/pyspark/java_gateway.py
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals interrupt only the main thread
        return
    waiting: list[int] = []

    def hold(number: int, frame: FrameType | None) -> None:
        waiting.append(number)

    before = {number: signal.signal(number, hold) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is hold:  # else Spark has set its own
                signal.signal(number, handler)
        if waiting:
            signal.raise_signal(waiting[0])


@contextmanager
def spark_session(
    config: IngestConfig, debug: bool = False, size: int | None = None, running: SparkSession | None = None
) -> Iterator[SparkSession]:
    """A session for one command, stopped at its end so that its scratch files go; or the running one, left as it was.

    size: bytes that it will read, where that is known. For little work the JVM's thorough compiler never pays, nor does
    planning for more.
    """
    little = size is not None and size <= _LITTLE
    if little and not config.java_options:
        config = replace(config, java_options="-XX:TieredStopAtLevel=1")
    spark = running or start_spark(config, quiet=not debug)
    before = {key: str(spark.conf.get(key)) for key in _for_little(0, config)}
    try:
        if size is not None and little:
            _set(spark, _for_little(size, config))
        yield spark
    finally:
        if running is None:
            with warnings.catch_warnings():
                # A call to the JVM that an interrupt has cut off leaves it answering another question than is asked next.
                warnings.simplefilter("ignore", RuntimeWarning)
                spark.stop()
        else:
            _set(spark, before)


def _for_little(size: int, config: IngestConfig) -> dict[str, str]:
    """How Spark plans what reads so many bytes: few partitions, each plan made once.

    Adaptive execution makes each stage a job of its own, plans what is left again after each, and describes every plan; that
    is for sizes that are not known before.
    """
    partitions = min(config.shuffle_partitions, max(1, math.ceil(size / _BYTES_PER_PARTITION)))
    return {"spark.sql.adaptive.enabled": "false", "spark.sql.shuffle.partitions": str(partitions)}


def _set(spark: SparkSession, values: Mapping[str, str]) -> None:
    for key, value in values.items():
        spark.conf.set(key, value)


def end_spark(spark: SparkSession) -> None:
    """Stop a session and wait until its JVM is gone; the process may start another one."""
    gateway = spark.sparkContext._gateway
    spark.stop()
    if gateway is not None:
        gateway.shutdown()
        process = gateway.proc
        process.stdin.close()  # its end is what pyspark's JVM waits for
        process.wait()
        SparkContext._gateway = SparkContext._jvm = None


def settings(config: IngestConfig) -> dict[str, str]:
    """All Spark settings that hold wherever the job runs."""
    return {
        **_SETTINGS,
        "spark.sql.shuffle.partitions": str(config.shuffle_partitions),
        **{f"spark.sql.catalog.{CATALOG}{key}": value for key, value in _catalog(config).items()},
    }


def _catalog(config: IngestConfig) -> dict[str, str]:
    values = {
        "": "org.apache.iceberg.spark.SparkCatalog",
        ".type": config.catalog_type,
        ".warehouse": config.catalog_warehouse or config.warehouse,
        # A plan and the read that follows it must see the same table; no snapshot is taken from a stale cache.
        ".cache-enabled": "false",
    }
    if config.catalog_uri:
        values[".glue.endpoint" if config.catalog_type == "glue" else ".uri"] = config.catalog_uri
    if config.lake_on_s3:
        values[".io-impl"] = "org.apache.iceberg.aws.s3.S3FileIO"
        if config.s3_endpoint:
            values |= {".s3.endpoint": config.s3_endpoint, ".s3.path-style-access": "true"}
        if config.s3_region:
            values[".client.region"] = config.s3_region
    return values


def _own_start(config: IngestConfig, home: Path, quiet: bool) -> dict[str, str]:
    """Settings for a Spark that this process starts: jars, loopback only, scratch space, a quiet log."""
    wanted, folder = artifacts(config), Path(config.ivy_dir)
    jars = ensure_jars(folder, wanted)
    scratch = Path(config.scratch)
    scratch.mkdir(parents=True, exist_ok=True)
    options = [
        "-Duser.timezone=UTC",
        "-XX:+UseParallelGC",
        config.java_options,
        class_archive(config, home).java_options,
    ]
    values = {
        # On the class path of the JVM itself: no copy is made of them, and their classes can be archived. Always all
        # that are there, since an archive is for one class path.
        "spark.driver.extraClassPath": os.pathsep.join(str(path.resolve()) for path in present(folder)),
        # For jars that a user adds by spark.jars.packages: the home folder may not be writable.
        "spark.jars.ivy": config.ivy_dir,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.local.dir": str(scratch),
        "spark.sql.warehouse.dir": str(scratch / "spark-warehouse"),
    }
    if not config.spark_master.startswith("local["):
        values["spark.jars"] = ",".join(map(str, jars))  # executors are processes of their own
    if LOCAL_FILES in wanted:
        values["spark.hadoop.fs.file.impl"] = LOCAL_FILE_SYSTEM
    if quiet:
        options.append(f"-Dlog4j2.configurationFile={_quiet_log()}")
    return values | {"spark.driver.extraJavaOptions": " ".join(filter(None, options))}


def _quiet_log() -> Path:
    """A log4j file that keeps Spark's messages off the terminal: errors reach the user as one sentence."""
    # One a user: a file that another user of the machine has written cannot be written anew.
    path = Path(tempfile.gettempdir()) / f"spark-ingest-{os.getuid()}-log4j2.properties"
    text = (
        "rootLogger.level = off\nrootLogger.appenderRef.stderr.ref = stderr\n"
        "appender.stderr.type = Console\nappender.stderr.name = stderr\nappender.stderr.target = SYSTEM_ERR\n"
        "appender.stderr.layout.type = PatternLayout\n"
        # Spark announces a changed level for the gateway's logger unless that has the root's level by name.
        "logger.gateway.name = org.apache.spark.api.python.PythonGatewayServer\nlogger.gateway.level = off\n"
        "appender.stderr.layout.pattern = %d{HH:mm:ss} %p %c{1}: %m%n%ex\n"
    )
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
    return path
