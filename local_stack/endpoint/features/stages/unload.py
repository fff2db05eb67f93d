"""COPY INTO <location>: a query's rows as CSV, JSON or Parquet files on a stage.

Written beside the target and renamed into place, so that a reader never sees half a file. Not part of a transaction, as
in Snowflake. Without SINGLE one file `<path>data_0_0_0.<ext>` or `<path>_0_0_0.<ext>` is written; with PARTITION BY one file
`<path>/<value>/data_<query id>_0_0_0.<ext>` for each value.
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from local_stack.endpoint.features.stages.copy_statement import CopyInto
from local_stack.endpoint.features.stages.formats import FileFormat, file_format
from local_stack.endpoint.features.stages.location import StageLocation, locate
from local_stack.endpoint.outcome import Outcome
from local_stack.endpoint.statements import Column, Result, SqlError, unsupported

if TYPE_CHECKING:
    from local_stack.endpoint.session import Session

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
        return Result(COLUMNS, [[sum(numbers) for numbers in zip(*written, strict=True)] if written else [0, 0, 0]])
    outcome = session.execute(copy.query or "")
    return Result(COLUMNS, [_unload_one(outcome, None, copy, form, location)])


def _partitions(outcome: Outcome) -> Iterator[tuple[str, Outcome]]:
    """The rows by the value of their first column, which is not unloaded; rows without one go to _NULL_."""
    keys = outcome.table.column(0).to_pylist()
    places: dict[str, list[int]] = {}
    for place, key in enumerate(keys):
        places.setdefault("_NULL_" if key is None else str(key), []).append(place)
    rest = outcome.table.select(range(1, outcome.table.num_columns))
    for folder, chosen in sorted(places.items()):
        yield folder, replace(outcome, columns=outcome.columns[1:], table=rest.take(chosen))


def _unload_one(
    outcome: Outcome, folder: str | None, copy: CopyInto, form: FileFormat, location: StageLocation
) -> list[int]:
    """Write one file; the numbers of the result's row. folder: of the partition, None without PARTITION BY."""
    if form.type == "JSON" and [c.type for c in outcome.columns] not in (["VARIANT"], ["OBJECT"], ["ARRAY"]):
        raise SqlError(
            "SQL compilation error:\nJSON file format can produce one and only one column of type variant, object, or array.",
            2019, "0A000",
        )  # fmt: skip
    content = _CONTENT[form.type](outcome, form, bool(copy.options.get("HEADER", False)))
    packed, extension = _compressed(content, form)
    if not outcome.table.num_rows and not copy.options.get("SINGLE"):
        return [0, 0, 0]
    if folder is None:
        target = _target(location, bool(copy.options.get("SINGLE", False)), extension)
    else:
        prefix = location.prefix if not location.prefix or location.prefix.endswith("/") else location.prefix + "/"
        target = location.file(f"{prefix}{folder}/data_{outcome.query_id}_0_0_0.{extension}").path
    _write(target, packed, copy)
    return [outcome.table.num_rows, len(content), len(packed)]


def _target(location: StageLocation, single: bool, extension: str) -> Path:
    prefix = location.prefix
    if single:
        return location.file(prefix + "data" if not prefix or prefix.endswith("/") else prefix).path
    stem = prefix + "data" if not prefix or prefix.endswith("/") else prefix
    return location.file(f"{stem}_0_0_0.{extension}").path


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
    kind = {"CSV": "csv", "JSON": "json", "PARQUET": "parquet"}[form.type]
    wanted = str(form.get("COMPRESSION", "AUTO")).upper()
    if form.type == "PARQUET":
        return content, "snappy.parquet" if wanted in ("AUTO", "SNAPPY") else "parquet"
    if wanted == "NONE":
        return content, kind
    if wanted in ("AUTO", "GZIP"):
        return gzip.compress(content, mtime=0), f"{kind}.gz"
    raise unsupported(f"COMPRESSION = {wanted} when unloading")


def _json_lines(outcome: Outcome, _: FileFormat, __: bool) -> bytes:
    lines = (json.dumps(json.loads(row[0]), separators=(",", ":")) for row in outcome.rows() if row[0] is not None)
    return "".join(f"{line}\n" for line in lines).encode()


def _csv(outcome: Outcome, form: FileFormat, header: bool) -> bytes:
    enclosed = str(form.get("FIELD_OPTIONALLY_ENCLOSED_BY", "NONE"))
    nulls = form.get("NULL_IF", ["\\N"])
    null_text = str(nulls[0] if isinstance(nulls, list) else nulls) if nulls else ""
    delimiter = str(form.get("FIELD_DELIMITER", ","))
    text = io.StringIO()
    if enclosed.upper() != "NONE":
        writer = csv.writer(
            text, delimiter=delimiter, quotechar=enclosed, lineterminator="\n", quoting=csv.QUOTE_MINIMAL
        )
        if header:
            writer.writerow([c.name for c in outcome.columns])
        writer.writerows([[null_text if v is None else _csv_text(v) for v in row] for row in outcome.rows()])
    else:
        if header:
            text.write(delimiter.join(c.name for c in outcome.columns) + "\n")
        for row in outcome.rows():
            text.write(
                delimiter.join(null_text if v is None else _escaped(_csv_text(v), delimiter) for v in row) + "\n"
            )
    return text.getvalue().encode()


def _escaped(text: str, delimiter: str) -> str:
    """ESCAPE_UNENCLOSED_FIELD's default, the backslash."""
    for special in ("\\", delimiter, "\n"):
        text = text.replace(special, "\\" + special)
    return text


def _csv_text(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case dt.datetime():
            millis = f"{value:%Y-%m-%d %H:%M:%S}.{value.microsecond // 1000:03d}"
            return millis if value.tzinfo is None else f"{millis} Z"
        case bytes():
            return value.hex().upper()
    return str(value)


def _parquet(outcome: Outcome, form: FileFormat, header: bool) -> bytes:
    table = outcome.table
    if not header:
        table = table.rename_columns([f"_COL_{i}" for i in range(table.num_columns)])
    sink = pa.BufferOutputStream()
    wanted = str(form.get("COMPRESSION", "AUTO")).lower()
    pq.write_table(table, sink, compression="snappy" if wanted == "auto" else wanted)
    return bytes(sink.getvalue())


_CONTENT = {"CSV": _csv, "JSON": _json_lines, "PARQUET": _parquet}
