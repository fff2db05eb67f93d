"""Serve HTTP: Snowflake's login, session and query endpoints on the loopback interface."""

from __future__ import annotations

import contextlib
import errno
import gc
import gzip
import hashlib
import json
import logging
import os
import socket
import sys
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

from local_stack.endpoint.chain import Chain
from local_stack.endpoint.engine import cancellation
from local_stack.endpoint.engine.authentication import Credentials, require_log_in
from local_stack.endpoint.engine.engine import Engine
from local_stack.endpoint.engine.users import FIRST_USERS_ROLE, SYSTEM_USER
from local_stack.endpoint.errors import as_sql_error
from local_stack.endpoint.features.tables import retention
from local_stack.endpoint.language.text import statements
from local_stack.endpoint.protocol import wire
from local_stack.endpoint.protocol.running import Running, ended
from local_stack.endpoint.session import Session
from local_stack.endpoint.sessions import Sessions
from local_stack.endpoint.statements import SqlError
from local_stack.errors import PORT_TAKEN

log = logging.getLogger("local_stack.endpoint")

# Every CALL under way keeps a thread while its handler's own statements need others.
_THREADS = 200
_VALIDITY_SECONDS = 14_400
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


async def _body(request: Request) -> dict[str, Any]:
    raw = await request.body()
    if request.headers.get("Content-Encoding") == "gzip":
        raw = gzip.decompress(raw)
    return dict(json.loads(raw)) if raw else {}


def _token(request: Request) -> str:
    """Return the token of `Authorization: Snowflake Token="…"`."""
    return request.headers.get("Authorization", "").partition('"')[2].rstrip('"')


