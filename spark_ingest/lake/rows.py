"""Reads and writes the lake's tables through Spark: the job's only module that does."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from spark_ingest.config import IngestConfig
from spark_ingest.errors import InputError
from spark_ingest.lake.tables import TABLES, Table, create_statement
from spark_ingest.spark.failures import SPARK_ERRORS, sentence
from spark_ingest.spark.parquet_files import read_parquet
from spark_ingest.spark.session import CATALOG

APPEND_ID_PROPERTY = "spark-ingest.append-id"


def identifier(config: IngestConfig, table: Table) -> str:
    """The table's name for Spark: catalog, namespace, name."""
    return f"{CATALOG}.{config.namespace}.{table.name}"


def create_tables(spark: SparkSession, config: IngestConfig) -> None:
    """Create the namespace and the two tables where they do not exist; existing ones are left alone."""
    spark.sql(f"CREATE NAMESPACE IF NOT EXISTS {CATALOG}.{config.namespace}")
    for table in TABLES:
        spark.sql(create_statement(table, identifier(config, table)))


def append_rows(rows: DataFrame, config: IngestConfig, table: Table, append_id: str) -> None:
    """Append rows to a table in one snapshot that carries the append's id. All or nothing."""
    (
        rows.select(*table.column_names)
        .writeTo(identifier(config, table))
        # One open file at a time, after a sort by partition: a year of hours open at once does not fit in memory.
        .option("fanout-enabled", "false")
        .option(f"snapshot-property.{APPEND_ID_PROPERTY}", append_id)
        .append()
    )


def appended_before(spark: SparkSession, config: IngestConfig, table: Table, append_id: str) -> bool:
    """Whether a snapshot of the table carries this append's id."""
    snapshots = spark.table(f"{identifier(config, table)}.snapshots")
    return not snapshots.filter(F.col("summary")[APPEND_ID_PROPERTY] == F.lit(append_id)).isEmpty()


def append_files(
    spark: SparkSession, config: IngestConfig, files: Mapping[Table, list[Path]], append_id: str | None
) -> dict[str, int | None]:
    """Append files that hold the lake's own columns as they are: a producer's raw write, one snapshot per table.

    append_id: a repeat of the same append (per table) is a no-op. Returns rows added by table; None: added before.
    Raises InputError for a file that cannot be read, an unknown column or one of another type.
    """
    added: dict[str, int | None] = {}
    for table, paths in files.items():
        if append_id is not None and appended_before(spark, config, table, append_id):
            added[table.name] = None
            continue
        rows = read_lake_rows(spark, table, paths)
        append_rows(rows, config, table, append_id or str(uuid.uuid4()))
        added[table.name] = rows.count()
    return added


def read_lake_rows(spark: SparkSession, table: Table, paths: list[Path]) -> DataFrame:
    """Read Parquet or JSON-lines files with a table's columns; absent columns are NULL, date and hour are derived."""
    rows: DataFrame | None = None
    for path in paths:
        if not path.exists():
            raise InputError(f"{path} does not exist")
        part = _read(spark, table, path)
        rows = part if rows is None else rows.unionByName(part)
    if rows is None:
        raise InputError(f"no file to append to {table.name}")
    return rows


def _read(spark: SparkSession, table: Table, path: Path) -> DataFrame:
    is_json = any(suffix in (".json", ".jsonl", ".ndjson") for suffix in path.suffixes)
    try:
        if is_json:
            found = spark.read.schema(table.schema).option("mode", "FAILFAST").json(str(path))
        else:
            found = read_parquet(spark, [path])
    except SPARK_ERRORS as error:
        raise InputError(f"{path} cannot be read: {sentence(error)}") from error
    if unknown := sorted(set(found.columns) - set(table.column_names)):
        raise InputError(f"{path}: column '{unknown[0]}' is not a column of {table.name}")
    for column in table.columns:
        if column.name in found.columns:
            _check_type(path, column.name, found.schema[column.name].dataType, column.type)
        elif column.required:
            raise InputError(f"{path}: required column '{column.name}' of {table.name} is missing")
    return with_all_columns(found, table)


def with_all_columns(rows: DataFrame, table: Table) -> DataFrame:
    """Exactly a table's columns, in order and type: absent ones NULL, `date` and `hour` derived from the UTC time."""
    selected = []
    for column in table.columns:
        value = F.col(column.name) if column.name in rows.columns else F.lit(None)
        if column.name == "date":
            derived = F.to_date(F.col(table.time))
            value = F.coalesce(value, derived) if column.name in rows.columns else derived
        elif column.name == "hour":
            derived = F.hour(F.col(table.time))
            value = F.coalesce(value, derived) if column.name in rows.columns else derived
        selected.append(value.cast(column.type).alias(column.name))
    return rows.select(*selected)


def _check_type(path: Path, name: str, found: T.DataType, wanted: T.DataType) -> None:
    same = found == wanted or (isinstance(found, T.TimestampNTZType) and isinstance(wanted, T.TimestampType))
    if not same:
        raise InputError(f"{path}: column '{name}' is {found.simpleString()}, not {wanted.simpleString()}")
