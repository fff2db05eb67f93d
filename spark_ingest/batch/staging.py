"""Writes staged Parquet: whole files near the target size, straight to a folder or to S3, with their exact totals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal
from typing import Any

from pyspark import StorageLevel
from pyspark.errors import PythonException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T
from pyspark.sql.pandas.types import to_arrow_type

from spark_ingest.config import IngestConfig, is_s3
from spark_ingest.errors import LandingError
from spark_ingest.landing.manifest import Control, StagedFile
from spark_ingest.spark.failures import last_line
from spark_ingest.spark.python_tasks import without_jars

ASIDE = "aside"
_ROW_GROUP = 128 * 1024
_BYTES_PER_ROW = 112  # of a staged session, with UUIDs, about
_TOTALS: Mapping[str, T.DataType] = {
    "path": T.StringType(),
    "money": T.StringType(),
    **dict.fromkeys(("rows", "bytes", "min_micros", "max_micros"), T.LongType()),
}
# Python's own precision of 28 digits would round what decimal(38,2) holds.
_EXACT = Context(prec=76)


@dataclass(frozen=True)
class Staged:
    """What was written: the files (path relative to the landing), their rows, their control totals.

    counts: the totals of columns that are counted and not written. aside: the rows that were set aside, None where none were.
    """

    files: tuple[StagedFile, ...]
    rows: int
    control: Control
    counts: dict[str, int] = field(default_factory=dict)
    aside: DataFrame | None = None

    def __add__(self, other: Staged) -> Staged:
        """Both together; nothing is aside any more."""
        return Staged(
            tuple(sorted((*self.files, *other.files))),
            self.rows + other.rows,
            self.control + other.control,
            {name: self.counts.get(name, 0) + other.counts.get(name, 0) for name in {**self.counts, **other.counts}},
        )


def write_staged(
    rows: DataFrame,
    config: IngestConfig,
    folder: str,
    time: str,
    money: str | None,
    counted: tuple[str, ...] = (),
    is_little_aside: bool = False,
) -> Staged:
    """Write rows to `folder` of the landing, a file or more by each of their partitions, and return what was written.

    time, money: the columns of the control totals. counted: columns of whole numbers that are summed and not written. A column
    `aside` holds a structure in rows that are returned instead of written. Times are written as UTC without a zone, in
    microseconds. Files of failed attempts may remain in the folder; only the returned ones count.
    is_little_aside: what is set aside fits in the driver.
    """
    plain = rows.select(*(_without_zone(each) for each in rows.schema.fields))
    result = _result(rows.schema, counted)
    results = plain.mapInArrow(without_jars(_writer(config, folder, time, money, result)), result)
    aside = None
    try:
        if ASIDE not in rows.columns:
            found = results.collect()
        elif is_little_aside:
            every = results.collect()
            found, special = [row for row in every if row.path is not None], [row[ASIDE] for row in every if row[ASIDE]]
            if special:
                kind: Any = rows.schema[ASIDE].dataType
                aside = rows.sparkSession.createDataFrame(special, kind)
        else:
            # Kept, since to compute it again would be to write again.
            results = results.persist(StorageLevel.MEMORY_AND_DISK)
            found = results.filter("path IS NOT NULL").drop(ASIDE).collect()
            kept = results.filter(f"{ASIDE} IS NOT NULL").select(f"{ASIDE}.*")
            aside = None if kept.isEmpty() else kept
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
        counts={name: sum(row[name] for row in found) for name in counted},
        aside=aside,
    )


def _result(schema: T.StructType, counted: tuple[str, ...] = ()) -> T.StructType:
    """What the writer returns: a row a file; and rows that were set aside."""
    kinds = {**_TOTALS, **dict.fromkeys(counted, T.LongType())}
    kinds |= {ASIDE: schema[ASIDE].dataType} if ASIDE in schema.names else {}
    return T.StructType([T.StructField(name, kind) for name, kind in kinds.items()])


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    total = Decimal("0.00")
    for amount in amounts:
        total = _EXACT.add(total, amount)
    return total


def _without_zone(field: T.StructField) -> Any:
    column = F.col(field.name)
    return column.cast("timestamp_ntz").alias(field.name) if isinstance(field.dataType, T.TimestampType) else column


def _writer(
    config: IngestConfig, folder: str, time: str, money: str | None, result_type: T.StructType
) -> Callable[[Iterable[Any]], Iterable[Any]]:
    """The function that executors run. It is self-contained: it travels by value and imports only pyarrow."""
    root, endpoint, region = config.landing, config.s3_endpoint, config.s3_region
    on_s3, exact, aside, target_bytes = is_s3(root), _EXACT, ASIDE, config.target_file_mb * 1024 * 1024
    row_group = min(_ROW_GROUP, target_bytes // _BYTES_PER_ROW)
    kinds = {each.name: to_arrow_type(each.dataType) for each in result_type.fields}
    counted = [name for name in kinds if name not in (*_TOTALS, aside)]

    def write(batches: Iterable[Any]) -> Iterable[Any]:
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

        class File:
            """One file that is being written, and its totals."""

            def __init__(self, schema: pa.Schema) -> None:
                self.path = f"{folder}/part-{uuid.uuid4().hex}.parquet"
                self.names = [name for name in schema.names if name not in counted]
                written = pa.schema([schema.field(name) for name in self.names])
                self.sink = store.open_output_stream(f"{base}/{self.path}")
                self.writer = pq.ParquetWriter(self.sink, written, compression="snappy", coerce_timestamps="us")
                self.rows, self.money, self.counts = 0, Decimal("0.00"), dict.fromkeys(counted, 0)
                self.bounds: list[int] = []

            def add(self, rows: pa.Table) -> None:
                """Write rows as one row group."""
                self.writer.write_table(rows.select(self.names), row_group_size=rows.num_rows)
                self.rows += rows.num_rows
                if money is not None:
                    self.money = exact.add(self.money, pc.sum(rows.column(money)).as_py() or Decimal(0))
                bounds = pc.min_max(rows.column(time).cast(pa.int64())).as_py()
                self.bounds += [each for each in bounds.values() if each is not None]
                for name in counted:
                    self.counts[name] += pc.sum(rows.column(name)).as_py() or 0

            def closed(self) -> pa.RecordBatch:
                """Close the file and tell about it."""
                self.writer.close()
                self.sink.close()
                numbers = {
                    "rows": self.rows,
                    "bytes": store.get_file_info(f"{base}/{self.path}").size,
                    "min_micros": min(self.bounds, default=None),
                    "max_micros": max(self.bounds, default=None),
                    **self.counts,
                }
                columns = {"path": pa.array([self.path]), "money": pa.array([str(self.money)])}
                columns |= {name: pa.array([number], pa.int64()) for name, number in numbers.items()}
                return result(columns, 1)

        def result(columns: dict[str, pa.Array], rows: int) -> pa.RecordBatch:
            """Results with all their columns, in order."""
            return pa.RecordBatch.from_pydict(
                {name: columns[name] if name in columns else pa.nulls(rows, kind) for name, kind in kinds.items()}
            )

        file, waiting = None, []
        for batch in batches:
            if aside in batch.schema.names:
                special = batch.column(aside)
                if special.null_count < len(special):
                    special = special.drop_null()
                    yield result({aside: special}, len(special))
                batch = batch.filter(pc.is_null(batch.column(aside)))
                batch = batch.select([name for name in batch.schema.names if name != aside])
            waiting += [batch] if batch.num_rows else []
            if sum(each.num_rows for each in waiting) >= row_group:
                file = file or File(batch.schema)
                file.add(pa.Table.from_batches(waiting))
                waiting = []
                if file.sink.tell() >= target_bytes:
                    yield file.closed()
                    file = None
        if waiting:
            file = file or File(waiting[0].schema)
            file.add(pa.Table.from_batches(waiting))
        if file:
            yield file.closed()

    return write
