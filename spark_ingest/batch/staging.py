"""Writes staged Parquet: whole files near the target size, straight to a folder or to S3, with their exact totals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any

from pyspark.errors import PythonException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from spark_ingest.config import IngestConfig, is_s3
from spark_ingest.errors import LandingError
from spark_ingest.landing.manifest import Control, StagedFile
from spark_ingest.spark.failures import last_line

_RESULT = "path string, rows bigint, bytes bigint, money string, min_micros bigint, max_micros bigint"
_ROW_GROUP = 256 * 1024
# Python's own precision of 28 digits would round what decimal(38,2) holds.
_EXACT = Context(prec=76)


@dataclass(frozen=True)
class Staged:
    """What was written: the files (path relative to the landing), their rows, their control totals."""

    files: tuple[StagedFile, ...]
    rows: int
    control: Control


def write_staged(
    rows: DataFrame, config: IngestConfig, folder: str, time: str, money: str | None, partitions: int
) -> Staged:
    """Write rows to `folder` of the landing in about `partitions` files and return what was written.

    time, money: the columns of the control totals. Times are written as UTC without a zone, in microseconds.
    Files of failed attempts may remain in the folder; only the returned ones count.
    """
    plain = rows.select(*(_without_zone(field) for field in rows.schema.fields))
    write = _writer(config, folder, time, money)
    try:
        found = plain.coalesce(partitions).mapInArrow(write, _RESULT).collect()
    except PythonException as error:  # the writer failed, not the computation of its rows
        raise LandingError(f"{config.landing}/{folder}: cannot be written: {last_line(error)}") from error
    files = sorted(StagedFile(row.path, row.rows, row.bytes) for row in found)
    return Staged(
        files=tuple(files),
        rows=sum(file.rows for file in files),
        control=Control(
            money=None if money is None else _sum(Decimal(row.money) for row in found),
            min_micros=min((row.min_micros for row in found if row.min_micros is not None), default=None),
            max_micros=max((row.max_micros for row in found if row.max_micros is not None), default=None),
        ),
    )


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    total = Decimal("0.00")
    for amount in amounts:
        total = _EXACT.add(total, amount)
    return total


def _without_zone(field: T.StructField) -> Any:
    column = F.col(field.name)
    return column.cast("timestamp_ntz").alias(field.name) if isinstance(field.dataType, T.TimestampType) else column


def _writer(
    config: IngestConfig, folder: str, time: str, money: str | None
) -> Callable[[Iterable[Any]], Iterable[Any]]:
    """The function that executors run. It is self-contained: it travels by value and imports only pyarrow."""
    root, endpoint, region = config.landing, config.s3_endpoint, config.s3_region
    on_s3, target_bytes, row_group, exact = is_s3(root), config.target_file_mb * 1024 * 1024, _ROW_GROUP, _EXACT

    def write(batches: Iterable[Any]) -> Iterable[Any]:
        import itertools
        import os
        import uuid
        from decimal import Decimal

        import pyarrow as pa
        import pyarrow.compute as pc
        import pyarrow.parquet as pq
        from pyarrow import fs

        if on_s3:
            scheme = {"scheme": "http"} if (endpoint or "").startswith("http://") else {}
            store = fs.S3FileSystem(endpoint_override=endpoint, region=region, **scheme)
            base = root.removeprefix("s3://")
        else:
            store, base = fs.LocalFileSystem(), root
            os.makedirs(f"{root}/{folder}", exist_ok=True)  # noqa: PTH103

        def file_of(first: Any, rest: Iterator[Any]) -> dict[str, Any]:
            """Write one file, up to the target size; batches that do not fit are left in `rest`."""
            path = f"{folder}/part-{uuid.uuid4().hex}.parquet"
            total: dict[str, Any] = {"path": path, "rows": 0, "money": Decimal("0.00"), "low": None, "high": None}
            with (
                store.open_output_stream(f"{base}/{path}") as sink,
                pq.ParquetWriter(sink, first.schema, compression="snappy", coerce_timestamps="us") as writer,
            ):
                for batch in itertools.chain([first], rest):
                    writer.write_batch(batch, row_group_size=row_group)
                    total["rows"] += batch.num_rows
                    if money is not None:
                        total["money"] = exact.add(total["money"], pc.sum(batch.column(money)).as_py() or Decimal(0))
                    bounds = pc.min_max(batch.column(time).cast(pa.int64()))
                    low, high = bounds["min"].as_py(), bounds["max"].as_py()
                    if low is not None:
                        total["low"] = low if total["low"] is None else min(low, total["low"])
                        total["high"] = high if total["high"] is None else max(high, total["high"])
                    if sink.tell() >= target_bytes:
                        break
            total["bytes"] = store.get_file_info(f"{base}/{path}").size
            return total

        rest = iter(batch for batch in batches if batch.num_rows)
        for first in rest:
            done = file_of(first, rest)
            yield pa.RecordBatch.from_pydict(
                {
                    "path": [done["path"]],
                    "rows": [done["rows"]],
                    "bytes": [done["bytes"]],
                    "money": [str(done["money"])],
                    "min_micros": pa.array([done["low"]], pa.int64()),
                    "max_micros": pa.array([done["high"]], pa.int64()),
                }
            )

    return write
