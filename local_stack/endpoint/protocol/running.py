"""Take a client's statement from its request to its answer: run in a thread, waited for or asked for later, canceled.

The client that waits hears after 45 seconds that the statement still runs, and where to ask again, as Snowflake's clients
know it. One whose answer got lost sends its request again, under the same id: the statement runs once.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Mapping
from contextvars import copy_context
from typing import Any

from starlette.concurrency import run_in_threadpool

from local_stack.endpoint.engine import bindings, cancellation
from local_stack.endpoint.engine.cancellation import Cancellation
from local_stack.endpoint.errors import as_sql_error
from local_stack.endpoint.features.procedures.frames import frames
from local_stack.endpoint.language.text import count_placeholders
from local_stack.endpoint.outcome import Outcome
from local_stack.endpoint.protocol import multi_statements, wire
from local_stack.endpoint.queries import Query
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import SqlError, Statement

log = logging.getLogger("local_stack.endpoint")

_ANSWER_SECONDS = 45.0
_LOGGED_CHARACTERS = 200
_VALUE = re.compile(r"'[^']*('|$)|\$\$.*", re.DOTALL)
_TIMEOUT = "STATEMENT_TIMEOUT_IN_SECONDS"
# What the parameter's 0 stands for: the longest time that Snowflake allows.
_LONGEST_SECONDS = 604_800

Answer = dict[str, Any]


class Running:
    """Keep the statements under way, each as a task of the event loop."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[Answer]] = {}

    async def submit(self, session: Session, body: dict[str, Any], request_id: str | None) -> Answer:
        """Run a request's statement and answer it, or answer before its end."""
        query = session.queries.by_request(request_id, session.user)
        if query is None:
            query = self._start(session, body, request_id)
        if body.get("asyncExec"):
            return wire.submitted(query.id)
        return await self.answer(session, query)

    async def answer(self, session: Session, query: Query) -> Answer:
        """Wait for a statement, but not for ever."""
        task = self._tasks.get(query.id)
        if task is None:
            return await run_in_threadpool(ended, session, query.id)
        done, _ = await asyncio.wait({task}, timeout=_ANSWER_SECONDS)
        return task.result() if done else wire.in_progress(query.id)

    def _start(self, session: Session, body: dict[str, Any], request_id: str | None) -> Query:
        stack = frames(session)
        query = Query(session.number, session.user, request_id, Cancellation(stack[-1].cancellation if stack else None))
        session.queries.begin(query)
        task = asyncio.create_task(run_in_threadpool(copy_context().run, _run, session, query, body))
        self._tasks[query.id] = task
        seconds = _time_limit(session, body)
        limit = asyncio.get_running_loop().call_later(seconds, query.cancellation.request, _timed_out(seconds))

        def forget(_: asyncio.Task[Answer]) -> None:
            limit.cancel()
            self._tasks.pop(query.id, None)

        task.add_done_callback(forget)
        return query


def _time_limit(session: Session, body: dict[str, Any]) -> int:
    """Return the seconds that a statement may take, by its own parameters or its session's."""
    given = {str(name).upper(): str(value) for name, value in (body.get("parameters") or {}).items()}.get(_TIMEOUT, "")
    return int(given if given.isdigit() else session.parameter(_TIMEOUT)) or _LONGEST_SECONDS


def _timed_out(seconds: int) -> SqlError:
    return SqlError(
        f"Statement reached its statement or warehouse timeout of {seconds} second(s) and was canceled.", 630, "57014"
    )


def ended(session: Session, query_id: str) -> Answer:
    """Answer for a statement that has ended, or for one of several statements of a request."""
    query = session.queries.find(query_id, session.user)
    if query is not None and query.error is not None:
        return wire.failure(query.error, query_id)
    outcome = session.queries.result(query_id, session.user)
    if outcome is None:
        return wire.failure(SqlError(f"The result of statement {query_id} is not available.", 709, "02000"), query_id)
    return _success(session, outcome, query, {})


def _run(session: Session, query: Query, body: dict[str, Any]) -> Answer:
    """Run a statement and make its answer; the log says how long it took (see benchmarks/statements.py)."""
    text, began = str(body.get("sqlText", "")).strip(), time.perf_counter()
    cancellation.current.set(query.cancellation)
    try:
        return _respond(session, query, body, text)
    except Exception as error:
        query.error = as_sql_error(error)
        log.info("%s failed: %s", query.id, query.error.message)
        return wire.failure(query.error, query.id)
    finally:
        query.cancellation.end()
        query.ended.set()
        milliseconds = (time.perf_counter() - began) * 1000
        log.info("session %s, %.1f ms: %s", session.number, milliseconds, _head(text))


def _head(text: str) -> str:
    """Return a statement's beginning on one line, without its values: one may be a password."""
    return " ".join(_VALUE.sub("'…'", text[:_LOGGED_CHARACTERS]).split())


def _respond(session: Session, query: Query, body: dict[str, Any], text: str) -> Answer:
    binds, batch = bindings.from_wire(body.get("bindings"))
    parameters = {str(k).upper(): str(v) for k, v in (body.get("parameters") or {}).items()}
    statement = Statement(text, binds, bool(body.get("describeOnly")), parameters)
    count = multi_statements.wanted_count(statement, session)
    if count == 1 or statement.describe_only:
        outcome = session.run(statement, batch, query.id)
    else:
        query.parts, outcome = multi_statements.run_all(statement, session, count, query.id)
    if statement.describe_only:
        return wire.described(outcome, count_placeholders(text), session.database, session.schema)
    return _success(session, outcome, query, parameters)


def _success(session: Session, outcome: Outcome, query: Query | None, given: Mapping[str, str]) -> Answer:
    told = {"TIMEZONE": session.parameter("TIMEZONE", given)}  # in which the client shows TIMESTAMP_LTZ
    response = wire.success(outcome, session.database, session.schema, told)
    if query is not None and query.parts:
        response["data"]["resultIds"] = ",".join(query.parts)
    return response
