"""Session transforms: golden rows, amounts, ties, duplicates, and the physical plan."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.serializers import CloudPickleSerializer
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from spark_ingest.batch.staging import _result, _writer
from spark_ingest.config import IngestConfig
from spark_ingest.lake.tables import USER_EVENTS
from spark_ingest.transforms import sessions as S
from tests.spark_ingest.rows import Row, at, event, frame, named, purchase

pytestmark = pytest.mark.spark


def made(spark: SparkSession, rows: list[Row]) -> dict[str, Any]:
    """The sessions of rows, by id: as few events are made into sessions, and, but for ties, as many are."""
    events = S.with_canonical_ids(S.session_events(frame(spark, USER_EVENTS, rows)))
    exact = _by_id(S.exact_sessions(S.each_event_once(events)))
    for session_id, row in _by_id(S.sessions(S.each_event_once(events))).items():
        assert row.pop("unsettled") or row == exact[session_id]
    return {key: {name: row[name] for name in S.SESSION_COLUMNS} for key, row in exact.items()}


def _by_id(sessions: DataFrame) -> dict[str, dict[str, Any]]:
    rows = sessions.withColumn("session_start", F.unix_micros("session_start")).collect()
    return {row.session_id: row.asDict() for row in rows}


def test_one_session_column_by_column(spark: SparkSession) -> None:
    rows = [
        event("2", "a", "2024-01-15 10:05:00.000001", "product_view", browser="Later", ip_address="192.0.2.2"),
        event("1", "a", "2024-01-15 10:00:00", "page_view", user_tier="silver"),
        event("3", "a", "2024-01-15 10:06:00", "search"),
        event("4", "a", "2024-01-15 10:07:00", "add_to_cart"),
        purchase("5", "a", "2024-01-15 10:08:00", "10.005"),
        purchase("6", "a", "2024-01-15 10:20:03.250001", '"4.99"', ip_address=None),
        event("7", None, "2024-01-15 10:08:00"),
    ]
    session = made(spark, rows)[named("session a")]
    assert session == {
        "session_id": named("session a"),
        "user_id": named("user of a"),
        "user_tier": "silver",
        "session_start": int(at("2024-01-15 10:00:00").timestamp()) * 1_000_000,
        "session_end": session["session_end"],
        "session_duration_minutes": Decimal("20.0542"),  # 1203.250001 s
        "page_views": 1,
        "product_views": 1,
        "searches": 1,
        "add_to_cart_events": 1,
        "purchases": 2,
        "total_spent": Decimal("15.00"),  # 10.005 is rounded half-up before it is added
        "items_purchased": 2,
        "device_type": "mobile",
        "browser": "Firefox 121",
        "converted_to_purchase": True,
        "first_purchase_at": session["first_purchase_at"],
        "event_count": 6,
        "distinct_ip_count": 2,
    }


def test_only_purchases_have_amounts(spark: SparkSession) -> None:
    row = event("1", "a", "2024-01-15 10:00:00", "add_to_cart", properties='{"amount": 5}')
    assert made(spark, [row])[named("session a")]["total_spent"] == Decimal("0.00")


def test_ties_are_settled_by_event_id(spark: SparkSession) -> None:
    same = "2024-01-15 10:00:00"
    rows = [event(str(n), "a", same, browser=f"browser {n}", user_tier=None if n % 2 else "gold") for n in range(12)]
    rows += [event("x", "b", same), event("y", "b", same)]
    first = min(rows[:12], key=lambda row: row["event_id"])
    session = made(spark, rows)[named("session a")]
    assert (session["browser"], session["user_tier"]) == (first["browser"], "gold")
    assert session["event_count"] == 12


def test_who_browses_logs_in_and_buys_is_a_buyer(spark: SparkSession) -> None:
    rows = [
        event("1", "a", "2024-01-15 10:00:00", user_id=None, user_tier=None, browser=None, device_type="tablet"),
        event("2", "a", "2024-01-15 10:01:00", user_id=None, user_tier="silver"),
        event("3", "a", "2024-01-15 10:02:00", user_id=named("ann"), user_tier=None),
        purchase("4", "a", "2024-01-15 10:03:00", "5", user_id=named("ann"), user_tier="gold"),
        event("5", "a", "2024-01-15 10:04:00", user_id=named("bob"), user_tier="gold"),
        event("6", "guest", "2024-01-15 10:00:00", user_id=None, user_tier="gold"),
        event("7", "guest", "2024-01-15 10:01:00", user_id=None, user_tier="silver", browser=None),
    ]
    found = made(spark, rows)
    columns = ("user_id", "user_tier", "device_type", "browser", "event_count")
    session, guest = (tuple(found[named(f"session {name}")][column] for column in columns) for name in ("a", "guest"))
    assert session == (named("ann"), "silver", "tablet", None, 5)
    assert guest == (None, "gold", "mobile", "Firefox 121", 2)


@pytest.mark.parametrize("attribute", ["user_id", "user_tier"])
def test_who_logs_in_twice_in_one_moment_is_settled_by_event_id(spark: SparkSession, attribute: str) -> None:
    rows = [event("start", "a", "2024-01-15 10:00:00", **{attribute: None})]
    rows += [
        event(str(n), "a", "2024-01-15 10:01:00", **{attribute: None if n % 3 else f"value {n}"}) for n in range(12)
    ]
    rows += [event("end", "a", "2024-01-15 10:02:00", **{attribute: "value of the end"})]
    first = min((row for row in rows[1:13] if row[attribute]), key=lambda row: row["event_id"])
    others = {row[attribute] for row in rows if row[attribute]} - {first[attribute]}
    assert max(others) > first[attribute] > min(others), "neither the least nor the greatest value, by chance"
    assert made(spark, rows)[named("session a")][attribute] == first[attribute]


def test_only_what_decides_an_attribute_is_a_tie(spark: SparkSession) -> None:
    same, later = "2024-01-15 10:00:00", "2024-01-15 10:01:00"
    rows = [
        event("1", "addresses", same),
        event("2", "addresses", same, ip_address="192.0.2.2"),
        event("3", "a guest too", same),
        event("4", "a guest too", same, user_id=None, user_tier=None),
        event("5", "later", same),
        event("6", "later", later, user_tier="silver", browser=None),
        event("7", "later", later, user_tier="gold", browser="other"),
        event("8", "browser", same),
        event("9", "browser", same, browser=None),
        event("10", "log-in", same, user_id=None),
        event("11", "log-in", later, user_id="ann"),
        event("12", "log-in", later, user_id="bob"),
    ]
    sessions = S.sessions(S.with_canonical_ids(S.session_events(frame(spark, USER_EVENTS, rows))))
    tied = {row.session_id for row in sessions.filter("unsettled").collect()}
    assert tied == {named("session browser"), named("session log-in")}


def test_lone_groups_and_those_aside_are_all_sessions(spark: SparkSession) -> None:
    rows = [event(f"{name} {n}", name, f"2024-01-15 10:{n:02}:00") for name in "abc" for n in range(4)]
    rows += [
        event("b 5", "b", "2024-01-15 10:05:00", browser="other"),
        purchase("c 6", "c", "2024-01-15 10:06:00", "-1"),
    ]
    rows += [event("d 1", "d", "2024-01-15 10:00:00") | {"ip_address": None}]
    events = S.with_canonical_ids(S.session_events(frame(spark, USER_EVENTS, rows)))
    found = S.lone_groups(S.session_groups(events), 360_000_000).persist()
    aside = found.filter("aside IS NOT NULL").select("aside.*")
    assert {row.session_id for row in aside.collect()} == {named("session b")}, "c lasts no longer than the limit"
    shorter = S.lone_groups(S.session_groups(events), 359_999_999).filter("aside IS NOT NULL")
    assert {row.session_id for row in shorter.collect()} == {named("session b"), named("session c")}
    alone = found.filter("aside IS NULL").drop("aside")
    merged = S.merged_groups(aside).drop("unsettled")
    assert alone.dtypes == merged.dtypes
    assert sorted(map(str, merged.union(alone).collect())) == sorted(
        map(str, S.sessions(events).drop("unsettled").collect())
    )


def test_identifiers_in_any_form_are_one(spark: SparkSession) -> None:
    one = event("1", "a", "2024-01-15 10:00:00")
    two = event("2", "a", "2024-01-15 10:01:00") | {"session_id": "{" + named("session a").upper() + "}"}
    again = one | {"event_id": one["event_id"].replace("-", "").upper()}
    odd = event("3", None, "2024-01-15 10:02:00") | {"session_id": "Cart-77"}
    found = made(spark, [one, two, again, odd])
    assert {key: row["event_count"] for key, row in found.items()} == {named("session a"): 2, "Cart-77": 1}


def test_duplicates_count_once_and_the_earliest_wins(spark: SparkSession) -> None:
    rows = [
        purchase("1", "a", "2024-01-15 10:00:05", "9.00"),
        purchase("1", "a", "2024-01-15 10:00:00", "5.00"),
        purchase("1", "a", "2024-01-15 10:00:00", "5.00"),
        event("2", "a", "2024-01-15 10:01:00") | {"event_id": None},
        event("3", "a", "2024-01-15 10:01:00") | {"event_id": None},
    ]
    session = made(spark, rows)[named("session a")]
    assert (session["event_count"], session["total_spent"]) == (3, Decimal("5.00"))


def test_both_ways_of_counting_once_agree(spark: SparkSession) -> None:
    rows = [event(str(n % 7), f"s{n % 3}", f"2024-01-15 10:{n:02}:00") for n in range(40)]
    rows += [event("none", "s1", "2024-01-15 11:00:00") | {"event_id": None} for _ in range(3)]
    events = S.with_canonical_ids(S.session_events(frame(spark, USER_EVENTS, rows))).persist()
    duplicates = S.duplicated_ids(events)
    chosen = S.each_event_once(events, duplicates.select("event_id"))
    assert sorted(map(str, chosen.collect())) == sorted(map(str, S.each_event_once(events).collect()))
    assert {row.event_id: row.n for row in duplicates.collect()} == {
        named(f"event {n}"): len(range(n, 40, 7)) for n in range(7)
    }


def _by_value(function: object) -> bytes:
    made: bytes = CloudPickleSerializer().dumps(function)  # type: ignore[no-untyped-call]
    return made


def test_executors_need_no_package_of_ours(tmp_path: Path) -> None:
    """The functions that they run travel by value, to a Python that has only what Spark's workers have."""
    config = IngestConfig(warehouse="lake", landing=str(tmp_path))
    result = _result(T.StructType([T.StructField("at", T.TimestampNTZType())]))
    functions = {
        "repeated": S.repeated_values(),
        "write": _writer(config, "folder", "at", None, result),
    }
    for name, function in functions.items():
        (tmp_path / name).write_bytes(_by_value(function))
    script = """
import pickle, sys, pyarrow as pa
try:
    import spark_ingest
except ImportError:
    repeated, write = (pickle.load(open(name, "rb")) for name in ("repeated", "write"))
    print([batch.to_pydict() for batch in repeated([pa.RecordBatch.from_pydict({"hash": [1, 2, 1]})])])
    times = pa.array([1], pa.timestamp("us"))
    print([batch["rows"].to_pylist() for batch in write([pa.RecordBatch.from_arrays([times], ["at"])])])
"""
    done = subprocess.run(
        [sys.executable, "-I", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("[{'hash': [1]}]\n[[1]]\n", "")


def test_overlong_sessions_are_cut_at_the_limit(spark: SparkSession) -> None:
    rows = [event(str(n), "long", f"2024-01-{15 + n // 24} {n % 24:02}:00:00") for n in range(0, 40, 4)]
    rows.append(event("short", "short", "2024-01-15 10:00:00"))
    events = S.with_canonical_ids(S.session_events(frame(spark, USER_EVENTS, rows)))
    limit = 24 * 3_600_000_000
    too_long = events.join(S.sessions(events).filter(S.is_overlong(limit)), "session_id", "left_semi")
    kept = S.within_spans(events, S.kept_spans(too_long, limit, None))
    counts = {row.session_id: row.event_count for row in S.sessions(kept).collect()}
    assert counts == {named("session long"): 7, named("session short"): 1}  # hours 0 to 24, both included


def plan_of(rows: DataFrame) -> str:
    return str(rows._jdf.queryExecution().executedPlan().toString())


def test_no_aggregate_sorts(spark: SparkSession) -> None:
    """An aggregate with a string in its buffer would be a SortAggregate (or an ObjectHashAggregate that falls back)."""
    events = S.with_canonical_ids(S.session_events(frame(spark, USER_EVENTS, [event("1", "a", "2024-01-15 10:00:00")])))
    duplicates = S.duplicated_ids(events)
    once = S.each_event_once(events, duplicates.select("event_id"))
    hashes = S.repeated_hashes(events, 2)
    groups = S.session_groups(once)
    for part in (duplicates, hashes, once, groups, S.lone_groups(groups, 1), S.sessions(once)):
        plan = plan_of(part)
        assert "SortAggregate" not in plan
        assert "ObjectHashAggregate" not in plan
    assert "HashAggregate" in plan_of(S.sessions(once))


def test_the_seeds_aggregate_does_sort(spark: SparkSession) -> None:
    """The check above can fail: first() of strings, as the requirement has it, is a sort-based aggregate."""
    seed = (
        frame(spark, USER_EVENTS, [event("1", "a", "2024-01-15 10:00:00")])
        .groupBy("session_id")
        .agg(F.first("browser"))
    )
    assert "SortAggregate" in plan_of(seed)
