"""Keep the statements that clients have sent: which run, and how the others ended."""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from local_stack.endpoint.engine.cancellation import Cancellation
from local_stack.endpoint.outcome import Outcome
from local_stack.endpoint.statements import SqlError

# How many statements that have ended are remembered, and of how many the results are kept.
_REMEMBERED = 10_000
_KEPT_RESULTS = 1_000
# As much of a statement as QUERY_HISTORY shows.
LONGEST_TEXT = 100_000


@dataclass
class Execution:
    """Hold one statement, also one that a procedure runs. session: the number of its session. ended: None while it runs.

    rows: how many it gave or changed.
    """

    text: str
    session: str
    user: str
    role: str
    warehouse: str | None
    database: str | None
    schema: str | None
    tag: str
    query_id: str
    began: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))
    ended: dt.datetime | None = None
    error: SqlError | None = None
    rows: int | None = None


@dataclass
class Query:
    """Hold one request of a client. session: the number of its session. parts: the query ids of its statements, if several.

    request_id: what the client calls it, also when it sends it again because the answer got lost.
    """

    session: str
    user: str
    request_id: str | None
    cancellation: Cancellation
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    error: SqlError | None = None
    ended: threading.Event = field(default_factory=threading.Event)
    parts: tuple[str, ...] = ()

    @property
    def status(self) -> str:
        """Tell what Snowflake's monitoring calls its state."""
        if not self.ended.is_set():
            return "RUNNING"
        return "SUCCESS" if self.error is None else "FAILED_WITH_ERROR"


class Queries:
    """Keep the statements of all sessions. Thread-safe."""

    def __init__(self) -> None:
        self._by_id: OrderedDict[str, Query] = OrderedDict()
        self._by_request: dict[str, Query] = {}
        self._results: OrderedDict[str, tuple[str, Outcome]] = OrderedDict()
        self._executions: deque[Execution] = deque(maxlen=_REMEMBERED)
        self._lock = threading.Lock()

    def record(self, execution: Execution) -> None:
        """Remember a statement for QUERY_HISTORY."""
        with self._lock:
            self._executions.append(execution)

    def executions(self) -> list[Execution]:
        """Return the statements that are remembered, the latest last."""
        with self._lock:
            return list(self._executions)

    def begin(self, query: Query) -> None:
        """Remember a statement that is about to run."""
        with self._lock:
            self._by_id[query.id] = query
            if query.request_id:
                self._by_request[query.request_id] = query
            while len(self._by_id) > _REMEMBERED:
                _, oldest = self._by_id.popitem(last=False)
                self._by_request.pop(oldest.request_id or "", None)

    def keep(self, user: str, outcome: Outcome) -> None:
        """Keep a statement's result."""
        with self._lock:
            self._results[outcome.query_id] = (user, outcome)
            while len(self._results) > _KEPT_RESULTS:
                self._results.popitem(last=False)

    def find(self, query_id: str, user: str) -> Query | None:
        """Return a statement of the user's sessions."""
        found = self._by_id.get(query_id)
        return found if found is not None and found.user == user else None

    def by_request(self, request_id: str | None, user: str) -> Query | None:
        """Return the statement that a client's request started."""
        found = self._by_request.get(request_id or "")
        return found if found is not None and found.user == user else None

    def result(self, query_id: str, user: str) -> Outcome | None:
        """Return the result of a statement of the user's sessions.

        See: https://docs.snowflake.com/en/sql-reference/functions/result_scan
        """
        owner, outcome = self._results.get(query_id, ("", None))
        return outcome if owner == user else None

    def running(self, session: str | None = None) -> Iterator[Query]:
        """Yield the statements that have not ended, of one session where given."""
        with self._lock:
            queries = list(self._by_id.values())
        for query in queries:
            if not query.ended.is_set() and session in (None, query.session):
                yield query
