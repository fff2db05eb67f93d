"""Run COPY INTO <location>, which writes a query's rows as CSV, JSON or Parquet files on a stage.

A file is written beside its target and then renamed, so that a reader never sees half a file. As in Snowflake, this is
not part of a transaction. Without SINGLE, one file `<path>data_0_0_0.<ext>` or `<path>_0_0_0.<ext>` is written. With
PARTITION BY, one file `<path>/<value>/data_<query id>_0_0_0.<ext>` is written for each value.
"""

from __future__ import annotations

import bz2
import gzip
import json
import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from local_stack.endpoint.engine.native.marks import plain_text
from local_stack.endpoint.features.stages.copy_statement import CopyInto
from local_stack.endpoint.features.stages.csv_dialect import csv_dialect
from local_stack.endpoint.features.stages.csv_writer import csv_content
from local_stack.endpoint.features.stages.formats import FileFormat, file_format
from local_stack.endpoint.features.stages.location import StageLocation, locate
from local_stack.endpoint.outcome import Outcome
from local_stack.endpoint.statements import Column, Result, SqlError, unsupported

if TYPE_CHECKING:
    from local_stack.endpoint.session import Session

DETAILED_COLUMNS = (Column("FILE_NAME"), Column("FILE_SIZE", "FIXED"), Column("ROW_COUNT", "FIXED"))
COLUMNS = (Column("rows_unloaded", "FIXED"), Column("input_bytes", "FIXED"), Column("output_bytes", "FIXED"))


def unload(copy: CopyInto, session: Session, describe_only: bool) -> Result:
    """Run COPY INTO <location>."""
    location = locate(session, copy.location or "")
    options = copy.options.get("FILE_FORMAT", {})
    form = file_format(session, {"FORMAT_NAME": options} if isinstance(options, str) else options, location.file_format)
    if describe_only:
        return Result(COLUMNS)
    if copy.partition is not None:
        parts = _partitions(session.execute(f"SELECT TO_VARCHAR({copy.partition}), q.* FROM ({copy.query}) AS q"))
        written = [_unload_one(part, folder, copy, form, location) for folder, part in parts]
    else:
        outcome = session.execute(copy.query or "").with_texts(plain_text)
        written = [_unload_one(outcome, None, copy, form, location)]
    if copy.options.get("DETAILED_OUTPUT"):
        return Result(
            DETAILED_COLUMNS, [[file.name, file.output, file.rows] for file in written if file.rows or file.output]
        )
    totals = [[file.rows, file.input, file.output] for file in written]
    return Result(COLUMNS, [[sum(numbers) for numbers in zip(*totals, strict=True)] if totals else [0, 0, 0]])


@dataclass(frozen=True)
class _Written:
    """Hold a file's name below the location, its rows, and its bytes before and after compression."""

    name: str
    rows: int
    input: int
    output: int


def _partitions(outcome: Outcome) -> Iterator[tuple[str, Outcome]]:
    """Yield the rows by the value of their first column, which is not unloaded. Rows without a value go to _NULL_."""
    keys = outcome.table.column(0).to_pylist()
    places: dict[str, list[int]] = {}
    for place, key in enumerate(keys):
        places.setdefault("_NULL_" if key is None else str(key), []).append(place)
    rest = outcome.table.select(range(1, outcome.table.num_columns))
    for folder, chosen in sorted(places.items()):
        yield folder, replace(outcome, columns=outcome.columns[1:], table=rest.take(chosen))


