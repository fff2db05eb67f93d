"""ops.reflag: what is in STAGING, judged anew under the rules and thresholds of now."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from snowflake.snowpark.exceptions import SnowparkSQLException

from snowpark_procs.date_ranges import DateRanges
from snowpark_procs.environment import require_unmasked
from snowpark_procs.errors import ArgumentError
from snowpark_procs.identifiers import calendar_date
from snowpark_procs.ledger import StepRun, recorded_failure, transaction
from snowpark_procs.rulebook import Rulebook, name_broken_rule, read_rulebook
from snowpark_procs.staging_changes import NO_STRAYS, StagingChanges
from snowpark_procs.staging_tables import EVENTS, SESSIONS, TRANSACTIONS, StagingTable
from snowpark_procs.statements import run, statement

if TYPE_CHECKING:
    from snowflake.snowpark import Session

_NO_BATCH = ""
_NONE = "[]"
# A session without an identifier has no events.
_NO_EVENTS = "FALSE AS has_bot_event, FALSE AS has_test_event, 0 AS requests, 0 AS address_sessions"


def reflag(
    session: Session, from_date: datetime.date | str | None = None, to_date: datetime.date | str | None = None
) -> dict[str, Any]:
    """Judge the UTC dates from from_date to to_date anew, both included; a bound left out is none. One transaction.

    That is the events and transaction lines of these dates, the sessions that have a part on them, with all their events, and
    what has no time. Rows that the present rules judge as before are not touched; ops.date_changes gets the dates of the others,
    so that these dates become pending in the marts. Raises ArgumentError, QualityRuleError.
    """
    first = None if from_date is None else calendar_date(from_date, "from_date")
    last = None if to_date is None else calendar_date(to_date, "to_date")
    if first is not None and last is not None and first > last:
        raise ArgumentError(f"from_date {first} is after to_date {last}")
    step = StepRun("reflag", f"{first or '…'} to {last or '…'}")
    with recorded_failure(session, step), transaction(session, step, "flag"):
        require_unmasked(session)
        reflagging = _Reflagging(
            session, read_rulebook(session), step.run_id, first or datetime.date.min, last or datetime.date.max
        )
        step.detail = reflagging.run()
        if first is None and last is None:
            run(session, "apply_rules")
        step.worked = step.detail["change_id"] is not None
        step.row_count = sum(step.detail["changed"].values())
    return {"dates": step.subject, **step.detail}


class _Reflagging:
    """The work on a range of dates, within its transaction."""

    def __init__(
        self, session: Session, rulebook: Rulebook, run_id: str, first: datetime.date, last: datetime.date
    ) -> None:
        self.session = session
        self.rulebook = rulebook
        self.changes = StagingChanges(session, rulebook, run_id)
        days = rulebook.session_days
        self.dates = DateRanges.between(first, last)
        self.starts = self.dates.widened(days, 0)
        self.near_events = self.dates.widened(days, days)
        self.near_sessions = self.dates.widened(2 * days, days)
        self.touched = statement(
            "sessions_on_dates",
            near_sessions=self.starts.condition("s.session_start"),
            ended=DateRanges.between(first, datetime.date.max).condition("s.session_end"),
        )

    def run(self) -> dict[str, Any]:
        """Judge events first: what a session is depends on them, and what they inherit on it. Returns the summary."""
        changed = {
            EVENTS.dataset: self.changes.rejudge(EVENTS, self._events()),
            TRANSACTIONS.dataset: self.changes.rejudge(TRANSACTIONS, self._on_dates(TRANSACTIONS)),
            SESSIONS.dataset: self._rejudge_sessions(),
        }
        inherited = self.changes.inherit(self.near_events, self.near_sessions)
        self.changes.empty_deltas()
        number = self.changes.change_id
        dates = 0 if number is None else int(run(self.session, "count_changed_dates", [number])[0][0])
        return {"change_id": number, "changed": changed, "events_inherited": inherited, "dates_changed": dates}

    def _on_dates(self, table: StagingTable) -> str:
        return self.dates.condition(f"{table.table}.{table.time}")

    def _events(self) -> str:
        """The condition for the events of the dates, and of the sessions that have a part on them."""
        near = self.near_events.condition("events_cleaned.timestamp")
        of_sessions = f"events_cleaned.session_id IN (\n        {self.touched}\n    )"
        return f"{near} AND ({self._on_dates(EVENTS)} OR {of_sessions})"

    def _rejudge_sessions(self) -> int:
        """Judge sessions by themselves and their events, as when a batch has changed an event of each."""
        try:
            run(
                self.session,
                SESSIONS.statement,
                [_NONE, _NONE, _NONE, _NO_BATCH],
                constants=self.rulebook.constants,
                delivered=DateRanges().condition("r.session_start"),
                delivered_later=DateRanges().condition("r.session_start"),
                known=self.starts.condition("known.session_start"),
                near_events=self.near_events.condition("e.timestamp"),
                session_microseconds=self.rulebook.session_microseconds,
                touched=self.touched,
                strays=NO_STRAYS,
                differs=SESSIONS.differs("judged", "present"),
                **SESSIONS.canonical_identifiers("r"),
                **self.rulebook.expressions(SESSIONS),
            )
        except SnowparkSQLException:
            name_broken_rule(self.session, self.rulebook, SESSIONS)
            raise
        changed = self.changes.take_delta(SESSIONS, self.starts)["changed"]
        without_key = f"{SESSIONS.table}.session_id IS NULL AND {self._on_dates(SESSIONS)}"
        return changed + self.changes.rejudge(SESSIONS, without_key, _NO_EVENTS)
