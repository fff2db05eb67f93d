"""Extraction by buckets from real ClickHouse: golden vectors, only rows that differ, and what moves meanwhile."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reconcile.speed.buckets import Bucketing, Sums
from reconcile.speed.connection import open_speed_layer
from reconcile.speed.extraction import Extraction, extract_day
from reconcile.speed.landing import Landing
from reconcile.speed.names import buckets_path
from reconcile.speed.source import SpeedLayer
from tests.reconcile.speed import vectors
from tests.reconcile.speed.tables import TABLE, config, ddl, run
from tests.reconcile.speed.vectors import Row

pytestmark = pytest.mark.clickhouse

DAY = date(2024, 1, 15)
TYPES = {
    **dict.fromkeys(vectors.COLUMNS, "Nullable(Int64)"),
    **dict.fromkeys(("session_id", "user_id", "user_tier"), "Nullable(String)"),
    **dict.fromkeys(("session_start", "session_end"), "Nullable(DateTime64(6, 'UTC'))"),
    "total_spent": "Nullable(Decimal(18, 2))",
}
COMPARED = tuple(name for name in vectors.COLUMNS if not name.startswith("session_") or name == "session_id")
ROWS: list[Row] = [
    {**vectors.ROWS[0], "session_id": f"guest-{n}", "session_start": datetime(2024, 1, 15) + timedelta(seconds=n)}
    for n in range(2000)
]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("speed")


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    return tmp_path / "landing"


def unload(
    landing: Path, rows: list[Row], count: int = 8192, columns: tuple[str, ...] = COMPARED, change_id: int = 7
) -> None:
    vectors.write_buckets(landing / buckets_path(DAY), vectors.sums(rows, columns, count), columns, count, change_id)


def fill(engine: Path, rows: list[Row]) -> None:
    run(engine, ddl(TYPES), vectors.insert(TABLE, rows))


def extract(engine: Path, landing: Path) -> tuple[Extraction, dict[str, Any]]:
    settings = config(engine, landing)
    with open_speed_layer(settings) as speed_layer:
        done = extract_day(speed_layer, Landing(settings), DAY)
    return done, json.loads(max((landing / "_speed_manifests" / str(DAY)).glob("*.json")).read_text())


def test_golden_vectors(engine: Path) -> None:
    """ClickHouse's numbers are those of Python's MD5; tests/snowpark_procs/test_buckets.py has the same for the warehouse."""
    fill(engine, vectors.ROWS)
    with open_speed_layer(config(engine, engine)) as speed_layer:
        for columns in (vectors.COLUMNS, COMPARED, ("session_id",)):
            for count in (1, 8):
                found = speed_layer.day_buckets(DAY, Bucketing(columns, 64), count).sums
                assert found == vectors.sums(vectors.ROWS, columns, count)


def test_only_rows_of_buckets_that_differ_travel(engine: Path, landing: Path) -> None:
    changed = {**ROWS[5], "page_views": 9}
    extra, bad = {**ROWS[0], "session_id": "extra"}, {**ROWS[0], "session_id": "bad", "page_views": 10**17}
    speed = [*ROWS[:5], changed, *ROWS[6:7], *ROWS[8:], extra, ROWS[9], bad]  # 7 is lost, 9 is there twice
    # The day's form does not count: times differ everywhere.
    fill(engine, [{**row, "session_end": None} for row in speed])
    unload(landing, ROWS)
    done, manifest = extract(engine, landing)
    assert (done.rows, done.set_aside, done.outcome) == (2001, 1, "published")
    with pq.ParquetFile(landing / done.path) as file:
        fetched = set(file.read(["session_id"]).column(0).to_pylist())
    assert fetched >= {"guest-5", "guest-9", "extra"}
    assert len(fetched) <= done.fetched < 12
    told = manifest["buckets"]
    assert (told["count"], told["change_id"], tuple(told["columns"])) == (8192, 7, COMPARED)
    assert len(told["fetched"]) == 4
    assert manifest["control"]["money"] == "21010.50"
    total = sum(vectors.sums(speed[:-1], COMPARED, 1).values(), Sums())
    assert (told["high"], told["low"]) == (str(total.high), str(total.low))

    assert extract(engine, landing)[0].outcome == "unchanged"
    unload(landing, ROWS, change_id=8)  # the same content is no news
    assert extract(engine, landing)[0].outcome == "unchanged"
    unload(landing, ROWS[:-1], change_id=9)
    again, _ = extract(engine, landing)
    assert (again.outcome, again.rows, again.fetched > done.fetched) == ("published", 2001, True)


@pytest.mark.parametrize("case", ["no file", "torn", "other columns", "half differs", "a day without sessions"])
def test_otherwise_the_whole_day_is_read(engine: Path, landing: Path, case: str) -> None:
    fill(engine, ROWS)
    match case:
        case "torn":
            unload(landing, ROWS)
            path = landing / buckets_path(DAY)
            path.write_bytes(path.read_bytes()[:-100])
        case "other columns":
            unload(landing, ROWS, columns=COMPARED[:-1])
        case "half differs":
            unload(landing, [*ROWS[:900], *({**row, "user_tier": None} for row in ROWS[900:])])
        case "a day without sessions":
            unload(landing, [])
    done, manifest = extract(engine, landing)
    assert (done.rows, done.fetched) == (2000, 2000)
    assert "buckets" not in manifest


@pytest.mark.parametrize("times", [1, 9])
def test_what_moves_between_the_statements_is_asked_for_again(
    engine: Path, landing: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """A session arrives again and again in a bucket that differs: at last the whole day is read, by one statement."""
    fill(engine, [*ROWS, ROWS[-1]])
    unload(landing, ROWS)
    read, moves = SpeedLayer.read_buckets, iter(range(times))

    def moving(self: SpeedLayer, day: date, bucketing: Bucketing, buckets: Collection[int]) -> Iterator[pa.RecordBatch]:
        if next(moves, None) is not None:
            self._connection.query(vectors.insert(TABLE, [ROWS[-1]]), {}, {})
        return read(self, day, bucketing, buckets)

    monkeypatch.setattr(SpeedLayer, "read_buckets", moving)
    done, manifest = extract(engine, landing)
    if times == 1:
        assert (done.rows, len(manifest["buckets"]["fetched"])) == (2002, 1)
        assert 3 <= done.fetched < 9
    else:
        assert done.rows == done.fetched == 2004
