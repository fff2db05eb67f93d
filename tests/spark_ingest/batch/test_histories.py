"""Property: however a lake came to be what it is, and however that was cut into batches, its sessions are the same.

Random histories of appends, late and duplicate events, overwrites, deletes, changes of schema and partitions, compactions,
expiry and rollback, with runs in between, give the sessions that one run over everything gives, and those that DuckDB computes
of the present rows. Several histories, of visitors and years of their own, share a lake and its runs.
"""

from __future__ import annotations

import itertools
import math
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from spark_ingest.batch import making
from spark_ingest.config import IngestConfig
from spark_ingest.lake.catalog import open_table
from spark_ingest.lake.rows import create_tables
from spark_ingest.lake.tables import USER_EVENTS
from tests.spark_ingest.conftest import Lake
from tests.spark_ingest.independent import final_sessions, independent_sessions
from tests.spark_ingest.rows import Row, at, event, frame, named, purchase

pytestmark = pytest.mark.spark
_NUMBERS = itertools.count()

# Over a year's end, a month's end of a leap year, a midnight; and one longer than the maximum session length.
STARTS = {"year": "{before}-12-31 23:50:00", "leap": "{year}-02-29 22:00:00", "night": "{year}-01-15 23:59:59.999999",
          "day": "{year}-01-15 10:00:00"}  # fmt: skip
# Two events at once, twice: which comes first is settled by their ids.
MINUTES = (0, 0, 11, 11, 130, 600)
# Who browses, logs in and buys is a buyer; a tier may be known before or after, and change.
USERS = (None, "", None, "ann", "ann", "bob")
TIERS = ("", None, "gold", "", "silver", "gold")
# So many histories share a lake, each in a leap year of its own.
TOGETHER = 8
JUNK_HOURS = 10


def year_of(history: int) -> int:
    return 2024 - 4 * history


def made(
    history: int, session: str, number: int, variant: int, copy: tuple[str, int], arrived: dict[str, object]
) -> Row:
    """The event `number` of a session; its variants and copies have the same id and differ elsewhere.

    copy: what the session's name is followed by in this copy, and the minutes it is later. arrived: a date that is not its own.
    """
    suffix, later = copy
    year = year_of(history)
    start = at(STARTS[session].format(year=year, before=year - 1)) + timedelta(minutes=MINUTES[number] + later)
    time = start.strftime("%Y-%m-%d %H:%M:%S.%f")
    name, session = f"{history} {session} {number}", f"{history} {session}{suffix}"
    other = {
        "browser": f"Browser {variant}",
        "user_id": USERS[number - variant],
        "user_tier": TIERS[number - 2 * variant],
    }
    if number == 3:  # nested too deep to be read at sight: the JSON parser has to look at it
        other["properties"] = f'{{"amount": {number}.{variant}5, "nested": [[[[[]]]]]}}'
    if number % 2:
        return purchase(name, session, time, f"{number}.{variant}5", **other) | arrived
    return event(name, session, time, "page_view", **other) | arrived


def junk(history: int, number: int) -> Row:
    """An event of an identifier that everybody has, in an endless row of such."""
    time = at(f"{year_of(history)}-08-01 03:00:00") + timedelta(hours=JUNK_HOURS * number)
    row = event(f"{history} junk {number}", None, time.strftime("%Y-%m-%d %H:%M:%S"))
    return row | {"session_id": f"undefined {history}"}


def overlong(history: int) -> list[Row]:
    """A session of sixty hours."""
    hours = [f"{year_of(history)}-06-{1 + hour // 24:02} {hour % 24:02}:30:00" for hour in range(0, 60, 12)]
    return [event(f"long {time}", f"{history} long", time) for time in hours]


def days(history: int, day: str) -> str:
    year = year_of(history)
    return day.format(year=year, before=year - 1)


