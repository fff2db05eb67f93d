"""Property: however a lake came to be what it is, and however that was cut into batches, its sessions are the same.

A random history of appends, late and duplicate events, overwrites, deletes, compactions and schema changes, with runs in
between, gives the sessions that one run over everything gives, and those that DuckDB computes of the present rows.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from spark_ingest import batch
from spark_ingest.catalog import open_table
from spark_ingest.config import IngestConfig
from spark_ingest.lake import create_tables
from spark_ingest.tables import USER_EVENTS
from tests.spark_ingest.conftest import Lake
from tests.spark_ingest.independent import final_sessions, independent_sessions
from tests.spark_ingest.rows import Row, at, event, frame, named, purchase

pytestmark = pytest.mark.spark
_NUMBERS = itertools.count()

# Over a year's end, a month's end of a leap year, a midnight; and one longer than the maximum session length.
STARTS = {"year": "2023-12-31 23:50:00", "leap": "2024-02-29 22:00:00", "night": "2024-01-15 23:59:59.999999",
          "day": "2024-01-15 10:00:00"}  # fmt: skip
# Two events at once, twice: which comes first is settled by their ids.
MINUTES = (0, 0, 11, 11, 130, 600)
# Who browses, logs in and buys is a buyer; a tier may be known before or after, and change.
USERS = (None, "", None, "ann", "ann", "bob")
TIERS = ("", None, "gold", "", "silver", "gold")


def made(session: str, number: int, variant: int, copy: tuple[str, int]) -> Row:
    """The event `number` of a session; its variants and copies have the same id and differ elsewhere.

    copy: what the session's name is followed by in this copy, and the minutes it is later.
    """
    suffix, later = copy
    start = at(STARTS[session]) + timedelta(minutes=MINUTES[number] + later)
    time = start.strftime("%Y-%m-%d %H:%M:%S.%f")
    name, session = f"{session} {number}", session + suffix
    other = {
        "browser": f"Browser {variant}",
        "user_id": USERS[number - variant],
        "user_tier": TIERS[number - 2 * variant],
    }
    if number % 2:
        return purchase(name, session, time, f"{number}.{variant}5", **other)
    return event(name, session, time, "page_view", **other)


EVENTS = st.builds(
    made,
    st.sampled_from(sorted(STARTS)),
    st.integers(0, len(MINUTES) - 1),
    st.integers(0, 1),
    st.sampled_from([("", 0), ("", 0), ("", 7), (" again", 0), (" again", 7), (" again", -300)]),
)
APPEND = st.tuples(st.just("append"), st.lists(EVENTS, min_size=1, max_size=6))
CHANGES = st.one_of(
    APPEND,
    st.tuples(st.just("overwrite"), st.lists(EVENTS, min_size=1, max_size=3)),
    st.tuples(st.just("delete session"), st.sampled_from(sorted(STARTS))),
    st.tuples(st.just("delete date"), st.sampled_from(["2024-01-15", "2024-01-16", "2024-03-01", "2023-12-31"])),
    st.tuples(st.just("compact"), st.none()),
    st.tuples(st.just("add column"), st.none()),
    st.tuples(st.just("rename column"), st.none()),
    st.tuples(st.just("overlong"), st.none()),
)
# A history: what happens, and whether a batch is made after it.
HISTORIES = st.tuples(APPEND, st.lists(st.tuples(st.booleans(), CHANGES), min_size=2, max_size=5))


class History:
    """A lake under change."""

    def __init__(self, lake: Lake) -> None:
        self.lake, self.browser, self.columns = lake, "browser", 0

    def happen(self, what: str, about: object) -> None:
        name = self.lake.name(USER_EVENTS)
        match what, about:
            case "append" | "overwrite", list(rows):
                written = frame(self.lake.spark, USER_EVENTS, rows).withColumnRenamed("browser", self.browser)
                for number in range(self.columns):
                    written = written.selectExpr("*", f"'x' AS added_{number}")
                writer = written.writeTo(name)
                if what == "append":
                    writer.append()
                else:
                    writer.overwritePartitions()
            case "delete session", str(session):
                self.lake.sql(f"DELETE FROM {{events}} WHERE session_id = '{named(f'session {session}')}'")
            case "delete date", str(day):
                self.lake.sql(f"DELETE FROM {{events}} WHERE date = DATE'{day}'")
            case "compact", _:
                table = f"{self.lake.config.namespace}.user_events"
                options = "map('min-input-files', '2')"
                self.lake.spark.sql(f"CALL iceberg.system.rewrite_data_files(table => '{table}', options => {options})")
            case "add column", _:
                self.lake.sql(f"ALTER TABLE {{events}} ADD COLUMN added_{self.columns} string")
                self.columns += 1
            case "rename column", _:
                new = f"{self.browser}_renamed"
                self.lake.sql(f"ALTER TABLE {{events}} RENAME COLUMN {self.browser} TO {new}")
                self.browser = new
            case "overlong", _:
                hours = [f"2024-06-{1 + hour // 24:02} {hour % 24:02}:30:00" for hour in range(0, 60, 12)]
                self.happen("append", [event(f"long {time}", "long", time) for time in hours])


@contextmanager
def as_if_large() -> Iterator[None]:
    """Let batches go the way of large ones, with adaptive execution."""
    with patch.object(batch, "_SMALL_BYTES", 0), patch("spark_ingest.session._LITTLE", -1):
        yield


# A few, always the same ones, belong to every run of the tests; a night takes HISTORIES=100, always others.
EXAMPLES = int(os.environ.get("HISTORIES", "4"))


@settings(
    max_examples=EXAMPLES,
    derandomize="HISTORIES" not in os.environ,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
@given(history=HISTORIES)
def test_any_history_in_any_batches(
    spark: SparkSession,
    base_config: IngestConfig,
    history: tuple[tuple[str, list[Row]], list[tuple[bool, tuple[str, object]]]],
) -> None:
    first, later = history
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        config = replace(base_config, namespace=f"history_{next(_NUMBERS)}", landing=str(root / "landing"))
        create_tables(spark, config)
        lake = Lake(spark, config)
        past = History(lake)
        past.happen(*first)
        for batch_before, (what, about) in later:
            if batch_before:
                lake.run()
            past.happen(what, about)
        with as_if_large():
            lake.run()
        assert lake.run().manifest is None

        at_once = Lake(spark, replace(config, landing=str(root / "at_once")))
        with as_if_large():
            at_once.run()
        present = root / "present"
        present.mkdir()
        rows = open_table(config, USER_EVENTS).scan().to_arrow()
        renamed = ["browser" if name == past.browser else name for name in rows.column_names]
        pq.write_table(rows.rename_columns(renamed), present / "events.parquet")
        expected = independent_sessions(present)
        assert final_sessions(root / "at_once") == expected
        assert final_sessions(root / "landing") == expected