class Endpoint:
    """Answer the routes over one engine."""

    def __init__(self, engine: Engine, setup: str = "") -> None:
        """Serve an engine. setup: statements that ACCOUNTADMIN runs before anything is served."""
        self.engine, self._setup = engine, setup
        self._chain = Chain()
        self.sessions = Sessions(engine, self._chain)
        self._running = Running()

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
                Route("/queries/{query_id}/abort-request", self.abort, methods=["POST"]),
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
        self._chain.start(self.sessions)
        self._set_up()
        yield
        self._chain.stop()
        self.sessions.close_all()
        self.engine.close()

    def _set_up(self) -> None:
        """Run the statements of the set-up, unless they have been run on these data already."""
        ran = {"sha256": hashlib.sha256(self._setup.encode()).hexdigest()}
        stored = self.engine.catalog.get("SETUP", "", "", "")
        if not self._setup or (stored is not None and stored.definition == ran):
            return
        session = self.sessions.open(user=SYSTEM_USER, role=FIRST_USERS_ROLE)
        for statement in statements(self._setup):
            session.execute(statement)
        session.end()
        self.engine.catalog.put("SETUP", "", "", "", ran)

    async def health(self, _: Request) -> JSONResponse:
        return JSONResponse({"status": "ok", "pid": os.getpid()})

    async def login(self, request: Request) -> JSONResponse:
        data = (await _body(request)).get("data", {})
        query = request.query_params
        parameters = {str(k).upper(): v for k, v in (data.get("SESSION_PARAMETERS") or {}).items()}
        user = str(data.get("LOGIN_NAME") or "LOCAL").upper()
        given = Credentials(
            authenticator=str(data.get("AUTHENTICATOR") or ""),
            password=str(data.get("PASSWORD") or ""),
            token=str(data.get("TOKEN") or ""),
            address=request.client.host if request.client else "127.0.0.1",
        )
        try:
            require_log_in(self.engine.catalog, user, given)
            session = await run_in_threadpool(
                self.sessions.open,
                query.get("databaseName"),
                query.get("schemaName"),
                user=user,
                role=str(query.get("roleName") or ""),
                warehouse=query.get("warehouse"),
                parameters=parameters,
            )
        except Exception as error:
            return JSONResponse(wire.failure(as_sql_error(error), str(uuid.uuid4())))
        return JSONResponse({"data": _login_data(session), "success": True, "code": None, "message": None})

    async def renew(self, request: Request) -> JSONResponse:
        """Return a renewed token is the same token: sessions do not expire while the endpoint runs."""
        try:
            session = self.sessions.get(_token(request))
        except SqlError as error:
            return JSONResponse(wire.failure(error, str(uuid.uuid4())))
        data = {
            "sessionToken": session.token,
            "validityInSecondsST": _VALIDITY_SECONDS,
            "masterToken": session.master_token,
            "validityInSecondsMT": _VALIDITY_SECONDS,
            "sessionId": int(session.number),
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
        return JSONResponse(await self._running.submit(session, body, request.query_params.get("requestId")))

    async def abort(self, request: Request) -> JSONResponse:
        """Cancel a statement, by the id of its request or its own."""
        try:
            session = self.sessions.get(_token(request))
        except SqlError as error:
            return JSONResponse(wire.failure(error, str(uuid.uuid4())))
        if "query_id" in request.path_params:
            query = session.queries.find(request.path_params["query_id"], session.user)
        else:
            query = session.queries.by_request((await _body(request)).get("requestId"), session.user)
        if query is not None:
            query.cancellation.request(cancellation.canceled())
        return JSONResponse({"success": query is not None, "data": None, "code": None, "message": None})

    async def telemetry(self, _: Request) -> JSONResponse:
        """Accept and drop clients' telemetry."""
        return JSONResponse({"success": True, "data": "Log Received", "code": None, "message": None})

    async def result(self, request: Request) -> JSONResponse:
        """Return the outcome of an earlier request, or of one of its statements; what still runs is waited for."""
        query_id = request.path_params["query_id"]
        try:
            session = self.sessions.get(_token(request))
        except SqlError as error:
            return JSONResponse(wire.failure(error, query_id))
        query = session.queries.find(query_id, session.user)
        if query is not None:
            return JSONResponse(await self._running.answer(session, query))
        return JSONResponse(await run_in_threadpool(ended, session, query_id))

    async def monitor(self, request: Request) -> JSONResponse:
        """Return how a request went that the client did not wait for."""
        query_id = request.path_params["query_id"]
        try:
            session = self.sessions.get(_token(request))
        except SqlError as error:
            return JSONResponse(wire.failure(error, query_id))
        data: dict[str, Any] = {}
        queries: list[dict[str, str]] = []
        if query := session.queries.find(query_id, session.user):
            queries.append({"id": query_id, "status": query.status})
            if query.error is not None:
                queries[0] |= {"errorCode": f"{query.error.errno:06d}", "errorMessage": query.error.message}
                data["sqlState"] = query.error.sqlstate
        elif session.queries.result(query_id, session.user) is not None:
            queries.append({"id": query_id, "status": "SUCCESS"})
        return JSONResponse({"data": {**data, "queries": queries}, "success": True})


def _login_data(session: Session) -> dict[str, Any]:
    return {
        "token": session.token,
        "masterToken": session.master_token,
        "validityInSeconds": _VALIDITY_SECONDS,
        "masterValidityInSeconds": _VALIDITY_SECONDS,
        "sessionId": int(session.number),
        "displayUserName": session.user,
        "serverVersion": SERVER_VERSION,
        "parameters": [
            {"name": "AUTOCOMMIT", "value": session.transaction.autocommit},
            {"name": "TIMEZONE", "value": session.parameter("TIMEZONE")},
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


def _collect_less_often() -> None:
    """Leave what was imported out of the search for cycles, and search a hundredth as often.

    Trees of statements are cycles (a node knows its parent), of some ten thousand nodes each.
    """
    gc.freeze()
    gc.set_threshold(70_000, 20, 20)


def serve(
    data_dir: Path, s3_root: Path, host: str = "127.0.0.1", port: int = 0, *, rights: bool = True, setup: str = ""
) -> None:
    """Serve until stopped (SIGINT, SIGTERM). Refuses any address that is not loopback: there is no authentication.

    rights: whether privileges are enforced. setup: statements that ACCOUNTADMIN runs before.
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
        _collect_less_often()
        engine = Engine(data_dir, s3_root, rights)
        engine.address = (host, int(listener.getsockname()[1]))
        config = uvicorn.Config(
            Endpoint(engine, setup).application(), log_level="warning", timeout_graceful_shutdown=5, lifespan="on"
        )
        log.info("serving %s on http://%s:%s", data_dir, *engine.address)
        uvicorn.Server(config).run(sockets=[listener])
