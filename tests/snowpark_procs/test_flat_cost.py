"""What a batch costs does not grow with the batches before it: statements, and rows that their scans take."""

from __future__ import annotations

import os
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from benchmarks.scans import ProfiledEndpoint
from tests.conftest import endpoint_folder
from tests.snowpark_procs.batches import BatchOptions, Row, event, session, transaction
from tests.snowpark_procs.conftest import DATABASE, Warehouse, start_copy

pytestmark = pytest.mark.integration

BATCHES = int(os.environ.get("BATCHES", "4"))
_STATEMENT = re.compile(r"session \S+, [\d.]+ ms: ")
# Whether STAGING has a key already, on whatever date, is asked of all its keys (touched_dates.sql): three statements a batch.
_ALL_KEYS = re.compile(r"^WITH BROUGHT AS\b", re.IGNORECASE)


@pytest.fixture
def profiled(deployed: Path) -> Iterator[tuple[ProfiledEndpoint, Warehouse]]:
    with endpoint_folder() as folder:
        endpoint = ProfiledEndpoint(folder / "warehouse", folder / "s3", database=DATABASE)
        warehouse = start_copy(deployed, folder, endpoint)
        yield endpoint, warehouse
        warehouse.connection.close()
        endpoint.stop(signal.SIGKILL)


def publish(warehouse: Warehouse, number: int) -> None:
    """A day of sessions, and an event that comes late to a session of the day before, in snapshots that follow each other.

    These days lie so far apart that no session of one can reach another.
    """
    day, before = (date(2024, 1, 1) + timedelta(days=10 * (number - back)) for back in (0, 1))
    events: list[Row] = [event(f"e{number}-{n}", f"s{number}-{n % 5}", f"{day} 10:0{n % 5}:00") for n in range(20)]
    events.append(event(f"late{number}", f"s{number - 1}-0", f"{before} 10:30:00"))
    sessions = [session(f"s{number}-{n}", f"{day} 10:0{n}:00", event_count=4) for n in range(5)]
    sessions.append(session(f"s{number - 1}-0", f"{before} 10:00:00", event_count=5))
    warehouse.publish(
        events=events,
        sessions=sessions,
        transactions=[transaction(f"t{number}", "p1", f"{day} 11:00:00", "9.99")],
        options=BatchOptions(
            published_at=f"2025-01-01T00:{number // 60:02}:{number % 60:02}Z",
            snapshots=(str(number - 1) if number > 1 else None, str(number)),
        ),
    )


def whole(log: Path, start: int) -> str:
    """The endpoint's log from a place on, with the line of the last call: a statement is answered before it is logged."""
    deadline = time.monotonic() + 30
    while "CALL ops.flag_quality" not in (text := log.read_text()[start:]):
        assert time.monotonic() < deadline, text
        time.sleep(0.02)
    return text


def test_a_batch_costs_what_the_one_before_it_cost(profiled: tuple[ProfiledEndpoint, Warehouse]) -> None:
    endpoint, warehouse = profiled
    log = endpoint.data_dir.parent / "endpoint.log"
    statements, rows, keys = [], [], []
    for number in range(1, BATCHES + 1):
        publish(warehouse, number)
        endpoint.forget()
        start = log.stat().st_size
        assert warehouse.call("ops.load_pending()")["loaded"] == 1
        assert warehouse.call("ops.flag_quality()")["flagged"] == 1
        statements.append(len(_STATEMENT.findall(whole(log, start))))
        taken, asked = Counter[str](), Counter[str]()
        for each in endpoint.statements():
            counted = asked if _ALL_KEYS.match(each["statement"]) else taken
            for scan in each["scans"]:
                if not scan["table"].startswith("ops."):  # the ledger has a row a batch
                    counted[scan["table"]] += scan["taken"]
        rows.append(taken)
        keys.append(asked)
    assert statements[2:] == statements[1:-1]
    assert rows[2:] == rows[1:-1]
    assert rows[-1]["raw.user_events"] > 0 < rows[-1]["staging.events_cleaned"]
    assert keys[-1]["staging.events_cleaned"] > keys[1]["staging.events_cleaned"]
