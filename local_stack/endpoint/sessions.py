"""Hold the sessions of an endpoint. Each log-in opens one, and its token finds it."""

from __future__ import annotations

import itertools
import secrets
import threading
from typing import Any

from local_stack.endpoint.engine import cancellation
from local_stack.endpoint.engine.engine import Engine
from local_stack.endpoint.engine.users import log_in_roles
from local_stack.endpoint.engine.warehouses import warehouse_exists
from local_stack.endpoint.errors import SessionGone
from local_stack.endpoint.language.names import stored_name
from local_stack.endpoint.parameters import PARAMETERS
from local_stack.endpoint.queries import Queries
from local_stack.endpoint.session import Executor, Session


class Sessions:
    """Hold all sessions of one endpoint."""

    def __init__(self, engine: Engine, executor: Executor) -> None:
        self.engine, self._executor = engine, executor
        engine.locks.end_idle, engine.locks.at_work = self._end_idle, self._at_work
        self.queries = Queries()
        self._by_token: dict[str, Session] = {}
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)

    def open(self, database: str | None = None, schema: str | None = None, **attributes: Any) -> Session:
        """Log in: a new session. What is named and does not exist is not its current database, schema or warehouse.

        Without a role it is the user's default one. Raises SqlError 390186 or 390189 for a role that the user may not use.
        """
        attributes.update(log_in_roles(self.engine, attributes.get("user", "LOCAL"), attributes.get("role", "")))
        named = attributes.pop("warehouse", None)
        warehouse = stored_name(named) if named else None
        with self._lock:
            session = Session(
                self.engine,
                self._executor,
                self.engine.duck_conn.cursor(),
                token=secrets.token_urlsafe(32),
                master_token=secrets.token_urlsafe(32),
                registry=self,
                number=str(next(self._numbers)),
                warehouse=warehouse if warehouse and warehouse_exists(warehouse, self.engine.catalog) else None,
                **attributes,
            )
            if database and (place := stored_name(database)) in self.engine.databases():
                session.use(place, stored_name(schema) if schema else "PUBLIC")
            given, session.parameters = session.parameters, {}
            for name, value in given.items():
                if name in PARAMETERS:
                    session.set_parameter(name, value)
            self._by_token[session.token] = session
            return session

    def get(self, token: str) -> Session:
        """Return the session of a session or master token. Raises SessionGone."""
        if session := self._by_token.get(token):
            return session
        for session in list(self._by_token.values()):
            if secrets.compare_digest(session.master_token, token):
                return session
        raise SessionGone

    def on_database(self, database: str) -> list[Session]:
        """Return the sessions whose current database this is."""
        return [s for s in list(self._by_token.values()) if s.database == database]

    def close(self, token: str) -> None:
        """Log out. A procedure's own client closing does not end the session it shares with its caller."""
        session = self.get(token)
        if session.call_depth > 0:
            return
        self.abort(session)

    def opened(self) -> list[Session]:
        """Return all sessions."""
        return list(self._by_token.values())

    def numbered(self, number: str) -> Session | None:
        """Return the session with this number, as CURRENT_SESSION() gives it."""
        return next((one for one in list(self._by_token.values()) if one.number == number), None)

    def abort(self, session: Session) -> None:
        """End a session, whatever it does."""
        with self._lock:
            self._by_token.pop(session.token, None)
        session.close()

    def _end_idle(self, token: str, seconds: float) -> bool:
        session = self._by_token.get(token)
        return session is not None and session.end_idle_transaction(seconds)

    def _at_work(self, token: str) -> tuple[str, int | None]:
        session = self._by_token.get(token)
        return (session.query_ids[-1], session.transaction_id) if session and session.query_ids else ("", None)

    def close_all(self) -> None:
        """End all sessions, and what they run."""
        for query in self.queries.running():
            query.cancellation.request(cancellation.canceled())
        for token in list(self._by_token):
            session = self._by_token.pop(token)
            session.close()
