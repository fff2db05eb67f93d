"""Sessions are whole and events count once, in whatever batches their events come.

Most cases share a lake and its four batches: each has a year, sessions and events of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from spark_ingest.batch import making
from spark_ingest.config import IngestConfig
from tests.spark_ingest.checks import check, keys, sessions
from tests.spark_ingest.conftest import Lake, new_lake
from tests.spark_ingest.independent import Sessions, final_sessions, staged_sessions
from tests.spark_ingest.rows import Row, event, named, purchase

pytestmark = pytest.mark.spark
Batches = Sequence[Sequence[Row]]


@dataclass(frozen=True)
class Case:
    """Rows with which no other case has to do."""

    year: int

    def event(self, name: str, session: str, time: str, **other: Any) -> Row:
        return event(f"{self.year} {name}", f"{self.year} {session}", f"{self.year}-{time}", **other)

    def purchase(self, name: str, session: str, time: str, amount: str, **other: Any) -> Row:
        return purchase(f"{self.year} {name}", f"{self.year} {session}", f"{self.year}-{time}", amount, **other)

    def session(self, name: str) -> str:
        return named(f"session {self.year} {name}")

    def of(self, held: Sessions) -> Sessions:
        """The case's own among sessions, by the name that it gives them."""
        return {name: held[self.session(name)] for name in "abc" if self.session(name) in held}


TWICE, ELSEWHERE, EMPTIED, BACK, LONG, LOG_IN, BEYOND = map(Case, range(2001, 2008))


def twice(case: Case) -> Batches:
    repeated = case.purchase("1", "a", "01-15 10:00:00", "5.00")
    return [repeated, case.event("2", "a", "01-15 10:05:00")], [
        repeated,
        repeated | {"event_id": repeated["event_id"].upper()},
    ]


def elsewhere(case: Case) -> Batches:
    return (
        [
            case.purchase("1", "a", "01-15 23:59:00", "5"),
            case.event("2", "a", "01-15 10:00:00"),
            case.event("3", "b", "01-16 12:00:00"),
            case.event("4", "far", "02-20 12:00:00"),
        ],
        # After midnight, so in another partition and after the copy that is published: b gains only what is its own.
        [case.purchase("1", "b", "01-16 00:01:00", "5"), case.event("5", "b", "01-16 12:01:00")],
        # Before the copy that is published: the session that had it is computed again without it.
        [case.event("2", "c", "01-15 09:00:00")],
    )


def emptied(case: Case) -> Batches:
    return (
        [case.event("1", "a", "01-15 10:00:00"), case.event("2", "b", "01-15 10:00:00")],
        [case.event("1", "c", "01-14 20:00:00")],
    )


def back(case: Case) -> Batches:
    return (
        [case.purchase("1", "a", "01-15 10:00:00", "5.00"), case.event("2", "b", "01-15 10:00:00")],
        [case.event("3", "a", "02-20 10:00:00")],
        [case.event("4", "a", "01-15 09:00:00")],
    )


def overlong(case: Case) -> Batches:
    hours = [f"01-{15 + hour // 24} {hour % 24:02}:30:00" for hour in range(0, 72, 6)]
    return [[case.event(time, "a", time) for time in part] for part in (hours[8:], hours[4:8], hours[:4])]


def log_in(case: Case) -> Batches:
    return (
        [case.purchase("3", "a", "01-16 00:01:00", "5", user_id=named("ann"), user_tier="gold")],
        [
            case.event("1", "a", "01-15 23:50:00", user_id=None, user_tier=""),
            case.event("2", "a", "01-15 23:55:00", user_id="", user_tier="silver"),
        ],
        # Alone, a session of one group of attributes needs no merge: the empty string is none there either.
        [case.event("4", "b", "02-01 10:00:00", user_id="", user_tier="")],
    )


def beyond(case: Case) -> Batches:
    late = "01-16 11:00:00"
    return (
        [
            case.event("1", "a", "01-15 10:00:00", user_id=None, user_tier=None),
            case.event("2", "a", late, user_id="ann"),
            case.event("3", "a", late, user_id="bob"),
        ],
    )


CASES = (
    *(twice(TWICE), elsewhere(ELSEWHERE), emptied(EMPTIED), back(BACK)),
    *(overlong(LONG), log_in(LOG_IN), beyond(BEYOND)),
)


@dataclass(frozen=True)
class Told:
    """A batch: its manifest and sessions, and what a warehouse holds after it."""

    manifest: dict[str, Any]
    staged: Sessions
    held: Sessions

    def days(self, case: Case) -> list[str]:
        return [day for day in self.manifest["affected_dates"] if day.startswith(f"{case.year}-")]


@pytest.fixture(scope="module")
def told(spark: SparkSession, base_config: IngestConfig, tmp_path_factory: pytest.TempPathFactory) -> list[Told]:
    """The batches of all cases. After each, an independent engine finds the same."""
    folder = tmp_path_factory.mktemp("sessions")
    lake, batches = new_lake(spark, base_config, folder), []
    for number in range(4):
        if number < 3:
            lake.append([row for case in CASES if number < len(case) for row in case[number]])
        else:
            # The copy that counted goes: the other one counts again.
            lake.sql(f"DELETE FROM {{events}} WHERE session_id = '{ELSEWHERE.session('c')}'")
        manifest = lake.run().manifest
        assert manifest is not None
        held, expected = sessions(lake, folder)
        for year in range(TWICE.year, BEYOND.year + 1):
            case = Case(year)
            assert case.of(held) == case.of(expected), f"{year}, batch {number + 1}"
        assert held == expected
        for found, present in keys(
            lake
        ):  # an event that is sent again has two dates in the lake, and one in a warehouse
            once = f"{BACK.year}-"
            assert {key for key in found if key[0] >= once} == {key for key in present if key[0] >= once}
        batches.append(Told(manifest, staged_sessions(Path(lake.config.landing), manifest), held))
    return batches


