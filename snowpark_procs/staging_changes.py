"""What both ways of judging STAGING do, a batch's and a new look at what is there: merge, record dates, let events inherit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snowflake.snowpark.exceptions import SnowparkSQLException

from snowpark_procs.date_ranges import DateRanges
from snowpark_procs.rulebook import Rulebook, name_broken_rule
from snowpark_procs.staging_tables import EVENTS, STAGING_TABLES, TRANSACTIONS, StagingTable
from snowpark_procs.statements import run, statement

if TYPE_CHECKING:
    from snowflake.snowpark import Session

COUNTS = ("rows", "changed", "removed", "invalid")
# How many dates a purchase may lie before or after the line of its transaction (purchase_dates.sql).
PURCHASE_DAYS = 1
NO_STRAYS = "SELECT NULL::STRING AS session_id FROM constants WHERE FALSE"


def purchase_dates(lines: DateRanges) -> str:
    """Write the query of transactions and the dates on which their lines have a purchase, for lines of these dates."""
    near_purchases = lines.widened(PURCHASE_DAYS, PURCHASE_DAYS)
    return statement("purchase_dates", near_purchases=near_purchases.condition("e.timestamp"))


class StagingChanges:
    """The changes of one transaction, all under one number in ops.date_changes.

    cause: the batch, or the run of ops.reflag, as ops.date_changes names it.
    """

    def __init__(self, session: Session, rulebook: Rulebook, cause: str) -> None:
        self.session = session
        self.rulebook = rulebook
        self.cause = cause
        self.change_id: int | None = None

    def number(self) -> int:
        """The number of these changes, taken when the first one is recorded."""
        if self.change_id is None:
            self.change_id = int(run(self.session, "next_change_id")[0][0])
        return self.change_id

    def take_delta(self, table: StagingTable, known: DateRanges) -> dict[str, int]:
        """Merge a dataset's delta, whose current rows lie in `known`, and record the dates. Returns the counts of rows."""
        counts = run(self.session, "delta_counts", table=table.table)[0]
        named = dict(zip(COUNTS, map(int, counts), strict=True))
        if named["changed"] or named["removed"]:
            params = [self.number(), table.dataset, self.cause]
            run(self.session, "insert_date_changes", params, table=table.table, time=table.time)
        if named["rows"] or named["removed"]:
            run(
                self.session,
                "merge_delta",
                table=table.table,
                match=table.match("present", "delta"),
                near=known.condition(f"present.{table.time}"),
                assignments=",\n    ".join(f"{c} = delta.{c}" for c in table.columns if c not in table.key),
                columns=", ".join(table.columns),
                values=", ".join(f"delta.{column}" for column in table.columns),
            )
        return named

    def record_dates(self, table: StagingTable, rows: str) -> None:
        """Record the dates of rows (a query with a column of the dataset's time) that these changes have not recorded yet."""
        known = [self.number(), table.dataset]
        run(self.session, "insert_dates_of_rows", [*known, self.cause, *known], rows=rows, time=table.time)

    def inherit(self, near_events: DateRanges, near_sessions: DateRanges) -> int:
        """Give the events of these dates the flags of their sessions. Returns how many had others."""
        verdicts = statement(
            "event_verdicts",
            near_events=near_events.condition("e.timestamp"),
            near_sessions=near_sessions.condition("s.session_start"),
            session_microseconds=self.rulebook.session_microseconds,
        )
        changed = int(run(self.session, "count_verdicts", verdicts=verdicts)[0][0])
        if changed:
            self.record_dates(EVENTS, verdicts)
            near = near_events.condition("events_cleaned.timestamp")
            run(self.session, "update_verdicts", verdicts=verdicts, near=near)
        return changed

    def rejudge(self, table: StagingTable, scope: str, extras: str = "") -> int:
        """Judge the rows of a condition where they stand. Returns how many are judged differently.

        extras: columns that the rules name and the rows do not have. Raises QualityRuleError.
        """
        judgement = table.judgement(self.rulebook.expressions(table))
        misjudged = statement(
            "misjudged_rows",
            given=", ".join(filter(None, (self.rulebook.constants, extras))),
            scope=scope,
            differs=table.misjudged(judgement),
        )
        try:
            rows = statement("rejudged_rows", table=table.table, time=table.time, misjudged=misjudged)
            changed = int(run(self.session, "count_rows", rows=rows)[0][0])
        except SnowparkSQLException:
            name_broken_rule(self.session, self.rulebook, table)
            raise
        if changed:
            self.record_dates(table, rows)
            assignments = ",\n    ".join(f"{column} = {said}" for column, said in judgement.items())
            run(self.session, "rejudge_rows", table=table.table, assignments=assignments, misjudged=misjudged)
        return changed

    def find_purchases(self, near_events: DateRanges) -> int:
        """Tell the lines of transactions that changed events name whether they have a purchase.

        Where that was told otherwise before, they are judged anew. Returns how many are judged differently. near_events: the
        dates of the changed events, as they are and as they were.
        """
        named = statement("transactions_of_changed_events")
        if not run(self.session, "count_rows", rows=named)[0][0]:
            return 0
        near_lines = near_events.widened(PURCHASE_DAYS, PURCHASE_DAYS)
        updated = run(
            self.session,
            "update_purchases",
            near_lines=near_lines.condition("known.created_at"),
            purchase_dates=purchase_dates(near_lines),
            named=named,
        )
        if not updated[0][0]:  # lines of the same batch were told when they were flagged
            return 0
        on_dates = near_lines.condition(f"{TRANSACTIONS.table}.{TRANSACTIONS.time}")
        of_events = f"{TRANSACTIONS.table}.transaction_id IN (\n        {named}\n    )"
        return self.rejudge(TRANSACTIONS, f"{on_dates} AND {of_events}")

    def empty_deltas(self) -> None:
        for table in STAGING_TABLES:
            run(self.session, "empty_delta", table=table.table)