WHICH = st.integers(0, TOGETHER - 1)
EVENTS = st.builds(
    made,
    WHICH,
    st.sampled_from(sorted(STARTS)),
    st.integers(0, len(MINUTES) - 1),
    st.integers(0, 1),
    st.sampled_from([("", 0), ("", 0), ("", 7), (" again", 0), (" again", 7), (" again", -300)]),
    st.sampled_from([{}, {}, {"date": date(2024, 5, 5), "hour": 5}]),
)
ROWS = st.one_of(
    st.lists(EVENTS, min_size=1, max_size=6 * TOGETHER),
    st.builds(overlong, WHICH),
    st.lists(st.builds(junk, WHICH, st.integers(0, 20)), min_size=1, max_size=3 * TOGETHER),
)
SESSIONS = st.builds("session {} {}".format, WHICH, st.sampled_from(sorted(STARTS)))
CONDITIONS = st.one_of(
    st.builds("session_id = '{}'".format, st.builds(named, SESSIONS)),
    st.builds(
        "date = DATE'{}'".format,
        st.builds(days, WHICH, st.sampled_from(["{year}-01-15", "{year}-01-16", "{year}-03-01", "{before}-12-31"])),
    ),
    st.just("date = DATE'2024-05-05'"),
)
# What happens to rows in one step, of any of the histories; and to the table.
STEPS = st.tuples(
    st.booleans(),
    st.lists(CONDITIONS, max_size=TOGETHER // 2),
    st.one_of(st.just([]), st.lists(EVENTS, min_size=1, max_size=TOGETHER)),
    ROWS,
    st.sampled_from(
        ["nothing", "compact", "add column", "rename column", "merge on read", "partitions", "expire", "roll back"]
    ),
)
HISTORIES = st.tuples(ROWS, st.lists(STEPS, min_size=2, max_size=5))
# The table's partitions, one shape after another; a table of version 3 has deletion vectors.
PARTITIONS = [
    "DROP PARTITION FIELD hour",
    "REPLACE PARTITION FIELD date WITH days(timestamp)",
    "DROP PARTITION FIELD days(timestamp)",
]
MERGE_ON_READ = "SET TBLPROPERTIES ('write.delete.mode'='merge-on-read', 'format-version'='{}')"


class History:
    """A lake under change."""

    def __init__(self, lake: Lake) -> None:
        self.lake, self.browser, self.columns = lake, "browser", 0
        self.partitions = [f"ALTER TABLE {{events}} {change}" for change in PARTITIONS]
        self.versions = [f"ALTER TABLE {{events}} {MERGE_ON_READ.format(version)}" for version in (2, 3)]

    def delete(self, conditions: list[str]) -> None:
        if conditions:
            self.lake.sql(f"DELETE FROM {{events}} WHERE {' OR '.join(conditions)}")

    def write(self, rows: list[Row], overwrite: bool = False) -> None:
        if not rows:
            return
        written = frame(self.lake.spark, USER_EVENTS, rows).withColumnRenamed("browser", self.browser)
        for number in range(self.columns):
            written = written.selectExpr("*", f"'x' AS added_{number}")
        writer = written.writeTo(self.lake.name(USER_EVENTS))
        if overwrite:
            writer.overwritePartitions()
        else:
            writer.append()

    def happen(self, what: str) -> None:
        match what:
            case "compact":
                self._call("rewrite_data_files", "options => map('min-input-files', '2')")
            case "add column":
                self.lake.sql(f"ALTER TABLE {{events}} ADD COLUMN added_{self.columns} string")
                self.columns += 1
            case "rename column":
                new = f"{self.browser}_renamed"
                self.lake.sql(f"ALTER TABLE {{events}} RENAME COLUMN {self.browser} TO {new}")
                self.browser = new
            case "merge on read" if self.versions:
                self.lake.sql(self.versions.pop(0))
            case "partitions" if self.partitions:
                self.lake.sql(self.partitions.pop(0))
            case "expire":
                now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
                self._call("expire_snapshots", f"older_than => TIMESTAMP '{now}', retain_last => 1")
            case "roll back":
                table = open_table(self.lake.config, USER_EVENTS)
                current = table.current_snapshot()
                parent = current.parent_snapshot_id if current else None
                if parent is not None and table.snapshot_by_id(parent) is not None:
                    self._call("rollback_to_snapshot", f"snapshot_id => {parent}")

    def _call(self, procedure: str, arguments: str) -> None:
        table = f"{self.lake.config.namespace}.user_events"
        self.lake.spark.sql(f"CALL iceberg.system.{procedure}(table => '{table}', {arguments})")


@contextmanager
def as_if_large() -> Iterator[None]:
    """Let batches go the way of large ones, with adaptive execution."""
    with patch.object(making, "_SMALL_BYTES", 0), patch("spark_ingest.spark.session._LITTLE", -1):
        yield


# A few, always the same ones, belong to every run of the tests; a night takes HISTORIES=200, always others.
EXAMPLES = math.ceil(int(os.environ.get("HISTORIES", "16")) / TOGETHER)


@settings(
    max_examples=EXAMPLES,
    derandomize="HISTORIES" not in os.environ,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    print_blob=True,
)
@given(histories=HISTORIES)
def test_any_history_in_any_batches(
    spark: SparkSession,
    base_config: IngestConfig,
    histories: tuple[list[Row], list[tuple[bool, list[str], list[Row], list[Row], str]]],
) -> None:
    first, later = histories
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        config = replace(base_config, namespace=f"history_{next(_NUMBERS)}", landing=str(root / "landing"))
        create_tables(spark, config)
        lake = Lake(spark, config)
        past = History(lake)
        past.write(first)
        for batch_before, conditions, overwritten, rows, change in later:
            if batch_before:
                lake.run()
            past.delete(conditions)
            past.write(overwritten, overwrite=True)
            past.write(rows)
            past.happen(change)
        with as_if_large():
            lake.run()
        assert lake.run().manifest is None

        at_once = Lake(spark, replace(config, landing=str(root / "at_once")))
        with as_if_large():
            at_once.run()
        present = root / "present"
        present.mkdir()
        now = open_table(config, USER_EVENTS).scan().to_arrow()
        renamed = ["browser" if name == past.browser else name for name in now.column_names]
        pq.write_table(now.rename_columns(renamed), present / "events.parquet")
        expected = independent_sessions(present)
        assert final_sessions(root / "at_once") == expected
        assert final_sessions(root / "landing") == expected
