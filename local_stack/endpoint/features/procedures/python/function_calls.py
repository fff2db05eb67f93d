"""Run functions in a worker process: batches of rows for a scalar function, partitions for a table function.

Loaded by worker.py from its file, in a process that cannot import our package.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from decimal import Decimal
from typing import Any

Encode = Callable[[Any, str], str | None]


def serve_batches(
    connection: socket.socket, reader: Any, handler: Any, request: dict[str, Any], encode: Encode, trace: Any
) -> None:
    """Answer batches until the endpoint closes the connection. A batch: row count, size, Arrow stream."""
    import pyarrow as pa

    while head := reader.read(16):
        count, size = int.from_bytes(head[:8], "big"), int.from_bytes(head[8:], "big")
        table = pa.ipc.open_stream(reader.read(size)).read_all()
        try:
            values = [encode(value, request["returns"]) for value in _run(handler, table, count, request)]
            status, payload = b"A", _stream(pa, values)
        except BaseException as error:
            status, payload = b"E", trace(error).encode()
        connection.sendall(status + len(payload).to_bytes(8, "big") + payload)


def _stream(pa: Any, values: list[str | None]) -> bytes:
    table = pa.table({"value": pa.array(values, pa.string())})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _run(handler: Any, table: Any, count: int, request: dict[str, Any]) -> Any:
    columns = [
        [_argument(value, family, scale) for value in table.column(i).to_pylist()]
        for i, (family, scale) in enumerate(zip(request["arguments"], request["scales"], strict=True))
    ]
    if hasattr(handler, "_sf_vectorized_input"):
        return _run_vectorized(handler, columns, count)
    rows = zip(*columns, strict=True) if columns else ((),) * count
    if request["strict"]:
        return [None if any(value is None for value in row) else handler(*row) for row in rows]
    return [handler(*row) for row in rows]


def _run_vectorized(handler: Any, columns: list[list[Any]], count: int) -> list[Any]:
    import pandas

    frame = pandas.DataFrame(dict(enumerate(columns)), index=range(count))
    size = getattr(handler, "_sf_max_batch_size", None) or max(count, 1)
    values: list[Any] = []
    for start in range(0, count, size):
        part = handler(frame.iloc[start : start + size].reset_index(drop=True))
        series = part if isinstance(part, pandas.Series) else pandas.Series(part)
        values.extend(None if pandas.isna(value) is True else value for value in series.tolist())
    return values


def _argument(value: Any, family: str, scale: int) -> Any:
    if value is None:
        return None
    if family == "NUMBER" and scale == 0:
        return int(value)
    if family in ("VARIANT", "OBJECT", "ARRAY"):
        return json.loads(value)
    if isinstance(value, Decimal) and family == "FLOAT":
        return float(value)
    return value


def run_table(
    handler: Any, partitions: list[list[list[Any]]], names: list[str], families: list[str], encode: Encode
) -> dict[str, Any]:
    """Return the rows of a table function: the partition, the row of it (None at its end), then the values as text."""
    rows: list[list[Any]] = []
    for number, given in enumerate(partitions):
        for at, row in _partition_rows(handler(), given, names):
            values = row if isinstance(row, tuple | list) else (row,)
            if len(values) != len(families):
                raise ValueError(f"Expected {len(families)} columns, got {len(values)}")
            rows.append([number, at, *(encode(value, family) for value, family in zip(values, families, strict=True))])
    return {"rows": rows}


def _partition_rows(instance: Any, given: list[list[Any]], names: list[str]) -> Any:
    """Yield the rows of one partition: process for each row or for all at once, then end_partition."""
    process, end = getattr(instance, "process", None), getattr(instance, "end_partition", None)
    if process is not None and hasattr(process, "_sf_vectorized_input"):
        for row, values in enumerate(_frame_rows(process(_frame(given, names)))):
            yield row if row < len(given) else None, values
    elif process is not None:
        for number, arguments in enumerate(given):
            for row in process(*arguments) or ():
                yield number, row
    if end is not None:
        vectorized = hasattr(end, "_sf_vectorized_input")
        for row in _frame_rows(end(_frame(given, names))) if vectorized else end() or ():
            yield None, row


def _frame(given: list[list[Any]], names: list[str]) -> Any:
    import pandas

    return pandas.DataFrame(given, columns=names)


def _frame_rows(frames: Any) -> Any:
    """Yield the rows of a DataFrame, of a tuple of Series, or of several DataFrames."""
    import pandas

    if frames is None:
        return
    if isinstance(frames, tuple) and frames and isinstance(frames[0], pandas.Series):
        frames = pandas.concat(frames, axis=1)
    for frame in [frames] if isinstance(frames, pandas.DataFrame) else frames:
        for row in frame.itertuples(index=False, name=None):
            yield tuple(None if pandas.api.types.is_scalar(v) and pandas.isna(v) else v for v in row)
