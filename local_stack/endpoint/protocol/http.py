"""The HTTP side: Snowflake's login, session and query endpoints on the loopback interface."""

from __future__ import annotations

import contextlib
import errno
import gzip
import json
import logging
import os
import re
import socket
import sys
import time
import uuid
import warnings
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio.to_thread
import uvicorn
from fakesnow.transforms import SERVER_VERSION
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from local_stack.endpoint.chain import Chain, build_extensions
from local_stack.endpoint.engine import bindings
from local_stack.endpoint.engine.engine import Engine
from local_stack.endpoint.errors import as_sql_error
from local_stack.endpoint.features.tables import retention
from local_stack.endpoint.language.text import count_placeholders
from local_stack.endpoint.outcome import Outcome
from local_stack.endpoint.protocol import multi_statements, wire
from local_stack.endpoint.session import Session, Sessions
from local_stack.endpoint.statements import SqlError, Statement
from local_stack.errors import PORT_TAKEN

log = logging.getLogger("local_stack.endpoint")

# Every CALL under way keeps a thread while its handler's own statements need others.
_THREADS = 200
_VALIDITY_SECONDS = 14_400
_LOGGED_CHARACTERS = 200
_VALUE = re.compile(r"'[^']*('|$)|\$\$.*", re.DOTALL)
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


async def _body(request: Request) -> dict[str, Any]:
    raw = await request.body()
    if request.headers.get("Content-Encoding") == "gzip":
        raw = gzip.decompress(raw)
    return dict(json.loads(raw)) if raw else {}


def _token(request: Request) -> str:
    """The token of `Authorization: Snowflake Token="…"`."""
    return request.headers.get("Authorization", "").partition('"')[2].rstrip('"')


class Endpoint:
    """The routes over one engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._extensions = build_extensions()
        self.sessions = Sessions(engine, Chain(self._extensions))

    def application(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/health", self.health),
                Route("/session/v1/login-request", self.login, methods=["POST"]),
                Route("/session/token-request", self.renew, methods=["POST"]),
                Route("/session/heartbeat", self.heartbeat, methods=["POST"]),
                Route("/session", self.session, methods=["POST"]),
                Route("/queries/v1/query-request", self.query, methods=["POST"]),
                Route("/queries/v1/abort-request", self.abort, methods=["POST"]),
                Route("/queries/{query_id}/result", self.result),
                Route("/monitoring/queries/{query_id}", self.monitor),
                Route("/telemetry/send", self.telemetry, methods=["POST"]),
            ],
            lifespan=self._lifespan,
        )

    @contextlib.asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = _THREADS
        retention.purge(self.engine)
        for extension in self._extensions:
            if start := getattr(extension, "start", None):
                start(self.sessions)
        yield
        for extension in reversed(self._extensions):
            if stop := getattr(extension, "stop", None):
                stop()
        self.sessions.close_all()
        self.engine.close()

    async def health(self, _: Request) -> JSONResponse:
        return JSONResponse({"status": "ok", "pid": os.getpid()})

    async def login(self, request: Request) -> JSONResponse:
        data = (await _body(request)).get("data", {})
        query = request.query_params
        parameters = {str(k).upper(): v for k, v in (data.get("SESSION_PARAMETERS") or {}).items()}
        try:
            session = await run_in_threadpool(
                self.sessions.open,
                query.get("databaseName"),
                query.get("schemaName"),
                user=str(data.get("LOGIN_NAME") or "LOCAL").upper(),
                role=str(query.get("roleName") or "SYSADMIN").upper(),
                warehouse=(query.get("warehouse") or "").upper() or None,
                parameters=parameters,
            )
        except Exception as error:
            return JSONResponse(wire.failure(as_sql_error(error), str(uuid.uuid4())))
        return JSONResponse({"data": _login_data(session), "success": True, "code": None, "message": None})

    async def renew(self, request: Request) -> JSONResponse:
        """A renewed token is the same token: sessions do not expire while the endpoint runs."""
        try:
            session = self.sessions.get(_token(request))
        except SqlError as error:
            return JSONResponse(wire.failure(error, str(uuid.uuid4())))
        data = {
            "sessionToken": session.token,
            "validityInSecondsST": _VALIDITY_SECONDS,
            "masterToken": session.master_token,
            "validityInSecondsMT": _VALIDITY_SECONDS,
            "sessionId": 1,
        }
        return JSONResponse({"data": data, "success": True, "code": None, "message": None})

    async def heartbeat(self, request: Request) -> JSONResponse:
        return await self.session(request)

    async def session(self, request: Request) -> JSONResponse:
        try:
            session = self.sessions.get(_token(request))
            if request.query_params.get("delete"):
                await run_in_threadpool(self.sessions.close, session.token)
        except SqlError as error:
            return JSONResponse(wire.failure(error, str(uuid.uuid4())))
        return JSONResponse({"data": None, "code": None, "message": None, "success": True})

    async def query(self, request: Request) -> JSONResponse:
        body = await _body(request)
        try:
            session = self.sessions.get(_token(request))
        except SqlError as error:
            return JSONResponse(wire.failure(error, str(uuid.uuid4())))
        return JSONResponse(await run_in_threadpool(_answer, session, body))

    async def abort(self, _: Request) -> JSONResponse:
        """Statements run to their end: there is nothing to cancel by the time a client asks."""
        return JSONResponse({"success": True, "data": None, "code": None, "message": None})

    async def telemetry(self, _: Request) -> JSONResponse:
        """Clients' telemetry is accepted and dropped."""
        return JSONResponse({"success": True, "data": "Log Received", "code": None, "message": None})

    async def result(self, request: Request) -> JSONResponse:
        """The outcome of an earlier request, or of one of its statements."""
        query_id = request.path_params["query_id"]
        try:
            session = self.sessions.get(_token(request))
        except SqlError as error:
            return JSONResponse(wire.failure(error, query_id))
        if failed := _failures(session).get(query_id):
            return JSONResponse(wire.failure(failed, query_id))
        if query_id not in session.results:
            unknown = SqlError(f"The result of statement {query_id} is not available.", 709, "02000")
            return JSONResponse(wire.failure(unknown, query_id))
        return JSONResponse(await run_in_threadpool(_success, session, session.results[query_id]))

    async def monitor(self, request: Request) -> JSONResponse:
        """How a request went that the client did not wait for."""
        session = self.sessions.get(_token(request))
        query_id = request.path_params["query_id"]
        queries: list[dict[str, str]] = []
        if failed := _failures(session).get(query_id):
            error = {"errorCode": f"{failed.errno:06d}", "errorMessage": failed.message}
            queries.append({"id": query_id, "status": "FAILED_WITH_ERROR", **error})
        elif query_id in session.results:
            queries.append({"id": query_id, "status": "SUCCESS"})
        return JSONResponse({"data": {"queries": queries}, "success": True})


