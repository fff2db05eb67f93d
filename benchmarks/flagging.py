"""`python -m benchmarks.flagging`: how many rows of STAGING `ops.flag_quality` reads for a batch of one day, beside a year.

A deployed warehouse of its own in a temporary folder, on an endpoint whose DuckDB tells of every statement how many rows its
scans touched (of whole row groups of 122,880 rows: DuckDB's micro-partitions) and how many of them it took. The year is written
straight into the tables; the batch is published, loaded and flagged as any other.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.scans import deployed, insert_rows
from local_stack.endpoint.engine.engine import Engine
from tests.snowpark_procs import batches
from tests.snowpark_procs.conftest import Warehouse

_DAYS = 365
_EVENTS_PER_SESSION = 10
_BATCH_DAY = datetime(2023, 7, 2)
_TABLES = ("staging.events_cleaned", "staging.user_sessions_enhanced")


def fill(engine: Engine, events_per_day: int) -> None:
    """Write a year of events and sessions into STAGING, in the order of time."""
    events = _DAYS * events_per_day
    step = 86_400_000_000 // events_per_day
    moment = f"TIMESTAMP '2023-01-01' + to_microseconds(i * {step})"
    end = f"TIMESTAMP '2023-01-01' + to_microseconds((i * {_EVENTS_PER_SESSION} + {_EVENTS_PER_SESSION - 1}) * {step})"
    start = f"TIMESTAMP '2023-01-01' + to_microseconds(i * {_EVENTS_PER_SESSION} * {step})"
    common = {
        "user_id": "'u' || i % 1000",
        "user_tier": "'gold'",
        "is_valid": "TRUE",
        "is_bot_traffic": "FALSE",
        "is_test_user": "FALSE",
        "own_is_bot_traffic": "FALSE",
        "own_is_test_user": "FALSE",
        "browser": "'Chrome'",
        "batch_id": "'year'",
        "processed_at": "TIMESTAMP '2024-01-01'",
    }
    rows = {
        "EVENTS_CLEANED": (
            events,
            {
                "event_id": "md5(i::VARCHAR)",
                "session_id": f"md5('s' || i // {_EVENTS_PER_SESSION})",
                "timestamp": moment,
                "event_type": "'page_view'",
                "page_url": "'/' || i % 77",
            },
        ),
        "USER_SESSIONS_ENHANCED": (
            events // _EVENTS_PER_SESSION,
            {"session_id": "md5('s' || i)", "session_start": start, "session_end": end},
        ),
    }
    for table, (count, columns) in rows.items():
        insert_rows(engine, table, count, common | columns)


def _key(text: str) -> str:
    """An identifier as random as those of the year."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def publish_day(warehouse: Warehouse, count: int) -> None:
    """One day's events and sessions, all new."""
    step = timedelta(days=1) / count
    events = [
        batches.event(_key(f"n{n}"), _key(f"n{n // _EVENTS_PER_SESSION}"), str(_BATCH_DAY + n * step))
        for n in range(count)
    ]
    grouped = [events[n : n + _EVENTS_PER_SESSION] for n in range(0, count, _EVENTS_PER_SESSION)]
    sessions = [
        batches.session(
            rows[0]["session_id"],
            str(rows[0]["timestamp"].replace(tzinfo=None)),
            session_end=rows[-1]["timestamp"],
            event_count=len(rows),
            page_views=len(rows),
            session_duration_minutes=Decimal(1),
        )
        for rows in grouped
    ]
    warehouse.publish(events=events, sessions=sessions)


def measure(events_per_day: int) -> list[dict[str, Any]]:
    """Flag one day beside a year; return the profiled statements that scanned STAGING."""
    with deployed(lambda engine: fill(engine, events_per_day)) as (endpoint, warehouse):
        publish_day(warehouse, events_per_day)
        warehouse.call("ops.load_pending()")
        endpoint.forget()
        started = time.monotonic()
        warehouse.call("ops.flag_quality()")
        Console().print(f"ops.flag_quality: {time.monotonic() - started:.1f} s")
        return endpoint.statements()


def report(statements: Sequence[dict[str, Any]], events_per_day: int) -> None:
    """Print the rows read by statement and table, and in all."""
    events = _DAYS * events_per_day
    table = Table(
        "statement",
        "table",
        "columns",
        "rows touched",
        "rows taken",
        title=f"one day of {events_per_day:,} events beside {events:,}",
    )
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for each in statements:
        for scan in (scan for scan in each["scans"] if scan["table"] in _TABLES):
            words = " ".join(each["statement"].split())[:60]
            table.add_row(words, scan["table"], str(scan["columns"]), f"{scan['touched']:,}", f"{scan['taken']:,}")
            sums[scan["table"]][0] += scan["touched"]
            sums[scan["table"]][1] += scan["taken"]
    for name, (touched, taken) in sums.items():
        table.add_row("in all", name, "", f"{touched:,}", f"{taken:,}")
    Console(width=140).print(table)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="benchmarks.flagging", description=__doc__)
    parser.add_argument("--events-per-day", type=int, default=20_000)
    options = parser.parse_args()
    report(measure(options.events_per_day), options.events_per_day)


if __name__ == "__main__":
    main()
