"""Write outcomes and errors as the JSON that Snowflake's clients read.

Queries travel as Arrow (base64), so that fetch_pandas_all works; DML counts as JSON rows, because clients read them there.
"""

from __future__ import annotations

import datetime as dt
from base64 import b64encode
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from fakesnow.statement_type import DML_TYPE_IDS, INSERT

from local_stack.endpoint.outcome import ColumnInfo, Outcome
from local_stack.endpoint.protocol.variant_text import variant_text
from local_stack.endpoint.statements import SqlError

# The integers in which NUMBERs of so many digits travel; pandas then has columns of these types.
_WIDTHS = ((2, pa.int8()), (4, pa.int16()), (9, pa.int32()))
_COUNTS = {
    "number of rows inserted": "numRowsInserted",
    "number of rows updated": "numRowsUpdated",
    "number of rows deleted": "numRowsDeleted",
    "number of multi-joined rows updated": "numDmlDuplicates",
}
_UTC_MINUTES = 1440  # how the offset of a TIMESTAMP_TZ is written: minutes from UTC, a day added


def success(outcome: Outcome, database: str | None, schema: str | None, parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the response to a statement that succeeded."""
    if outcome.transfer is not None:
        return {
            "data": {**outcome.transfer, "queryId": outcome.query_id},
            "success": True,
            "code": None,
            "message": None,
        }
    outcome = outcome.with_texts(variant_text)
    if outcome.is_text or outcome.statement_type_id in DML_TYPE_IDS:
        body: dict[str, Any] = {"queryResultFormat": "json", "rowset": rowset(outcome)}
    else:
        body = {"queryResultFormat": "arrow", "rowsetBase64": arrow_base64(outcome, parameters.get("TIMEZONE", "UTC"))}
    return {
        "data": {
            "parameters": [{"name": name, "value": value} for name, value in parameters.items()],
            "rowtype": [column.as_wire() for column in outcome.columns],
            "total": outcome.table.num_rows,
            "returned": outcome.table.num_rows,
            "queryId": outcome.query_id,
            "statementTypeId": outcome.statement_type_id,
            "numberOfBinds": 0,
            "arrayBindSupported": outcome.statement_type_id == INSERT,
            "finalDatabaseName": database,
            "finalSchemaName": schema,
            **_stats(outcome),
            **body,
        },
        "success": True,
        "code": None,
        "message": None,
    }


def _stats(outcome: Outcome) -> dict[str, Any]:
    """Return what the connector's `cursor.stats` tells of rows that a statement has written."""
    counts = dict.fromkeys(_COUNTS.values(), 0)
    if outcome.inserted is not None:
        return {"stats": {**counts, "numRowsInserted": outcome.inserted}}
    if outcome.statement_type_id not in DML_TYPE_IDS or outcome.table.num_rows != 1:
        return {}
    for column, values in zip(outcome.columns, outcome.table.columns, strict=True):
        if column.name in _COUNTS:
            counts[_COUNTS[column.name]] = int(values[0].as_py())
    return {"stats": counts}


def described(outcome: Outcome, binds: int, database: str | None, schema: str | None) -> dict[str, Any]:
    """Return the response to describeOnly: columns without rows."""
    response = success(outcome, database, schema, {})
    response["data"].update({"total": 0, "returned": 0, "numberOfBinds": binds})
    if response["data"]["queryResultFormat"] == "json":
        response["data"]["rowset"] = []
    else:
        response["data"]["rowsetBase64"] = ""
    return response


def submitted(query_id: str) -> dict[str, Any]:
    """Return the response to a request that the client does not wait for."""
    return {"data": {"queryId": query_id}, "success": True, "code": "333334", "message": None}


def in_progress(query_id: str) -> dict[str, Any]:
    """Return the response to a request whose statement still runs: where to ask for its result."""
    data = {"queryId": query_id, "getResultUrl": f"/queries/{query_id}/result", "queryAbortsAfterSecs": 0}
    return {"data": data, "success": True, "code": "333333", "message": None}


def failure(error: SqlError, query_id: str) -> dict[str, Any]:
    """Return the response to a statement that failed: the client raises ProgrammingError with errno and SQL state."""
    code = f"{error.errno:06d}"
    return {
        "data": {"errorCode": code, "sqlState": error.sqlstate, "queryId": query_id, "internalError": False},
        "code": code,
        "message": error.message,
        "success": False,
    }


def rowset(outcome: Outcome) -> list[list[str | None]]:
    """Return rows as JSON strings, in the formats of the connector's JSON converters."""
    kinds = [column.type for column in outcome.columns]
    return [[_text(value, kind) for value, kind in zip(row, kinds, strict=True)] for row in outcome.rows()]


def _text(value: Any, kind: str) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return "1" if value else "0"
        case dt.datetime():
            seconds = (
                Decimal((value.replace(tzinfo=None) - dt.datetime(1970, 1, 1)) // dt.timedelta(microseconds=1)) / 10**6
            )
            return f"{seconds:.9f}" + (" 1440" if kind == "TIMESTAMP_TZ" else "")
        case dt.date():
            return str((value - dt.date(1970, 1, 1)).days)
        case dt.time():
            return f"{(value.hour * 60 + value.minute) * 60 + value.second}.{value.microsecond * 1000:09d}"
        case bytes():
            return value.hex().upper()
    return str(value)


def arrow_base64(outcome: Outcome, zone: str = "UTC") -> str:
    """Return the table as an Arrow stream with the metadata the connector's iterator needs. zone: the session's."""
    described = zip(outcome.table.columns, outcome.columns, strict=True)
    arrays = [_wire_array(array, column, zone) for array, column in described]
    fields = [_field(column, array) for column, array in zip(outcome.columns, arrays, strict=True)]
    table = pa.Table.from_arrays(arrays, schema=pa.schema(fields))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return b64encode(sink.getvalue()).decode()


def _field(column: ColumnInfo, array: Any) -> pa.Field:
    metadata = {
        "logicalType": column.type,
        "precision": str(column.precision or (38 if column.type == "FIXED" else 0)),
        "scale": str(column.scale or 0),
        "charLength": str(column.length or 0),
    }
    return pa.field(column.name, array.type, nullable=True, metadata=metadata)


def _wire_array(array: pa.ChunkedArray, column: ColumnInfo, zone: str) -> Any:
    kind = column.type
    if kind == "FIXED" and pa.types.is_int64(array.type):
        return array.cast(next((width for digits, width in _WIDTHS if (column.precision or 38) <= digits), pa.int64()))
    if pa.types.is_timestamp(array.type):
        return _timestamp(array.combine_chunks(), zone if kind == "TIMESTAMP_TZ" else None)
    if pa.types.is_time(array.type):
        return pc.multiply(array.cast(pa.int64()), 1000)
    return array


def _timestamp(array: Any, zone: str | None) -> pa.StructArray:
    """Return seconds since the epoch and nanoseconds within the second; also right before 1970.

    For a TIMESTAMP_TZ also its offset, 1440 minutes for UTC. The offset is that of the session's zone.
    """
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    micros = array.cast(pa.int64())
    epoch = pc.floor(pc.divide(pc.subtract(micros, _remainder(micros)), 1_000_000)).cast(pa.int64())
    fraction = pc.multiply(_remainder(micros), 1000).cast(pa.int32())
    parts = {"epoch": epoch, "fraction": fraction}
    if zone is not None:
        local = pc.local_timestamp(array.cast(pa.timestamp("us", zone))).cast(pa.int64())
        minutes = pc.divide(pc.subtract(local, micros), 60_000_000)
        parts["timezone"] = pc.add(minutes, _UTC_MINUTES).cast(pa.int32())
    fields = [pa.field(name, part.type) for name, part in parts.items()]
    return pa.StructArray.from_arrays(list(parts.values()), fields=fields, mask=pc.is_null(array))


def _remainder(micros: Any) -> Any:
    """Return micros mod one second, never negative."""
    truncated = pc.multiply(pc.divide(micros, 1_000_000), 1_000_000)
    rest = pc.subtract(micros, truncated)
    return pc.if_else(pc.less(rest, 0), pc.add(rest, 1_000_000), rest)