def _login_data(session: Session) -> dict[str, Any]:
    return {
        "token": session.token,
        "masterToken": session.master_token,
        "validityInSeconds": _VALIDITY_SECONDS,
        "masterValidityInSeconds": _VALIDITY_SECONDS,
        "sessionId": 1,
        "displayUserName": session.user,
        "serverVersion": SERVER_VERSION,
        "parameters": [
            {"name": "AUTOCOMMIT", "value": session.transaction.autocommit},
            {"name": "TIMEZONE", "value": session.parameters.get("TIMEZONE", "Etc/UTC")},
            {"name": "CLIENT_SESSION_KEEP_ALIVE_HEARTBEAT_FREQUENCY", "value": 3600},
            # 0: array binds come inline, not through a stage.
            {"name": "CLIENT_STAGE_ARRAY_BINDING_THRESHOLD", "value": 0},
            {"name": "CLIENT_TELEMETRY_ENABLED", "value": False},
        ],
        "sessionInfo": {
            "databaseName": session.database,
            "schemaName": session.schema,
            "warehouseName": session.warehouse,
            "roleName": session.role,
        },
    }


def _answer(session: Session, body: dict[str, Any]) -> dict[str, Any]:
    """The response to one query request; the log says how long it took (see benchmarks/statements.py)."""
    text, began = str(body.get("sqlText", "")).strip(), time.perf_counter()
    try:
        return _respond(session, body, text)
    finally:
        milliseconds = (time.perf_counter() - began) * 1000
        log.info("session %s, %.1f ms: %s", session.number, milliseconds, _head(text))


def _head(text: str) -> str:
    """Return a statement's beginning on one line, without its values: one may be a password."""
    return " ".join(_VALUE.sub("'…'", text[:_LOGGED_CHARACTERS]).split())


def _respond(session: Session, body: dict[str, Any], text: str) -> dict[str, Any]:
    try:
        binds, batch = bindings.from_wire(body.get("bindings"))
        parameters = {str(k).upper(): str(v) for k, v in (body.get("parameters") or {}).items()}
        statement = Statement(text, binds, bool(body.get("describeOnly")), parameters)
        count = multi_statements.wanted_count(statement, session)
        if count == 1 or statement.describe_only:
            outcome = session.run(statement, batch)
        else:
            outcome = multi_statements.run_all(statement, session, count)
    except Exception as error:
        query_id = str(uuid.uuid4())
        failure = as_sql_error(error)
        log.info("%s failed: %s", query_id, failure.message)
        if body.get("asyncExec"):  # the client asks later how it went
            _failures(session)[query_id] = failure
            return wire.submitted(query_id)
        return wire.failure(failure, query_id)
    if statement.describe_only:
        return wire.described(outcome, count_placeholders(text), session.database, session.schema)
    if body.get("asyncExec"):
        return wire.submitted(outcome.query_id)
    return _success(session, outcome)


def _success(session: Session, outcome: Outcome) -> dict[str, Any]:
    response = wire.success(
        outcome, session.database, session.schema, {"TIMEZONE": session.parameters.get("TIMEZONE", "Etc/UTC")}
    )
    if ids := multi_statements.result_ids(session, outcome.query_id):
        response["data"]["resultIds"] = ",".join(ids)
    return response


def _failures(session: Session) -> dict[str, SqlError]:
    """The errors of statements that the client did not wait for, by query id."""
    failures: dict[str, SqlError] = session.attributes.setdefault("failures", {})
    return failures


def serve(data_dir: Path, s3_root: Path, host: str = "127.0.0.1", port: int = 0) -> None:
    """Serve until stopped (SIGINT, SIGTERM). Refuses any address that is not loopback: there is no authentication.

    Ends the process with code PORT_TAKEN when another has the port.
    """
    if host not in _LOOPBACK:
        raise ValueError(f"the local endpoint serves loopback only, not {host}")
    warnings.filterwarnings("ignore", message="Arrow output on a DB-API result")
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's algorithm off only on sockets whose protocol is given: 40 ms per answer otherwise
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen()  # two may bind the address; one may listen there
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            log.error("port %s on %s is taken by another program", port, host)
            sys.exit(PORT_TAKEN)
        engine = Engine(data_dir, s3_root)
        engine.address = (host, int(listener.getsockname()[1]))
        config = uvicorn.Config(
            Endpoint(engine).application(), log_level="warning", timeout_graceful_shutdown=5, lifespan="on"
        )
        log.info("serving %s on http://%s:%s", data_dir, *engine.address)
        uvicorn.Server(config).run(sockets=[listener])
