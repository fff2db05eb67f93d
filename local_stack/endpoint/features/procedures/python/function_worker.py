"""Run Python functions in queries: DuckDB calls a wrapper with columns, and a worker process runs the handler on their rows."""

from __future__ import annotations

import hashlib
import inspect
import json
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from local_stack.endpoint.engine.native.marks import plain_text
from local_stack.endpoint.features.procedures.definition import Routine
from local_stack.endpoint.features.procedures.python import access
from local_stack.endpoint.features.procedures.python.workers import CallRequest, WorkerProcess
from local_stack.endpoint.features.procedures.registry import FoundRoutine
from local_stack.endpoint.language.types import SqlType, parse_type
from local_stack.endpoint.session import Session

_DUCKDB_TYPES = {
    "FLOAT": "DOUBLE",
    "BOOLEAN": "BOOLEAN",
    "DATE": "DATE",
    "TIME": "TIME",
    "TIMESTAMP_NTZ": "TIMESTAMP",
    "TIMESTAMP_LTZ": "TIMESTAMPTZ",
    "TIMESTAMP_TZ": "TIMESTAMPTZ",
    "BINARY": "BLOB",
}


def duckdb_type(kind: SqlType) -> str:
    """Return what DuckDB hands to the handler: semi-structured values as JSON text."""
    if kind.family == "NUMBER":
        return f"DECIMAL({kind.precision},{kind.scale})"
    return _DUCKDB_TYPES.get(kind.family, "VARCHAR")


class FunctionWorkers:
    """Hold the Python functions that DuckDB knows. Each has a worker of its own, which starts on first use."""

    def __init__(self, workers: WorkerProcess) -> None:
        self._workers = workers
        self._running: dict[str, _FunctionWorker] = {}
        self._lock = threading.Lock()
        # DuckDB's connection object owns the Python function: it must live as long as any statement may call it.
        self._owner: duckdb.DuckDBPyConnection | None = None

    def ensure(self, found: FoundRoutine, session: Session) -> str:
        """Make a function known; its name in DuckDB, which depends on its definition."""
        document = json.dumps([found.database, found.schema, found.routine.to_document()], sort_keys=True)
        name = "_udf_" + hashlib.sha256(document.encode()).hexdigest()[:24]
        with self._lock:
            if name not in self._running:
                worker = _FunctionWorker(found.routine, session, self._workers)
                self._owner = self._owner or session.engine.duck_conn.cursor()
                _register(self._owner, name, found.routine, worker.run)
                self._running[name] = worker
        return name

    def stop(self) -> None:
        with self._lock:
            for worker in self._running.values():
                worker.stop()
            self._running.clear()


def _register(
    connection: duckdb.DuckDBPyConnection, name: str, routine: Routine, run: Callable[[list[Any]], Any]
) -> None:
    kinds = [duckdb_type(p.sql_type) for p in routine.parameters] or ["BOOLEAN"]

    def wrapper(*columns: Any) -> Any:
        return run([column.combine_chunks() for column in columns])

    parameters = [inspect.Parameter(f"a{i}", inspect.Parameter.POSITIONAL_ONLY) for i in range(len(kinds))]
    wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    connection.create_function(
        name, wrapper, kinds, "VARCHAR", type="arrow", null_handling="special", side_effects=True
    )  # type: ignore[call-overload]


class _FunctionWorker:
    def __init__(self, routine: Routine, session: Session, workers: WorkerProcess) -> None:
        self._workers = workers
        self._folder = Path(tempfile.mkdtemp(prefix="function-"))
        imports = access.place_imports(routine, self._folder, session)
        self._routine = routine
        self._request = request(routine, str(self._folder), imports, session, "function")
        self._lock = threading.Lock()
        self._connection: socket.socket | None = None

    def run(self, columns: list[Any]) -> pa.Array:
        """Return the handler's values, as text, for columns of equal length. Raises RuntimeError with the traceback."""
        count = len(columns[0])
        kinds = [parameter.sql_type for parameter in self._routine.parameters]
        for position, kind in enumerate(kinds):
            if kind.is_semi_structured:
                texts = [text if text is None else plain_text(text) for text in columns[position].to_pylist()]
                columns[position] = pa.array(texts, pa.string())
        table = pa.Table.from_arrays(columns, names=[str(i) for i in range(len(columns))])
        if not self._routine.parameters:
            table = table.select([])
        with self._lock:
            try:
                status, payload = self._exchange(count, _to_stream(table))
            except OSError:
                self._connection = None  # the worker died: a new one tries once more
                status, payload = self._exchange(count, _to_stream(table))
        if status == b"E":
            trace = payload.decode()
            raise RuntimeError(
                f"Python Interpreter Error:\n{trace}\n in function {self._routine.name} with handler {self._routine.handler}"
            )
        return pa.ipc.open_stream(payload).read_all().column(0).combine_chunks()

    def _exchange(self, count: int, stream: bytes) -> tuple[bytes, bytes]:
        if self._connection is None:
            self._connection = self._workers.connect()
            self._connection.sendall(json.dumps(asdict(self._request)).encode() + b"\n")
        self._connection.sendall(count.to_bytes(8, "big") + len(stream).to_bytes(8, "big") + stream)
        head = _read(self._connection, 9)
        return head[:1], _read(self._connection, int.from_bytes(head[1:], "big"))

    def stop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _to_stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _read(connection: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        chunk = connection.recv(min(1 << 20, size - len(data)))
        if not chunk:
            raise ConnectionError("the function's worker ended")
        data += chunk
    return bytes(data)


def request(routine: Routine, folder: str, imports: list[str], session: Session, kind: str) -> CallRequest:
    """Return the request for a function's handler: no Snowflake session, the same sandbox."""
    return CallRequest(
        target=None,
        handler=routine.handler,
        code=routine.body,
        imports=imports,
        folder=folder,
        arguments=[p.sql_type.family for p in routine.parameters],
        returns=parse_type(routine.returns).family if routine.returns else "TABLE",
        secrets=access.secret_values(routine, session),
        allowed_hosts=access.allowed_hosts(routine, session),
        packages=list(routine.packages),
        kind=kind,
        strict=routine.strict,
        scales=[p.sql_type.scale for p in routine.parameters],
    )
