"""ops.reflag on the local endpoint: STAGING under changed rules is what it would be had they been the rules from the start."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest
from snowflake.connector.errors import ProgrammingError

from tests.snowpark_procs.batches import Row, event, session, transaction
from tests.snowpark_procs.conftest import DATABASE, Warehouse
from tests.snowpark_procs.test_session_verdicts import flag, history, publish_all, session_of, thresholds, visit

pytestmark = pytest.mark.integration

_STAGING = ("events_cleaned", "user_sessions_enhanced", "transactions_validated")
_SMALL = {"bot_min_requests": 3, "bot_requests_per_minute": 1, "bot_repeats": 2}


@contextmanager
def rules(warehouse: Warehouse, *changes: str) -> Iterator[None]:
    """Rules changed as an operator or a migration changes them; as they were afterwards."""
    before = warehouse.query("SELECT * FROM ops.quality_rules")
    try:
        for change in changes:
            warehouse.query(change)
        yield
    finally:
        warehouse.query("DELETE FROM ops.quality_rules")
        with warehouse.connection.cursor() as cursor:
            values = ", ".join(["%s"] * len(before[0]))
            cursor.executemany(f"INSERT INTO ops.quality_rules VALUES ({values})", before)


def added(dataset: str, code: str, severity: str, predicate: str) -> str:
    columns = "dataset, code, severity, predicate, description, enabled"
    return f"INSERT INTO ops.quality_rules ({columns}) SELECT '{dataset}', '{code}', '{severity}', '{predicate}', 'x', TRUE"


OTHER_RULES = (
    "UPDATE ops.quality_rules SET enabled = FALSE WHERE code IN ('missing_event_id', 'missing_transaction_id')",
    "UPDATE ops.quality_rules SET enabled = FALSE WHERE dataset = 'sessions' AND code = 'missing_session_id'",
    "UPDATE ops.quality_rules SET predicate = 'user_id = ''tester''' WHERE dataset = 'events' AND code = 'is_test_user'",
    added("events", "no_search", "error", "event_type = ''search'' AND timestamp::DATE = ''2024-01-16''"),
    added("events", "malformed_or_late", "warn", "properties_text ILIKE ''%oops%'' OR loaded_at < ''2000-01-01''"),
    added("events", "of_page_a", "warn", "page_url = ''/a''"),
    added("sessions", "robots_are_invalid", "error", "max_repeats > 1 AND has_bot_event"),
    added("transactions", "cheap", "error", "total_amount < 2"),
    added("transactions", "cheap_orphan", "warn", "total_amount < 2 AND NOT has_purchase"),
    added("sessions", "of_a_busy_address", "warn", "address_sessions > 2"),
)


def staging(warehouse: Warehouse) -> dict[str, list[dict[str, Any]]]:
    """All that STAGING says of its rows, without when they came and were judged."""
    found = {}
    for table in _STAGING:
        with warehouse.connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM staging.{table}")
            names = [column[0].lower() for column in cursor.description]
            rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        kept = [{name: v for name, v in row.items() if name not in ("processed_at", "loaded_at")} for row in rows]
        found[table] = sorted(kept, key=repr)
    return found


def histories(seed: int) -> list[dict[str, Any]]:
    """Random batches, with lines of transactions, rows without a key, and properties that are no JSON."""
    rng = random.Random(seed)
    batches = history(seed, backfills=True)
    for row in (row for batch in batches for row in batch["events"] if row["event_type"] == "purchase"):
        row["transaction_id"] = rng.choice(("t0", "t1", None))
    for number, batch in enumerate(batches):
        moment, visitor = f"2024-01-{rng.randint(15, 18)} 10:00:00", f"s{number}"
        without_key = event(None, visitor, moment, properties=rng.choice(("{oops", "{}", None)))
        odd = event(f"odd{number % 3}", visitor, moment, properties=rng.choice(("{oops", "{}")))
        batch["events"] = [*batch["events"], without_key, odd]
        batch["sessions"] = [*batch["sessions"], session(None, moment)]
        line = transaction(f"t{number % 4}", "p1", moment, rng.choice(("1.00", "3.00")))
        batch["transactions"] = [line, transaction(None, "p1", moment, "1.00")]
    return batches


def test_a_new_look_under_other_rules_is_as_if_they_had_been_there_from_the_start(warehouse: Warehouse) -> None:
    batches = histories(3)
    publish_all(warehouse, batches, 3)
    warehouse.call("ops.flag_quality()")
    before = staging(warehouse)
    current = "SELECT is_current FROM ops.rules_applied"
    assert warehouse.query(current) == [(True,)]
    with thresholds(warehouse, **_SMALL), rules(warehouse, *OTHER_RULES):
        assert warehouse.call("ops.flag_quality()")["rules_are_current"] is False
        warehouse.call("ops.reflag('2001-01-01', '2001-01-01')")
        assert warehouse.query(current) == [(False,)]
        summary = warehouse.call("ops.reflag()")
        assert warehouse.query(current) == [(True,)]
        after = staging(warehouse)
        assert all(summary["changed"].values())
        assert recorded(warehouse, summary["change_id"]) == differing_dates(before, after)
        unchanged = warehouse.contents()
        assert warehouse.call("ops.reflag(NULL, NULL)")["change_id"] is None
        assert warehouse.contents() == unchanged
        warehouse.reset()
        publish_all(warehouse, batches, 3)
        warehouse.call("ops.flag_quality()")
        assert staging(warehouse) == after
    assert warehouse.query(current) == [(False,)]
    assert warehouse.call("ops.reflag()")["change_id"] is not None
    assert staging(warehouse) == before


def recorded(warehouse: Warehouse, change_id: int) -> dict[str, set[date]]:
    rows = warehouse.query("SELECT dataset, date FROM ops.date_changes WHERE change_id = %s", change_id)
    return {dataset: {day for each, day in rows if each == dataset} for dataset, _ in rows}


def differing_dates(before: dict[str, list[Row]], after: dict[str, list[Row]]) -> dict[str, set[date]]:
    """The dates of the rows that are not in both, by dataset."""
    found = {}
    datasets = (("user_events", "timestamp"), ("user_sessions", "session_start"), ("transactions", "created_at"))
    for (dataset, column), table in zip(datasets, _STAGING, strict=True):
        changed = [row for row in (*before[table], *after[table]) if (row in before[table]) != (row in after[table])]
        found[dataset] = {row[column].date() for row in changed if row[column] is not None}
    return found


def test_a_range_takes_the_sessions_that_have_a_part_in_it_with_all_their_events(warehouse: Warehouse) -> None:
    over = visit("over midnight", ["page_view"] * 4, 4 * 3600, start="2024-01-15 22:00:00")
    before = visit("before", ["page_view"] * 4, 60, start="2024-01-15 10:00:00")
    after = visit("after", ["page_view"] * 4, 60, start="2024-01-17 10:00:00")
    groups = (over, before, after)
    flag(warehouse, events=[row for rows in groups for row in rows], sessions=[session_of(rows) for rows in groups])
    suspicious = added("events", "chrome", "warn", "browser = ''Chrome''")
    with rules(warehouse, suspicious, added("sessions", "chrome", "warn", "browser = ''Chrome''")):
        summary = warehouse.call("ops.reflag('2024-01-16', '2024-01-16')")
        found = "SELECT DISTINCT session_id FROM staging.{} WHERE validation_warnings[0]::STRING = 'chrome'"
        for table in ("events_cleaned", "user_sessions_enhanced"):
            assert warehouse.query(found.format(table)) == [("over midnight",)]
        both = {date(2024, 1, 15), date(2024, 1, 16)}
        assert recorded(warehouse, summary["change_id"]) == {"user_events": both, "user_sessions": {date(2024, 1, 15)}}
        assert summary["dates_changed"] == 2
        assert warehouse.call("ops.reflag('2024-01-16', NULL)")["changed"]["user_sessions"] == 1
        assert len(warehouse.query(found.format("events_cleaned"))) == 2
        with pytest.raises(ProgrammingError, match="is after to_date"):
            warehouse.call("ops.reflag('2024-01-17', '2024-01-16')")


def test_a_rule_that_fails_leaves_all_as_it_was(warehouse: Warehouse) -> None:
    """The events are judged before the sessions; nothing of it stays."""
    rows = visit("s", ["page_view"] * 4, 60)
    flag(warehouse, events=rows, sessions=[session_of(rows)])
    before = staging(warehouse)
    broken = added("sessions", "broken", "error", "no_such_column > 1")
    with rules(warehouse, added("events", "chrome", "error", "browser = ''Chrome''"), broken):
        with pytest.raises(ProgrammingError, match=r"Quality rule sessions\.broken: the predicate fails"):
            warehouse.call("ops.reflag()")
        assert staging(warehouse) == before
        failed = "SELECT status, subject FROM ops.step_runs WHERE step = 'reflag'"
        assert warehouse.query(failed) == [("failed", "… to …")]
        warehouse.query("DELETE FROM ops.quality_rules WHERE code = 'broken'")
        assert warehouse.call("ops.reflag()")["changed"] == {"user_events": 4, "user_sessions": 1, "transactions": 0}


def test_a_run_that_is_killed_leaves_all_as_it_was(warehouse: Warehouse) -> None:
    """Killed while it waits for the sessions' table, when the events are judged already; the next run makes it good."""
    rows = visit("s", ["page_view"] * 4, 60)
    flag(warehouse, events=rows, sessions=[session_of(rows)])
    before = warehouse.contents()
    with rules(warehouse, added("events", "chrome", "error", "browser = ''Chrome''")):
        other = warehouse.endpoint.connect(database=DATABASE, schema="OPS", role="SYSADMIN")
        other.cursor().execute("BEGIN")
        other.cursor().execute("UPDATE staging.user_sessions_enhanced_delta SET is_changed = is_changed")
        log = warehouse.endpoint.data_dir.parent / "endpoint.log"
        warehouse.connection.cursor().execute_async("CALL ops.reflag()")
        deadline = time.monotonic() + 60
        while "UPDATE staging.events_cleaned" not in log.read_text():
            assert time.monotonic() < deadline, "the events were not judged"
            time.sleep(0.1)
        warehouse.endpoint.stop(signal.SIGKILL)
        warehouse.endpoint.start()
        for ended in (other, warehouse.connection):
            ended.close(retry=False)
        warehouse.connect()
        assert warehouse.contents() == before
        assert warehouse.call("ops.reflag()")["changed"] == {"user_events": 4, "user_sessions": 1, "transactions": 0}