def _unload_one(
    outcome: Outcome, folder: str | None, copy: CopyInto, form: FileFormat, location: StageLocation
) -> _Written:
    """Write one file. `folder` is that of the partition, or None without PARTITION BY."""
    if form.type == "JSON" and [c.type for c in outcome.columns] not in (["VARIANT"], ["OBJECT"], ["ARRAY"]):
        raise SqlError(
            "SQL compilation error:\nJSON file format can produce one and only one column of type variant, object, or array.",
            2019, "0A000",
        )  # fmt: skip
    content = _CONTENT[form.type](outcome, form, bool(copy.options.get("HEADER", False)))
    packed, extension = _compressed(content, form)
    if not outcome.table.num_rows and not copy.options.get("SINGLE"):
        return _Written("", 0, 0, 0)
    if folder is None:
        label = f"{outcome.query_id}_" if copy.options.get("INCLUDE_QUERY_ID") else ""
        target = _target(location, bool(copy.options.get("SINGLE", False)), label, extension)
    else:
        prefix = location.prefix if not location.prefix or location.prefix.endswith("/") else location.prefix + "/"
        target = location.file(f"{prefix}{folder}/data_{outcome.query_id}_0_0_0.{extension}").path
    _write(target, packed, copy)
    name = target.relative_to(location.folder.resolve()).as_posix()
    return _Written(name, outcome.table.num_rows, len(content), len(packed))


def _target(location: StageLocation, single: bool, label: str, extension: str) -> Path:
    prefix = location.prefix
    if single:
        return location.file(prefix + "data" if not prefix or prefix.endswith("/") else prefix).path
    stem = prefix + "data" if not prefix or prefix.endswith("/") else prefix
    return location.file(f"{stem}_{label}0_0_0.{extension}").path


def _write(target: Path, content: bytes, copy: CopyInto) -> None:
    if target.exists() and not copy.options.get("OVERWRITE"):
        raise SqlError(
            f"Files already existing at the unload destination: {copy.location}. Use overwrite option to force unloading.",
            2140, "22000",
        )  # fmt: skip
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(target)


def _compressed(content: bytes, form: FileFormat) -> tuple[bytes, str]:
    """Return the compressed file and its extension."""
    kind = str(form.get("FILE_EXTENSION") or {"CSV": "csv", "JSON": "json", "PARQUET": "parquet"}[form.type]).lstrip(
        "."
    )
    if form.type == "PARQUET":
        return content, f"snappy.{kind}" if _parquet_compression(form) in ("AUTO", "SNAPPY") else kind
    wanted = str(form.get("COMPRESSION", "AUTO"))
    compress, suffix = _COMPRESSIONS["GZIP" if wanted == "AUTO" else wanted]
    return compress(content), kind + suffix


_COMPRESSIONS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "NONE": (bytes, ""),
    "GZIP": (lambda raw: gzip.compress(raw, mtime=0), ".gz"),
    "BZ2": (bz2.compress, ".bz2"),
    "BROTLI": (lambda raw: pa.compress(raw, "brotli", asbytes=True), ".br"),
    "ZSTD": (lambda raw: pa.compress(raw, "zstd", asbytes=True), ".zst"),
    "DEFLATE": (zlib.compress, ".deflate"),
    "RAW_DEFLATE": (lambda raw: zlib.compress(raw, wbits=-15), ".raw_deflate"),
}


def _json_lines(outcome: Outcome, _: FileFormat, __: bool) -> bytes:
    lines = (json.dumps(json.loads(row[0]), separators=(",", ":")) for row in outcome.rows() if row[0] is not None)
    return "".join(f"{line}\n" for line in lines).encode()


def _csv(outcome: Outcome, form: FileFormat, header: bool) -> bytes:
    return csv_content(outcome, form, csv_dialect(form), header)


def _parquet_compression(form: FileFormat) -> str:
    """Return the value of COMPRESSION, or what the older SNAPPY_COMPRESSION means."""
    return str(form.get("COMPRESSION", "AUTO" if form.get("SNAPPY_COMPRESSION", True) else "NONE"))


def _parquet(outcome: Outcome, form: FileFormat, header: bool) -> bytes:
    table = outcome.table
    if not header:
        table = table.rename_columns([f"_COL_{i}" for i in range(table.num_columns)])
    sink = pa.BufferOutputStream()
    wanted = _parquet_compression(form)
    if wanted in ("LZO", "BZ2", "DEFLATE", "RAW_DEFLATE"):
        raise unsupported(f"COMPRESSION = {wanted} when unloading Parquet")
    pq.write_table(table, sink, compression="snappy" if wanted == "AUTO" else wanted.lower())
    return bytes(sink.getvalue())


_CONTENT = {"CSV": _csv, "JSON": _json_lines, "PARQUET": _parquet}
