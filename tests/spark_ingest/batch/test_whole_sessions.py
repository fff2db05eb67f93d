"""Sessions are whole and events count once, in whatever batches their events come."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from spark_ingest.batch import making
from tests.spark_ingest.checks import check, check_sessions
from tests.spark_ingest.conftest import Lake
from tests.spark_ingest.independent import final_sessions, staged_sessions
from tests.spark_ingest.rows import event, named, purchase

pytestmark = pytest.mark.spark


@pytest.mark.parametrize("small_bytes", [making._SMALL_BYTES, 0])
def test_duplicates_across_batches_count_once(lake: Lake, small_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "_SMALL_BYTES", small_bytes)  # a large batch counts duplicates in another way
    lake.append([purchase("1", "a", "2024-01-15 10:00:00", "5.00"), event("2", "a", "2024-01-15 10:05:00")])
    lake.run()
    repeated = purchase("1", "a", "2024-01-15 10:00:00", "5.00")
    lake.append([repeated, repeated | {"event_id": repeated["event_id"].upper()}])
    manifest = lake.run().manifest
    assert manifest is not None
    assert manifest["findings"]["duplicate_events"] == 2
    (session,) = final_sessions(Path(lake.config.landing)).values()
    assert (session[11], session[17]) == (Decimal("5.00"), 2)


def test_an_event_sent_again_under_another_session_counts_once(lake: Lake, tmp_path: Path) -> None:
    lake.append([purchase("1", "a", "2024-01-15 23:59:00", "5"), event("2", "a", "2024-01-15 10:00:00"),
                 event("3", "b", "2024-01-16 12:00:00"), event("4", "far", "2024-02-20 12:00:00")])  # fmt: skip
    lake.run()
    # After midnight, so in another partition and after the copy that is published: b gains only what is its own.
    lake.append([purchase("1", "b", "2024-01-16 00:01:00", "5"), event("5", "b", "2024-01-16 12:01:00")])
    result = lake.run()
    assert result.manifest is not None
    assert result.manifest["findings"] == {"duplicate_events": 1}
    assert set(staged_sessions(Path(lake.config.landing), result.manifest)) == {
        named("session a"),
        named("session b"),
    }
    check_sessions(lake, tmp_path)
    # Before the copy that is published: the session that had it is computed again without it.
    lake.append([event("2", "c", "2024-01-15 09:00:00")])
    lake.run()
    check_sessions(lake, tmp_path)
    # The copy that counted goes: the other one counts again.
    lake.sql(f"DELETE FROM {{events}} WHERE session_id = '{named('session c')}'")
    lake.run()
    check_sessions(lake, tmp_path)


def test_a_session_whose_every_event_counts_elsewhere_goes(lake: Lake, tmp_path: Path) -> None:
    lake.append([event("1", "a", "2024-01-15 10:00:00"), event("2", "b", "2024-01-15 10:00:00")])
    lake.run()
    lake.append([event("1", "c", "2024-01-14 20:00:00")])
    result = lake.run()
    assert result.manifest is not None
    assert result.manifest["findings"] == {"duplicate_events": 1, "emptied_sessions": 1}
    made = staged_sessions(Path(lake.config.landing), result.manifest)
    assert {key: row[17] for key, row in made.items()} == {named("session a"): 0, named("session c"): 1}
    check_sessions(lake, tmp_path)


def test_an_identifier_that_comes_back_does_not_replace_the_session(lake: Lake, tmp_path: Path) -> None:
    lake.append([purchase("1", "a", "2024-01-15 10:00:00", "5.00"), event("2", "b", "2024-01-15 10:00:00")])
    lake.run()
    lake.append([event("3", "a", "2024-02-20 10:00:00")])
    manifest = lake.run().manifest
    assert manifest is not None
    assert manifest["affected_dates"] == ["2024-02-20"]
    check(lake, tmp_path)
    lake.append([event("4", "a", "2024-01-15 09:00:00")])
    lake.run()
    check(lake, tmp_path)
    assert final_sessions(Path(lake.config.landing))[named("session a")][11] == Decimal("5.00")


def test_overlong_sessions_are_kept_up_to_the_limit_in_any_order(lake: Lake, tmp_path: Path) -> None:
    hours = [f"2024-01-{15 + hour // 24} {hour % 24:02}:30:00" for hour in range(0, 72, 6)]
    for part in (hours[8:], hours[4:8], hours[:4]):
        lake.append([event(time, "long", time) for time in part])
        manifest = lake.run().manifest
    assert manifest is not None
    assert manifest["findings"] == {"overlong_sessions": 1, "events_beyond_session_limit": 7}
    check(lake, tmp_path)


def test_a_log_in_and_a_tier_count_in_whatever_batch_they_come(lake: Lake, tmp_path: Path) -> None:
    lake.append([purchase("3", "a", "2024-01-16 00:01:00", "5", user_id=named("ann"), user_tier="gold")])
    lake.run()
    lake.append([event("1", "a", "2024-01-15 23:50:00", user_id=None, user_tier=""),
                 event("2", "a", "2024-01-15 23:55:00", user_id="", user_tier="silver")])  # fmt: skip
    lake.run()
    check(lake, tmp_path)
    (session,) = final_sessions(Path(lake.config.landing)).values()
    assert session[1:3] == (named("ann"), "silver")
    # Alone, a session of one group of attributes needs no merge: the empty string is none there either.
    lake.append([event("4", "b", "2024-02-01 10:00:00", user_id="", user_tier="")])
    lake.run()
    check(lake, tmp_path)
    assert final_sessions(Path(lake.config.landing))[named("session b")][1:3] == (None, None)


def test_a_log_in_beyond_the_limit_is_none(lake: Lake, tmp_path: Path) -> None:
    """Also where the moment beyond it is a tie."""
    late = "2024-01-16 11:00:00"
    lake.append([event("1", "a", "2024-01-15 10:00:00", user_id=None, user_tier=None),
                 event("2", "a", late, user_id="ann"), event("3", "a", late, user_id="bob")])  # fmt: skip
    lake.run()
    check(lake, tmp_path)
    assert final_sessions(Path(lake.config.landing))[named("session a")][1:3] == (None, None)


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