def test_what_is_noticed_adds_up(told: list[Told]) -> None:
    first, second, third, _ = (batch.manifest["findings"] for batch in told)
    assert first == {"overlong_sessions": 1, "events_beyond_session_limit": 2}  # BEYOND
    noticed = (
        {"duplicate_events": 2},  # TWICE
        {"duplicate_events": 1},  # ELSEWHERE
        {"duplicate_events": 1, "emptied_sessions": 1},  # EMPTIED
        {"overlong_sessions": 1, "events_beyond_session_limit": 3},  # LONG: of 24:30 to 66:30, what is after 48:30
    )
    assert Counter(second) == sum((Counter(one) for one in noticed), Counter())
    assert third.items() >= {"overlong_sessions": 1, "events_beyond_session_limit": 7}.items()  # LONG


@pytest.mark.parametrize("small_bytes", [making._SMALL_BYTES, 0])
def test_duplicates_across_batches_count_once(
    small_bytes: int, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    if small_bytes:
        held = TWICE.of(request.getfixturevalue("told")[1].held)
    else:  # a large batch counts duplicates in another way
        monkeypatch.setattr(making, "_SMALL_BYTES", small_bytes)
        lake: Lake = request.getfixturevalue("lake")
        for rows in twice(TWICE):
            lake.append(list(rows))
            manifest = lake.run().manifest
        assert manifest is not None
        assert manifest["findings"]["duplicate_events"] == 2
        held = TWICE.of(final_sessions(Path(lake.config.landing)))
    (session,) = held.values()
    assert (session[11], session[17]) == (Decimal("5.00"), 2)


def test_an_event_sent_again_under_another_session_counts_once(told: list[Told]) -> None:
    _, second, third, fourth = told
    assert set(ELSEWHERE.of(second.staged)) == {"a", "b"}
    assert ELSEWHERE.session("far") not in second.staged
    assert {name: row[17] for name, row in ELSEWHERE.of(second.held).items()} == {"a": 2, "b": 2}
    assert {name: row[17] for name, row in ELSEWHERE.of(third.held).items()} == {"a": 1, "b": 2, "c": 1}
    assert {name: row[17] for name, row in ELSEWHERE.of(fourth.held).items()} == {"a": 2, "b": 2}


def test_a_session_whose_every_event_counts_elsewhere_goes(told: list[Told]) -> None:
    made = EMPTIED.of(told[1].staged)
    assert {key: row[17] for key, row in made.items()} == {"a": 0, "c": 1}
    assert set(EMPTIED.of(told[1].held)) == {"b", "c"}


def test_an_identifier_that_comes_back_does_not_replace_the_session(told: list[Told]) -> None:
    _, second, third, _ = told
    assert second.days(BACK) == ["2004-02-20"]
    assert set(BACK.of(second.staged)) == {"a"}
    assert BACK.of(third.held)["a"][11] == Decimal("5.00")


def test_overlong_sessions_are_kept_up_to_the_limit_in_any_order(told: list[Told]) -> None:
    assert [LONG.of(batch.held)["a"][17] for batch in told] == [4, 5, 5, 5]


def test_a_log_in_and_a_tier_count_in_whatever_batch_they_come(told: list[Told]) -> None:
    _, second, third, _ = told
    assert LOG_IN.of(second.held)["a"][1:3] == (named("ann"), "silver")
    assert LOG_IN.of(third.held)["b"][1:3] == (None, None)


def test_a_log_in_beyond_the_limit_is_none(told: list[Told]) -> None:
    """Also where the moment beyond it is a tie."""
    assert BEYOND.of(told[0].held)["a"][1:3] == (None, None)


def test_an_identifier_of_everybody_is_read_no_further_than_others_and_named(lake: Lake, tmp_path: Path) -> None:
    everybody = {"session_id": "undefined"}
    times = [f"2024-01-{day:02} {hour}:00:00" for day in range(1, 29) for hour in ("09", "21")]
    lake.append([event(time, None, time) | everybody for time in times])
    manifest = lake.run().manifest
    assert manifest is not None
    assert manifest["findings"] == {"overlong_sessions": 1, "events_beyond_session_limit": len(times) - 3}
    lake.append([event("1", None, "2024-01-15 11:00:00") | everybody, event("2", "a", "2024-01-15 11:00:00")])
    manifest = lake.run().manifest
    assert manifest is not None
    assert set(staged_sessions(Path(lake.config.landing), manifest)) == {named("session a")}
    assert manifest["findings"]["endless_sessions"] == 1
    assert manifest["summary"]["endless_sessions"] == ["undefined"]
    data = Path(lake.config.warehouse) / lake.config.namespace / "user_events" / "data"
    read = [path for day in range(13, 18) for path in (data / f"date=2024-01-{day}").rglob("*.parquet")]
    assert manifest["summary"]["bytes_read"] == sum(path.stat().st_size for path in read)
    check(lake, tmp_path)
    # What comes within the session's own time belongs to it, and what comes before makes it begin earlier.
    lake.append(
        [event("3", None, "2024-01-01 10:00:00") | everybody, event("4", None, "2023-12-31 22:00:00") | everybody]
    )
    lake.run()
    check(lake, tmp_path)
