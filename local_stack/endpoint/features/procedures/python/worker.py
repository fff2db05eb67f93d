"""Run handlers in a process of their own. It is started as `python -I worker.py <socket>`, outside of our package.

It imports the connector and Snowpark once and then forks one process per call, so that a call starts in milliseconds.
A handler sees Python's own modules, the installed packages and its procedure's IMPORTS: not the checkout that the endpoint
runs from. It has a Snowpark session on its caller's Snowflake session (the same token), no network beyond what its
external access integrations allow, and dies with the connection to the endpoint.

Protocol: one JSON line in (see `CallRequest` in workers.py), one JSON line out.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import importlib
import importlib.util
import json
import linecache
import os
import select
import signal
import socket
import sys
import sysconfig
import threading
import traceback
import types
from decimal import Decimal
from pathlib import Path
from typing import Any

_INLINE_FILE = "_udf_code.py"


def _sibling(name: str) -> Any:
    """Return a module beside this file."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    if spec is None or spec.loader is None:
        raise ImportError(name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_SANDBOX = _sibling("sandbox")
_FUNCTIONS = _sibling("function_calls")
_GATE = _sibling("import_gate")
_TELEMETRY = _sibling("telemetry")


def decode(value: Any) -> Any:
    """Return an argument from its JSON form: plain JSON, or {"$type": value} for what JSON lacks."""
    if not (isinstance(value, dict) and len(value) == 1):
        return value
    ((kind, text),) = value.items()
    match kind:
        case "$decimal":
            return Decimal(text)
        case "$date":
            return dt.date.fromisoformat(text)
        case "$time":
            return dt.time.fromisoformat(text)
        case "$timestamp":
            return dt.datetime.fromisoformat(text)
        case "$bytes":
            return bytes.fromhex(text)
        case "$json":
            return json.loads(text)
    return value


def encode(value: Any, family: str) -> str | None:
    """Return a handler's return value as text, by the family of the declared type. Raises TypeError or ValueError."""
    if hasattr(value, "item") and type(value).__module__ == "numpy":
        value = value.item()
    if value is None:
        return None
    match family:
        case "VARIANT" | "OBJECT" | "ARRAY":
            if family == "OBJECT" and not isinstance(value, dict):
                raise TypeError(f"Expected a dict for OBJECT, got {type(value).__name__}")
            if family == "ARRAY" and not isinstance(value, list | tuple):
                raise TypeError(f"Expected a list for ARRAY, got {type(value).__name__}")
            return json.dumps(value, indent=2, default=_json_value, ensure_ascii=False)
        case "NUMBER":
            if isinstance(value, str | bool | int | float | Decimal):
                return str(Decimal(str(int(value) if isinstance(value, bool) else value)))
            raise TypeError(f"Expected a number, got {type(value).__name__}")
        case "FLOAT":
            return repr(float(value))
        case "BOOLEAN":
            if not isinstance(value, bool | int):
                raise TypeError(f"Expected a bool, got {type(value).__name__}")
            return str(bool(value)).lower()
        case "DATE" | "TIME" | "TIMESTAMP_NTZ" | "TIMESTAMP_LTZ" | "TIMESTAMP_TZ":
            return value if isinstance(value, str) else str(value.isoformat())
        case "BINARY":
            return bytes(value).hex()
    return str(value)


def _json_value(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dt.date | dt.time):
        return str(value)
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    if hasattr(value, "as_dict"):  # snowflake.snowpark.Row
        return value.as_dict()
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _open_session(target: dict[str, Any]) -> Any:
    """Return a Snowpark session over the caller's own Snowflake session."""
    import snowflake.connector
    from snowflake.snowpark import Session

    # How Snowpark knows that it is inside a procedure.
    setattr(importlib.import_module("snowflake.snowpark._internal.utils"), "PLATFORM", "XP")  # noqa: B010
    connection = snowflake.connector.connect(
        account="local",
        protocol="http",
        host=target["host"],
        port=target["port"],
        user=target["user"],
        session_token=target["token"],
        master_token=target["master_token"],
        database=target["database"],
        schema=target["schema"],
        role=target["role"],
        warehouse=target["warehouse"],
        server_session_keep_alive=True,
        paramstyle="qmark",
    )
    setattr(connection, "_file_operation_parser", _SANDBOX.StageFiles(connection))  # noqa: B010
    setattr(connection, "_stream_downloader", _SANDBOX.StageStreams(connection))  # noqa: B010
    _SANDBOX.refuse_transfers()
    return Session.builder.configs({"connection": connection}).create()


def _load_handler(request: dict[str, Any]) -> Any:
    """Return the handler's function, from inline code or from the imports."""
    sys.path[:] = [*request["imports"], *sys.path]
    sys._xoptions["snowflake_import_directory"] = request["folder"] + "/"
    module_name, _, function = request["handler"].rpartition(".")
    if request["code"] is None:
        return getattr(importlib.import_module(module_name), function)
    module = types.ModuleType("_udf_code")
    module.__file__ = _INLINE_FILE
    sys.modules["_udf_code"] = module
    code = request["code"]
    linecache.cache[_INLINE_FILE] = (len(code), None, code.splitlines(keepends=True), _INLINE_FILE)
    exec(compile(code, _INLINE_FILE, "exec"), module.__dict__)
    return getattr(module, function)


def _traceback(error: BaseException) -> str:
    """Return the traceback without this file's own frames."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename in (__file__, _FUNCTIONS.__file__):
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace)).rstrip()


def _prepare(request: dict[str, Any]) -> Any:
    """Close the sandbox around this process and load the handler."""
    target = request["target"]
    _SANDBOX.install_secrets(request["secrets"])
    _SANDBOX.Network((target["host"], target["port"]) if target else None, request["allowed_hosts"]).install()
    _GATE.install(_GATE.INSTALLED, request["packages"])
    return _load_handler(request)


def call(request: dict[str, Any]) -> dict[str, Any]:
    """Run one handler. events: what it logged and traced; the rest: see _call."""
    recorder = _TELEMETRY.install(request["levels"])
    answer = _call(request)
    return {**answer, "events": recorder.ended("error" in answer)}


def _call(request: dict[str, Any]) -> dict[str, Any]:
    """Run one handler. {"value": text or None}, {"query_id", "columns"} or {"rows"} for a table, or {"error": traceback}."""
    try:
        handler = _prepare(request)
        if request["kind"] == "table_function":
            partitions = [[[decode(value) for value in row] for row in rows] for rows in request["arguments"]]
            return dict(_FUNCTIONS.run_table(handler, partitions, request["names"], request["columns"], encode))
        arguments = [decode(argument) for argument in request["arguments"]]
        session = _open_session(request["target"])
        value = handler(session, *arguments)
        if request["returns"] == "TABLE":
            return _table(session, value)
        return {"value": encode(value, request["returns"])}
    except BaseException as error:
        return {"error": _traceback(error)}


def _broken(error: BaseException) -> Any:
    """Return a handler that fails as its code did when it was loaded."""

    def fail(*_: Any) -> Any:
        raise error

    return fail


def _serve_function(connection: socket.socket, reader: Any, request: dict[str, Any]) -> None:
    try:
        handler = _prepare(request)
    except BaseException as error:
        handler = _broken(error)
    _FUNCTIONS.serve_batches(connection, reader, handler, request, encode, _traceback)


def _table(session: Any, value: Any) -> dict[str, Any]:
    """Run the returned DataFrame; its rows stay in the endpoint, under a query id."""
    from snowflake.snowpark import DataFrame

    if type(value).__module__.startswith("pandas"):
        value = session.create_dataframe(value)
    if not isinstance(value, DataFrame):
        raise TypeError(f"Expected a Snowpark DataFrame for RETURNS TABLE, got {type(value).__name__}")
    cursor = session.connection.cursor()
    for query in value._plan.queries:
        cursor.execute(query.sql, params=query.params)
    return {"query_id": cursor.sfqid, "columns": [column.name for column in cursor.description]}


def _die_with(connection: socket.socket) -> None:
    """End with the handler's caller, when the endpoint is gone or no longer waits for the answer."""
    with contextlib.suppress(OSError):
        connection.recv(1)
    os._exit(1)


def _serve(connection: socket.socket) -> None:
    reader = connection.makefile("rb")
    request = json.loads(reader.readline())
    os.chdir(request["folder"])
    if request["kind"] == "function":
        _serve_function(connection, reader, request)
        return
    threading.Thread(target=_die_with, args=(connection,), daemon=True).start()
    answer = json.dumps(call(request)).encode() + b"\n"
    connection.sendall(answer)
    connection.shutdown(socket.SHUT_WR)


def _clean_path() -> None:
    """Keep Python's own modules and the installed packages in sys.path, nothing else."""
    allowed = [os.path.realpath(p) for p in sysconfig.get_paths().values()]
    sys.path[:] = [p for p in sys.path if p and any(os.path.realpath(p).startswith(a) for a in allowed)] + [
        p for p in sys.path if p.endswith((".zip", "lib-dynload"))
    ]


def main(path: str) -> None:
    """Serve calls until standard input closes: the endpoint has ended."""
    _clean_path()
    with contextlib.suppress(ImportError):
        import jsonschema  # noqa: F401  # what a load checks manifests by takes longer to import than to use
    import pandas  # noqa: F401
    import snowflake.connector.cursor
    import snowflake.snowpark  # noqa: F401

    _GATE.INSTALLED = _GATE.Installed()
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(128)
    while True:
        ready, _, _ = select.select([listener, sys.stdin], [], [])
        if sys.stdin in ready:
            os._exit(0)
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            with Path(os.devnull).open() as nothing:
                os.dup2(nothing.fileno(), 0)
            try:
                _serve(connection)
            finally:
                os._exit(0)
        connection.close()


if __name__ == "__main__":
    main(sys.argv[1])
