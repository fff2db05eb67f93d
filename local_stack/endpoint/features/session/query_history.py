"""Answer QUERY_HISTORY and its like: the statements since the endpoint's start, the latest 10,000 at most.

See: https://docs.snowflake.com/en/sql-reference/functions/query_history
"""

from __future__ import annotations

import datetime as dt
import re
from functools import partial
from typing import Any

from local_stack.endpoint.engine.grants import ACCOUNT
from local_stack.endpoint.errors import compilation_error
from local_stack.endpoint.features.information_functions import Arguments, Functions, constant, require_known
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.language.subject import QUERY, subject
from local_stack.endpoint.language.tokens import leading_words
from local_stack.endpoint.queries import Execution
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import Column, Result, SqlError

_KEPT = dt.timedelta(days=7)
_SECRET = re.compile(r"\b((?:PASSWORD|SECRET_STRING|OAUTH_CLIENT_SECRET)\s*=\s*)'(?:[^'\\]|\\.|'')*'", re.IGNORECASE)
_RANGE = ("END_TIME_RANGE_START", "END_TIME_RANGE_END", "RESULT_LIMIT", "INCLUDE_CLIENT_GENERATED_STATEMENT")
_NAMES = {"session": "SESSION_ID", "user": "USER_NAME", "warehouse": "WAREHOUSE_NAME"}
_TYPES = {
    "BEGIN": "BEGIN_TRANSACTION", "START": "BEGIN_TRANSACTION", "PUT": "PUT_FILES", "GET": "GET_FILES", "LIST": "LIST_FILES",
    "REMOVE": "REMOVE_FILES", "TRUNCATE": "TRUNCATE_TABLE",
}  # fmt: skip
_KINDS = ("TABLE", "VIEW", "SESSION", "TASK", "USER", "ROLE")
_FILLED = re.compile(r"\bAS\s*\(?\s*(?:SELECT|WITH)\b", re.IGNORECASE)
_UNLOADS = re.compile(r"\s*COPY\s+INTO\s+['@]", re.IGNORECASE)
_TIMES = (
    "COMPILATION_TIME", "EXECUTION_TIME", "QUEUED_PROVISIONING_TIME", "QUEUED_REPAIR_TIME", "QUEUED_OVERLOAD_TIME",
    "TRANSACTION_BLOCKED_TIME",
)  # fmt: skip
_COLUMNS = (
    Column("QUERY_ID"), Column("QUERY_TEXT"), Column("DATABASE_NAME"), Column("SCHEMA_NAME"), Column("QUERY_TYPE"),
    Column("SESSION_ID", "FIXED"), Column("USER_NAME"), Column("ROLE_NAME"), Column("WAREHOUSE_NAME"),
    Column("WAREHOUSE_SIZE"), Column("WAREHOUSE_TYPE"), Column("CLUSTER_NUMBER", "FIXED"), Column("QUERY_TAG"),
    Column("EXECUTION_STATUS"), Column("ERROR_CODE", "FIXED"), Column("ERROR_MESSAGE"),
    Column("START_TIME", "TIMESTAMP_LTZ"), Column("END_TIME", "TIMESTAMP_LTZ"), Column("TOTAL_ELAPSED_TIME", "FIXED"),
    Column("BYTES_SCANNED", "FIXED"), Column("ROWS_PRODUCED", "FIXED"), *(Column(name, "FIXED") for name in _TIMES),
    Column("OUTBOUND_DATA_TRANSFER_CLOUD"), Column("OUTBOUND_DATA_TRANSFER_REGION"),
    Column("OUTBOUND_DATA_TRANSFER_BYTES", "FIXED"), Column("INBOUND_DATA_TRANSFER_CLOUD"),
    Column("INBOUND_DATA_TRANSFER_REGION"), Column("INBOUND_DATA_TRANSFER_BYTES", "FIXED"),
    Column("CREDITS_USED_CLOUD_SERVICES", "FIXED", 9), Column("LIST_EXTERNAL_FILE_TIME", "FIXED"),
    Column("RELEASE_VERSION"), Column("EXTERNAL_FUNCTION_TOTAL_INVOCATIONS", "FIXED"),
    Column("EXTERNAL_FUNCTION_TOTAL_SENT_ROWS", "FIXED"), Column("EXTERNAL_FUNCTION_TOTAL_RECEIVED_ROWS", "FIXED"),
    Column("EXTERNAL_FUNCTION_TOTAL_SENT_BYTES", "FIXED"), Column("EXTERNAL_FUNCTION_TOTAL_RECEIVED_BYTES", "FIXED"),
    Column("IS_CLIENT_GENERATED_STATEMENT", "BOOLEAN"), Column("QUERY_HASH"), Column("QUERY_HASH_VERSION", "FIXED"),
    Column("QUERY_PARAMETERIZED_HASH"), Column("QUERY_PARAMETERIZED_HASH_VERSION", "FIXED"),
)  # fmt: skip


