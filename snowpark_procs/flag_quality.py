"""ops.flag_quality: the rows of a loaded batch into STAGING, with canonical identifiers and quality flags."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from snowflake.snowpark.exceptions import SnowparkSQLException

from snowpark_procs.date_ranges import DateRanges
from snowpark_procs.documents import standard_json
from snowpark_procs.environment import require_unmasked
from snowpark_procs.errors import ArgumentError
from snowpark_procs.identifiers import batch_identifier
from snowpark_procs.ledger import StepRun, recorded_failure, transaction
from snowpark_procs.rulebook import Rulebook, name_broken_rule, read_rulebook
from snowpark_procs.staging_changes import COUNTS, NO_STRAYS, StagingChanges, purchase_dates
from snowpark_procs.staging_tables import EVENTS, SESSIONS, STAGING_TABLES, StagingTable
from snowpark_procs.statements import run, statement

if TYPE_CHECKING:
    from snowflake.snowpark import Session


@dataclass(frozen=True)
class Delivery:
    """What a batch has of one dataset, by ops.batch_datasets.

    scope: added | dates. dates: those that it has changed on. delivered: from the date of its earliest row to that of its latest
    one.
    """

    scope: str
    dates: list[str]
    row_count: int
    delivered: DateRanges


@dataclass(frozen=True)
class Batch:
    """What the flag step must know of a batch, apart from its rows.

    later: batches published after it that are in STAGING already. replaced: dates that those hold as a whole;
    delivered_later: the dates of their rows; both by dataset.
    """

    batch_id: str
    deliveries: dict[str, Delivery]
    later: list[str]
    replaced: dict[str, list[str]]
    delivered_later: dict[str, DateRanges]

    def own_dates(self, dataset: str) -> list[str]:
        """The dates that the batch holds as a whole."""
        delivery = self.deliveries[dataset]
        return delivery.dates if delivery.scope == "dates" else []


@dataclass(frozen=True)
class Reach:
    """The time ranges that hold all rows of STAGING which a batch's rows can have to do with.

    own: the dates of the dataset's rows, and of those known under the same keys. near_events, near_sessions: around the dates of
    all the batch's rows, so wide that every session of these events and every event of these sessions lies within them.
    """

    own: DateRanges
    near_events: DateRanges
    near_sessions: DateRanges


def flag_quality(session: Session, batch_id: str | None = None) -> dict[str, Any]:
    """Flag one batch, or all that are loaded and not flagged yet, in the order of publication, one transaction each.

    A later batch's row replaces an earlier one's of the same key, also when the batches are flagged out of order; of copies of an
    event the earliest stands. Nothing is dropped: an invalid row stays with is_valid = FALSE. Events inherit is_bot_traffic and
    is_test_user of their session. ops.date_changes gets the dates whose rows really changed. A batch that is flagged already is
    left alone. rules_are_current: FALSE where rules have changed since the rest of STAGING was judged (ops.reflag does it anew).
    Raises ArgumentError, QualityRuleError.
    """
    batch_ids = _unflagged(session) if batch_id is None else [batch_identifier(batch_id)]
    summaries = [_flag_batch(session, each) for each in batch_ids]
    return {
        "flagged": sum(s["status"] == "flagged" for s in summaries),
        "batches": summaries,
        "rules_are_current": bool(run(session, "rules_are_current")[0][0]),
    }


def _unflagged(session: Session) -> list[str]:
    return [row[0] for row in run(session, "unflagged_batch_ids")]


def _flag_batch(session: Session, batch_id: str) -> dict[str, Any]:
    step = StepRun("flag_quality", batch_id)
    with recorded_failure(session, step), transaction(session, step, "flag"):
        batch = _batch(session, batch_id)
        if batch is None:
            step.worked = False
        else:
            require_unmasked(session)
            _Flagging(session, batch, read_rulebook(session)).run(step)
    if not step.worked:
        return {"batch_id": batch_id, "status": "already_flagged"}
    return {"batch_id": batch_id, "status": "flagged", **step.detail}


def _batch(session: Session, batch_id: str) -> Batch | None:
    """The batch, or None when it is flagged. Raises ArgumentError when it is not loaded."""
    rows = run(session, "batch_to_flag", [batch_id])
    if not rows:
        raise ArgumentError(f"Batch {batch_id} is not loaded: call ops.load_batch first")
    if rows[0][0]:
        return None
    later, replaced, delivered = set(), dict[str, set[str]](), dict[str, DateRanges]()
    for later_id, dates, dataset, scope, first, last in run(session, "later_flagged_batches", [batch_id]):
        later.add(later_id)
        if first:
            delivered[dataset] = delivered.get(dataset, DateRanges()).joined(DateRanges.between(first, last))
        if scope == "dates":
            replaced.setdefault(dataset, set()).update(json.loads(dates))
    return Batch(
        batch_id=batch_id,
        deliveries={
            dataset: Delivery(
                scope, json.loads(dates), int(row_count), DateRanges.between(first, last) if first else DateRanges()
            )
            for dataset, scope, row_count, first, last, dates in run(session, "batch_datasets", [batch_id])
        },
        later=sorted(later),
        replaced={dataset: sorted(dates) for dataset, dates in replaced.items()},
        delivered_later=delivered,
    )


class _Flagging:
    """The work on one batch, within its transaction.

    meets_known: whether STAGING has events that the batch brings again.
    """

    meets_known = False

    def __init__(self, session: Session, batch: Batch, rulebook: Rulebook) -> None:
        self.session = session
        self.batch = batch
        self.rulebook = rulebook
        self.changes = StagingChanges(session, rulebook, batch.batch_id)
        self.later = json.dumps(batch.later)

    def run(self, step: StepRun) -> None:
        """Take the batch into STAGING: rows and their own flags first, then what events inherit of their sessions."""
        dates = {table: self._touched_dates(table) for table in STAGING_TABLES}
        around = {date for table in (EVENTS, SESSIONS) for date in dates[table]}
        days = self.rulebook.session_days
        near_events, near_sessions = DateRanges.around(around, days), DateRanges.around(around, 2 * days)
        datasets: dict[str, dict[str, int]] = {}
        for table in STAGING_TABLES:
            own = near_sessions if table is SESSIONS else DateRanges.around(dates[table])
            if self._has_work(table, datasets):
                datasets[table.dataset] = self._flag_rows(table, Reach(own, near_events, near_sessions))
            else:
                datasets[table.dataset] = dict.fromkeys(COUNTS, 0)
        events = datasets[EVENTS.dataset]
        changed_events = bool(events["changed"] or events["removed"])
        rejudged = self.changes.find_purchases(DateRanges.around(dates[EVENTS])) if changed_events else 0
        inherited = self.changes.inherit(near_events, near_sessions) if self._has_work(SESSIONS, datasets) else 0
        self.changes.empty_deltas()
        run(self.session, "apply_first_rules")
        run(self.session, "mark_flagged", [self.batch.batch_id])
        step.row_count = sum(counts["changed"] + counts["removed"] for counts in datasets.values())
        step.detail = {
            "change_id": self.changes.change_id,
            "datasets": datasets,
            "events_inherited": inherited,
            "transactions_rejudged": rejudged,
        }

    def _touched_dates(self, table: StagingTable) -> set[datetime.date]:
        """The dates of the batch's rows, of those known under the same keys, and those that the batch holds as a whole."""
        dates = {datetime.date.fromisoformat(date) for date in self.batch.own_dates(table.dataset)}
        delivery = self.batch.deliveries[table.dataset]
        if delivery.row_count:
            key = table.key[0]
            found = run(
                self.session,
                "touched_dates",
                [self.batch.batch_id],
                table=table.table,
                dataset=table.dataset,
                time=table.time,
                key=key,
                canonical_key=table.canonical_identifiers("r")[key],
                delivered=delivery.delivered.condition(f"r.{table.time}"),
            )
            dates |= {date for date, _ in found}
            self.meets_known |= table is EVENTS and any(is_known for _, is_known in found)
        return dates

    def _has_work(self, table: StagingTable, datasets: Mapping[str, dict[str, int]]) -> bool:
        """Whether the batch has anything of the dataset. Sessions have work too where events have changed."""
        delivery = self.batch.deliveries[table.dataset]
        events_came = table is SESSIONS and any(datasets[EVENTS.dataset].values())
        return bool(delivery.row_count) or delivery.scope == "dates" or events_came

    def _flag_rows(self, table: StagingTable, reach: Reach) -> dict[str, int]:
        """Take one dataset's rows into STAGING and record the dates that have changed. Returns the counts of rows."""
        self._fill_delta(table, reach)
        return self.changes.take_delta(table, reach.own)

    def _fill_delta(self, table: StagingTable, reach: Reach) -> None:
        own = self.batch.own_dates(table.dataset)
        own_dates = json.dumps(own)
        binds = [self.later, json.dumps(self.batch.replaced.get(table.dataset, []))]
        binds = [*binds, own_dates, self.batch.batch_id] if table is SESSIONS else [self.batch.batch_id, *binds]
        binds += [own_dates] if table is EVENTS else []
        strays = self._strays(reach) if table is SESSIONS else None
        binds += [self.batch.batch_id] if strays else []
        near_events = reach.near_events.condition("e.timestamp")
        try:
            run(
                self.session,
                table.statement,
                binds,
                constants=self.rulebook.constants,
                delivered=self.batch.deliveries[table.dataset].delivered.condition(f"r.{table.time}"),
                known=reach.own.condition(f"known.{table.time}"),
                delivered_later=self.batch.delivered_later.get(table.dataset, DateRanges()).condition(
                    f"r.{table.time}"
                ),
                near_events=near_events,
                session_microseconds=self.rulebook.session_microseconds,
                touched=statement("sessions_of_changed_events", near_events=near_events),
                purchase_dates=purchase_dates(reach.own),
                strays=strays or NO_STRAYS,
                properties_parsed=standard_json("brought.properties"),
                differs=table.differs("judged", "present"),
                **table.canonical_identifiers("r"),
                **self.rulebook.expressions(table),
            )
        except SnowparkSQLException:
            name_broken_rule(self.session, self.rulebook, table)
            raise
        if self.batch.deliveries[table.dataset].scope == "dates":
            self._remove_what_is_gone(table, own)

    def _strays(self, reach: Reach) -> str | None:
        """Write the query of sessions with copies of events that count elsewhere; None where the batch has no copies at all."""
        repeated = statement("repeated_events")
        if not self.meets_known and not run(self.session, "count_rows", rows=repeated)[0][0]:
            return None
        delivered = self.batch.deliveries[EVENTS.dataset].delivered
        delivered = delivered.joined(self.batch.delivered_later.get(EVENTS.dataset, DateRanges()))
        identifiers = EVENTS.canonical_identifiers("r")
        return statement(
            "stray_sessions",
            event_id=identifiers["event_id"],
            session_id=identifiers["session_id"],
            delivered=delivered.condition("r.timestamp"),
            known=reach.near_events.condition("known.timestamp"),
            session_microseconds=self.rulebook.session_microseconds,
        )

    def _remove_what_is_gone(self, table: StagingTable, own: list[str]) -> None:
        """Remove the rows that the batch no longer has on the dates that it holds as a whole."""
        own_dates, held = json.dumps(own), DateRanges.around(map(datetime.date.fromisoformat, own))
        run(
            self.session,
            "add_removed_rows",
            [own_dates, self.later],
            table=table.table,
            time=table.time,
            key_columns=", ".join(table.key),
            present_keys=", ".join(f"present.{column}" for column in table.key),
            previous_columns="".join(f", previous_{column}" for column in table.previous),
            present_columns="".join(f", present.{column} AS previous_{column}" for column in table.previous),
            match=table.match("present", "delta"),
            near=held.condition(f"present.{table.time}"),
        )
        run(
            self.session,
            "delete_unkeyed_rows",
            [own_dates, self.later],
            table=table.table,
            time=table.time,
            key=table.key[0],
            near=held.condition(table.time),
        )
