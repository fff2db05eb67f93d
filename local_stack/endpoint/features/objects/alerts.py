"""Run alerts.

An alert's condition is checked on schedule or by EXECUTE ALERT. Its action runs where the condition holds.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections.abc import Callable, Hashable

from local_stack.endpoint.engine.catalog import StoredObject
from local_stack.endpoint.engine.users import SYSTEM_USER
from local_stack.endpoint.errors import as_sql_error, missing_object
from local_stack.endpoint.language.quoting import quote_name
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.language.schedule import Clock, DueTimes
from local_stack.endpoint.session import Session
from local_stack.endpoint.sessions import Sessions
from local_stack.endpoint.statements import Result, SqlError

log = logging.getLogger("local_stack.endpoint.alerts")


def evaluate(stored: StoredObject, sessions: Sessions) -> str:
    """Check an alert once, in its own session. Return CONDITION_FALSE or TRIGGERED. Raises SqlError."""
    values = stored.definition["properties"]
    session = sessions.open(
        quote_name(stored.database), quote_name(stored.schema), user=SYSTEM_USER,
        role=sessions.engine.grants.owner("ALERT", stored.full_name)[1],
        warehouse=values.get("WAREHOUSE"),
    )  # fmt: skip
    try:
        found = session.execute(f"SELECT COUNT(*) FROM (SELECT 1 FROM ({values['CONDITION']}) LIMIT 1)").scalar()
        if not found:
            return "CONDITION_FALSE"
        session.execute(values["ACTION"])
        return "TRIGGERED"
    finally:
        session.end()


class AlertClock:
    """Check resumed alerts on schedule. Each check has its own thread, and no alert is checked twice at once."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._due = DueTimes()
        self._running: set[str] = set()
        self._guard = threading.Lock()
        self.clock = Clock("alert scheduler", self.fire_due)

    def fire_due(self, now: dt.datetime) -> float:
        """Check every alert that is due. Return the seconds until the next one."""
        alerts = {
            (stored.full_name, stored.definition["properties"]["SCHEDULE"], str(stored.created_on)): stored
            for stored in self._sessions.engine.catalog.objects("ALERT")
            if stored.definition.get("state") == "started" and "SCHEDULE" in stored.definition["properties"]
        }
        schedules: dict[Hashable, str] = {key: key[1] for key in alerts}
        for key in self._due.take(schedules, now):
            self.check(alerts[key])  # type: ignore[index]
        return self._due.pause(now)

    def check(self, stored: StoredObject) -> None:
        """Check an alert on a thread, unless a check of it is still running."""
        with self._guard:
            if stored.full_name in self._running:
                return
            self._running.add(stored.full_name)
        threading.Thread(target=self._check, args=(stored,), name=f"alert {stored.name}", daemon=True).start()

    def _check(self, stored: StoredObject) -> None:
        try:
            log.info("alert %s: %s", stored.full_name, evaluate(stored, self._sessions))
        except Exception as error:
            log.warning("alert %s failed: %s", stored.full_name, as_sql_error(error).message)
        finally:
            with self._guard:
                self._running.discard(stored.full_name)


def execute(reader: Reader, session: Session, clock: AlertClock | None) -> Callable[[], Result] | None:
    """Answer EXECUTE ALERT name. Return None for other statements."""
    if not reader.accept("ALERT"):
        return None
    parts = reader.name()
    reader.expect_end()

    def run() -> Result:
        place = session.resolve(parts)
        stored = session.catalog.get("ALERT", place.database, place.schema, place.name)
        if stored is None:
            raise missing_object("Alert", ".".join(parts))
        if clock is None:
            raise SqlError("The endpoint is not serving.", 91107, "XX000")
        clock.check(stored)
        return Result.status(f"Alert {place.name} is scheduled to run immediately.")

    return run
