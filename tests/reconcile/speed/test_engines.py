"""Tables whose engine merges rows some time: they are read as merged, whenever that is done."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from reconcile.errors import SpeedTableError
from reconcile.speed.columns import SPEED_COLUMNS
from reconcile.speed.connection import open_speed_layer
from reconcile.speed.engine import SpeedEngine, speed_engine
from reconcile.speed.extraction import extract_day
from reconcile.speed.landing import Landing
from reconcile.speed.statements import Source
from tests.reconcile.speed.tables import COLUMNS, TABLE, config, run

pytestmark = pytest.mark.clickhouse

ID = "0c363c25-191b-4077-b589-c5706fbd27{:02x}"
BY_DAY = "PARTITION BY toDate(session_start)"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("speed")


def table(engine: str, more: dict[str, str] | None = None, key: str = "session_id") -> list[str]:
    columns = ", ".join(f"{name} {kind}" for name, kind in {**COLUMNS, **(more or {})}.items())
    made = f"CREATE TABLE {TABLE} ({columns}) ENGINE = {engine} {BY_DAY} ORDER BY {key}"
    return [f"DROP TABLE IF EXISTS {TABLE}", made, f"SYSTEM STOP MERGES {TABLE}"]


def insert(number: int, day: int, pages: int, spent: str, *more: object) -> str:
    """One row in a part of its own."""
    start = f"2024-01-{day} 10:00:00"
    values = f"'{ID.format(number)}', NULL, 'gold', '{start}', '{start}', {pages}, 1, 0, 0, 1, {spent}"
    return f"INSERT INTO {TABLE} VALUES ({', '.join([values, *map(str, more)])})"


def found(folder: Path, landing: Path, name: str = TABLE) -> dict[str, list[tuple[str, int, Decimal]]]:
    """By day the last two digits of each session's id, its page views and its revenue."""
    settings = config(folder, landing, speed_table=name)
    sessions = {}
    with open_speed_layer(settings) as speed:
        for day in (date(2024, 1, 14), date(2024, 1, 15)):
            taken = extract_day(speed, Landing(settings), day)
            rows = pq.ParquetFile(landing / taken.path).read().to_pylist()
            sessions[day.isoformat()] = sorted(
                (row["session_id"][-2:], row["page_views"], row["total_spent"]) for row in rows
            )
        assert {state.day.isoformat() for state in speed.days()} == {day for day, rows in sessions.items() if rows}
    return sessions


def merged(folder: Path, landing: Path) -> None:
    """The same is found once ClickHouse has merged what it can."""
    before = found(folder, landing)
    run(folder, f"SYSTEM START MERGES {TABLE}", f"OPTIMIZE TABLE {TABLE} FINAL")
    assert found(folder, landing) == before


def test_the_newest_version_of_a_session_counts_and_on_its_day_only(folder: Path, tmp_path: Path) -> None:
    rows = [insert(1, 15, 1, "1.00", 1), insert(1, 15, 5, "5.50", 3), insert(1, 15, 2, "2.00", 2)]
    moved = [insert(2, 15, 1, "1.00", 1), insert(2, 14, 2, "2.00", 2)]
    run(folder, *table("ReplacingMergeTree(version)", {"version": "UInt64"}), *rows, *moved)
    assert found(folder, tmp_path) == {
        "2024-01-14": [("02", 2, Decimal("2.00"))],
        "2024-01-15": [("01", 5, Decimal("5.50"))],
    }
    merged(folder, tmp_path)


def test_the_same_content_merged_or_not_is_the_same_snapshot(folder: Path, tmp_path: Path) -> None:
    rows = [insert(1, 15, 1, "1.00", 1), insert(1, 15, 5, "5.50", 3)]
    run(folder, *table("ReplacingMergeTree(version)", {"version": "UInt64"}), *rows)
    settings = config(folder, tmp_path)
    with open_speed_layer(settings) as speed:
        first = extract_day(speed, Landing(settings), date(2024, 1, 15))
    run(folder, f"SYSTEM START MERGES {TABLE}", f"OPTIMIZE TABLE {TABLE} FINAL")
    with open_speed_layer(settings) as speed:
        again = extract_day(speed, Landing(settings), date(2024, 1, 15))
    assert (again.extraction_id, again.outcome) == (first.extraction_id, "unchanged")