def _history(function: str, by: str, arguments: Arguments, session: Session) -> Result:
    """Answer one of the functions. by: what of an execution it asks for, if anything."""
    name = _NAMES.get(by, "")
    require_known(function, arguments, [*_RANGE, *([name] if by else [])])
    start, end = (constant(arguments.get(bound, "NULL"), "TIMESTAMP_LTZ", session) for bound in _RANGE[:2])
    limit = int(constant(arguments.get("RESULT_LIMIT", "100"), "NUMBER", session))
    if not 1 <= limit <= 10_000:
        raise compilation_error(f"invalid value [{limit}] for RESULT_LIMIT: 1 to 10000.", 1008, "22023")
    now = dt.datetime.now(dt.UTC)
    for bound in (start, end):
        if bound is not None and bound < now - _KEPT:
            raise compilation_error(f"invalid value [{bound}] of {function}: within the last 7 days.", 1008, "22023")
    wanted = {"session": session.number, "user": session.user, "warehouse": session.warehouse}.get(by)
    if name in arguments:
        given = str(constant(arguments[name], "VARCHAR", session))
        wanted = given if by == "session" else Reader(given).name()[-1]
    found = [
        one
        for one in session.queries.executions()
        if (not by or getattr(one, by) == wanted)
        and (start is None or one.ended is None or one.ended >= start)
        and (end is None or (one.ended is not None and one.ended <= end))
        and _seen(one, session)
    ]
    found.sort(key=lambda one: one.ended or now, reverse=True)
    return Result(_COLUMNS, [_row(one) for one in found[:limit]])


def _seen(execution: Execution, session: Session) -> bool:
    """Return whether the session may know of a statement: its user's, and those of warehouses that its roles monitor."""
    if execution.user == session.user or not session.grants.enforced:
        return True
    if session.access.holds("ACCOUNT", ACCOUNT, "MANAGE WAREHOUSES"):
        return True
    warehouse = execution.warehouse
    return warehouse is not None and session.access.holds("WAREHOUSE", warehouse, "MONITOR", "OPERATE")


def _row(execution: Execution) -> list[Any]:
    error, ended = execution.error, execution.ended
    status = "RUNNING" if ended is None else "SUCCESS" if error is None else "FAILED_WITH_ERROR"
    milliseconds = int(((ended or dt.datetime.now(dt.UTC)) - execution.began) / dt.timedelta(milliseconds=1))
    return [
        execution.query_id, _SECRET.sub(r"\1'☺☺☺☺☺'", execution.text),
        execution.database, execution.schema, _query_type(execution.text),
        int(execution.session), execution.user, execution.role, execution.warehouse, None, "STANDARD", None,
        execution.tag, status, error and error.errno, error and error.message,
        execution.began, ended, milliseconds, 0, execution.rows, 0, milliseconds, 0, 0, 0, 0,
        None, None, 0, None, None, 0, 0, 0, None, 0, 0, 0, 0, 0, False, None, None, None, None,
    ]  # fmt: skip


def _query_type(text: str) -> str:
    """Return what QUERY_TYPE calls a statement: its verb, with the kind of what it defines."""
    try:
        about, (first, *_) = subject(text), leading_words(text, 1)
    except (SqlError, ValueError):  # a quote is not closed, or there are only comments
        return "UNKNOWN"
    kind = about.words[0] if about.words else ""
    if about.verb == "CREATE" and kind == "TABLE" and _FILLED.search(text):
        return "CREATE_TABLE_AS_SELECT"
    if about.verb in ("CREATE", "ALTER") and kind in _KINDS:
        return f"{about.verb}_{kind}"
    if about.verb == "COPY" and _UNLOADS.match(text):
        return "UNLOAD"
    if about.verb in ("BEGIN", "DECLARE") and kind not in ("", "TRANSACTION", "WORK", "NAME"):
        return "EXECUTE_IMMEDIATE"
    if about.verb == "EXECUTE":
        return f"EXECUTE_{kind}"
    if about.verb == QUERY:
        return first if first in ("INSERT", "UPDATE", "DELETE", "MERGE") else "SELECT"
    return _TYPES.get(about.verb, about.verb)


FUNCTIONS: Functions = {
    function: partial(_history, function, by)
    for function, by in (
        ("QUERY_HISTORY", ""), ("QUERY_HISTORY_BY_SESSION", "session"), ("QUERY_HISTORY_BY_USER", "user"),
        ("QUERY_HISTORY_BY_WAREHOUSE", "warehouse"),
    )
}  # fmt: skip
