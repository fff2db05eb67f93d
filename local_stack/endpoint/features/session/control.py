"""Answer SYSTEM$WAIT, SYSTEM$CANCEL_QUERY, SYSTEM$CANCEL_ALL_QUERIES and SYSTEM$ABORT_SESSION."""

from __future__ import annotations

from local_stack.endpoint.engine import cancellation
from local_stack.endpoint.errors import compilation_error
from local_stack.endpoint.features.session.functions import Function
from local_stack.endpoint.queries import Query
from local_stack.endpoint.session import Session
from local_stack.endpoint.statements import SqlError

_SECONDS = {"DAYS": 86_400.0, "HOURS": 3_600.0, "MINUTES": 60.0, "SECONDS": 1.0}
_SECONDS |= {"MILLISECONDS": 1e-3, "MICROSECONDS": 1e-6, "NANOSECONDS": 1e-9}


def _wait(session: Session, arguments: list[str]) -> str:
    """Wait as long as the call says.

    See: https://docs.snowflake.com/en/sql-reference/functions/system_wait
    """
    unit = arguments[1].upper() if len(arguments) > 1 else "SECONDS"
    if not 1 <= len(arguments) <= 2 or unit not in _SECONDS or not arguments[0].isdigit():
        raise compilation_error(f"Invalid argument for function SYSTEM$WAIT: {', '.join(arguments)}", 1008, "22023")
    cancellation.sleep(int(arguments[0]) * _SECONDS[unit])
    return f"waited {arguments[0]} {unit.lower()}"


def _cancel_query(session: Session, arguments: list[str]) -> str:
    """Cancel one statement.

    See: https://docs.snowflake.com/en/sql-reference/functions/system_cancel_query
    """
    query_id = _only(arguments, "SYSTEM$CANCEL_QUERY")
    query = next((one for one in session.queries.running() if one.id == query_id), None)
    if query is None or not _may_cancel(session, query) or not query.cancellation.request(cancellation.canceled()):
        return "Identified SQL statement is not currently executing."
    return f"query [{query_id}] terminated."


def _cancel_all(session: Session, arguments: list[str]) -> str:
    """Cancel every statement of a session.

    See: https://docs.snowflake.com/en/sql-reference/functions/system_cancel_all_queries
    """
    own, number = cancellation.current.get(), _only(arguments, "SYSTEM$CANCEL_ALL_QUERIES")
    count = 0
    for query in list(session.queries.running(number)):
        asks = own is not None and own.is_within(query.cancellation)
        if not asks and _may_cancel(session, query):
            count += query.cancellation.request(cancellation.canceled())
    return f"{count} cancelled."


def _abort(session: Session, arguments: list[str]) -> str:
    """End a session.

    See: https://docs.snowflake.com/en/sql-reference/functions/system_abort_session
    """
    number = _only(arguments, "SYSTEM$ABORT_SESSION")
    other = session.registry.numbered(number)
    if other is None or not (other.user == session.user or session.role == "ACCOUNTADMIN"):
        raise SqlError(f"Session [{number}] does not exist or not authorized.", 2003, "02000")
    for query in list(session.queries.running(number)):
        query.cancellation.request(cancellation.canceled())
    session.registry.abort(other)
    return f"session [{number}] terminated."


def _only(arguments: list[str], function: str) -> str:
    if len(arguments) != 1:
        raise compilation_error(f"Invalid number of arguments for function {function}", 938, "22023")
    return arguments[0]


def _may_cancel(session: Session, query: Query) -> bool:
    return query.user == session.user or session.role == "ACCOUNTADMIN"


CONTROL: dict[str, Function] = {
    "SYSTEM$WAIT": _wait,
    "SYSTEM$CANCEL_QUERY": _cancel_query,
    "SYSTEM$CANCEL_ALL_QUERIES": _cancel_all,
    "SYSTEM$ABORT_SESSION": _abort,
}