def test_a_session_that_is_taken_back_is_gone(folder: Path, tmp_path: Path) -> None:
    """Rows of both collapsing engines, and one that is marked as deleted."""
    for engine, more in (
        ("CollapsingMergeTree(sign)", {"sign": "Int8"}),
        ("VersionedCollapsingMergeTree(sign, version)", {"sign": "Int8", "version": "UInt64"}),
    ):
        versions = [1] if "version" in more else []
        rows = [insert(1, 15, 1, "1.00", 1, *versions), insert(1, 15, 1, "1.00", -1, *versions)]
        rows += [insert(2, 15, 3, "3.00", 1, *versions), insert(3, 15, 9, "9.00", -1, *versions)]
        run(folder, *table(engine, more), *rows)
        assert found(folder, tmp_path) == {"2024-01-14": [], "2024-01-15": [("02", 3, Decimal("3.00"))]}, engine
    deleted = {"version": "UInt64", "gone": "UInt8"}
    rows = [insert(1, 15, 1, "1.00", 1, 0), insert(1, 15, 1, "1.00", 2, 1), insert(2, 15, 3, "3.00", 1, 0)]
    run(folder, *table("ReplacingMergeTree(version, gone)", deleted), *rows)
    assert found(folder, tmp_path) == {"2024-01-14": [], "2024-01-15": [("02", 3, Decimal("3.00"))]}


def test_states_of_aggregates_are_brought_to_their_results(folder: Path, tmp_path: Path) -> None:
    columns = {
        **{name: f"SimpleAggregateFunction(max, {kind})" for name, kind in COLUMNS.items()},
        "session_id": "UUID",
        "session_start": "SimpleAggregateFunction(min, DateTime64(6, 'UTC'))",
        "page_views": "AggregateFunction(sum, UInt32)",
        "total_spent": "SimpleAggregateFunction(sum, Decimal(38, 2))",
    }
    declared = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    made = f"CREATE TABLE {TABLE} ({declared}) ENGINE = AggregatingMergeTree {BY_DAY} ORDER BY session_id"
    run(folder, f"DROP TABLE IF EXISTS {TABLE}", made, f"SYSTEM STOP MERGES {TABLE}")
    for day, pages, spent in ((15, 3, "3.10"), (14, 4, "0.05"), (15, 5, "0.00")):
        start = f"toDateTime64('2024-01-{day} 10:00:00', 6, 'UTC')"
        values = f"toUUID('{ID.format(1)}'), NULL, 'gold', {start}, {start}, sumState(toUInt32({pages})), 1, 0, 0, 1, {spent}"
        run(folder, f"INSERT INTO {TABLE} SELECT {values}")
    assert found(folder, tmp_path) == {"2024-01-14": [("01", 12, Decimal("3.15"))], "2024-01-15": []}


def test_a_view_of_such_a_table_is_read_merged(folder: Path, tmp_path: Path) -> None:
    rows = [insert(1, 15, 1, "1.00", 1), insert(1, 15, 5, "5.50", 3)]
    run(
        folder,
        *table("ReplacingMergeTree(version)", {"version": "UInt64"}),
        *rows,
        f"CREATE OR REPLACE VIEW sessions_view AS SELECT * FROM {TABLE}",
    )
    assert found(folder, tmp_path, "sessions_view") == {"2024-01-14": [], "2024-01-15": [("01", 5, Decimal("5.50"))]}


def test_no_time_is_no_day(folder: Path, tmp_path: Path) -> None:
    start = "1970-01-01 00:00:00"
    values = f"'{ID.format(2)}', NULL, 'gold', '{start}', '{start}', 1, 1, 0, 0, 1, 1"
    run(folder, *table("MergeTree"), insert(1, 15, 1, "1.00"), f"INSERT INTO {TABLE} VALUES ({values})")
    with open_speed_layer(config(folder, tmp_path)) as speed:
        assert [state.day for state in speed.days()] == [date(2024, 1, 15)]
        assert speed.rows_without_start() == 1


def test_a_table_that_is_not_there_is_named(folder: Path, tmp_path: Path) -> None:
    with (
        open_speed_layer(config(folder, tmp_path, speed_table="nowhere")) as speed,
        pytest.raises(SpeedTableError, match="nowhere"),
    ):
        speed.days()


def test_keys_are_looked_up_only_where_that_leaves_rows_out() -> None:
    """A set of all keys of a table would only cost memory."""
    names = {column.name: f"`{column.name}`" for column in SPEED_COLUMNS}
    engine = SpeedEngine("ReplacingMergeTree", "session_id")
    source = Source("t", "`t`", engine, tuple(names.values()), (), names, COLUMNS)
    assert "IN (SELECT session_id FROM `t` WHERE" in source.day()
    assert "IN (SELECT session_id FROM `t` WHERE" in source.days(source.within)
    for sql in (source.days(), source.sample("session_id")):
        assert "IN (SELECT" not in sql
    assert "FINAL" in source.days()
    assert "FINAL" not in source.sample("session_id")


def test_the_sign_of_a_replicated_table_comes_after_its_path() -> None:
    full = "ReplicatedCollapsingMergeTree('/clickhouse/{uuid}/sessions', '{replica}', taken_back) ORDER BY session_id"
    engine = speed_engine("ReplicatedCollapsingMergeTree", full, "session_id")
    assert (engine.merges, engine.sign) == (True, "taken_back")
    assert not speed_engine("ReplicatedMergeTree", "ReplicatedMergeTree('/p', 'r') ORDER BY a", "a").merges
