"""Bots and test users on the local endpoint: decided once, per session, and inherited by the session's events."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.snowpark_procs.batches import BatchOptions, Row, at, event, session
from tests.snowpark_procs.conftest import Warehouse

pytestmark = pytest.mark.integration

_LIMIT = timedelta(hours=24)
_REQUESTS = ("page_view", "product_view", "search")


def flag(warehouse: Warehouse, **parts: Any) -> dict[str, Any]:
    warehouse.publish(**parts)
    warehouse.call("ops.load_pending()")
    summary: dict[str, Any] = warehouse.call("ops.flag_quality()")["batches"][0]
    return summary


def bots(warehouse: Warehouse, table: str, key: str) -> set[str]:
    return {row[0] for row in warehouse.query(f"SELECT {key} FROM staging.{table} WHERE is_bot_traffic")}


def visit(session_id: str, kinds: Sequence[str], seconds: float, start: str = "2024-01-15 10:00:00") -> list[Row]:
    """Events of these types, spread evenly over so many seconds; every product and page another one."""
    step = seconds / max(len(kinds) - 1, 1)
    return [
        event(
            f"{session_id}-{number}",
            session_id,
            str(at(start).replace(tzinfo=None) + timedelta(seconds=number * step)),
            kind,
            page_url=f"/{number}",
            product_id=f"p{number}",
            search_query=f"q{number}",
            browser="Chrome",
        )
        for number, kind in enumerate(kinds)
    ]


def session_of(events: Sequence[Row], **columns: Any) -> Row:
    """The row that the ingest job makes of a session's events."""
    first, last = min(e["timestamp"] for e in events), max(e["timestamp"] for e in events)
    kinds = Counter(e["event_type"] for e in events)
    counts = {f"{kind}s": kinds[kind] for kind in ("page_view", "product_view", "purchase")}
    start = str(first.replace(tzinfo=None))
    made = {"searches": kinds["search"], "add_to_cart_events": kinds["add_to_cart"], "event_count": len(events)}
    minutes = Decimal((last - first) // timedelta(microseconds=1)) / 60_000_000
    length = {"session_end": last, "session_duration_minutes": round(minutes, 4)}
    return session(
        events[0]["session_id"], start, **{"browser": "Chrome", **made, **counts, **length, "user_id": None, **columns}
    )


def test_behaviour_tells_a_bot_whatever_it_calls_itself(warehouse: Warehouse) -> None:
    reloaded = visit("reloaded", ["page_view"] * 201, 86000)
    for row in reloaded:
        row["page_url"] = "/cart"
    visits = {
        "shopper": visit("shopper", ["product_view"] * 50, 2400),
        "scraper": visit("scraper", ["product_view", "page_view", "search", "search"] * 50, 60),
        "invoice": visit("invoice", ["purchase"] * 500, 1),
        "cart": visit("cart", ["add_to_cart"] * 500, 1),
        "few at once": visit("few at once", ["page_view"] * 29, 0),
        "burst": visit("burst", ["page_view"] * 30, 29),
        "half a minute": visit("half a minute", ["page_view"] * 30, 30),
        "reloaded": reloaded,
        "unhurried": visit("unhurried", ["page_view"] * 201, 86000),
        "googlebot": [*visit("googlebot", ["page_view"] * 2, 60)],
    }
    visits["googlebot"][1]["browser"] = "Googlebot/2.1"
    flag(
        warehouse,
        events=[row for rows in visits.values() for row in rows],
        sessions=[session_of(rows) for rows in visits.values()],
    )
    robots = {"scraper", "burst", "reloaded", "googlebot"}
    assert bots(warehouse, "user_sessions_enhanced", "session_id") == robots
    assert bots(warehouse, "events_cleaned", "session_id") == robots
    assert bots(warehouse, "events_cleaned", "event_id") == {row["event_id"] for each in robots for row in visits[each]}
    assert warehouse.query("SELECT event_id FROM staging.events_cleaned WHERE own_is_bot_traffic") == [("googlebot-1",)]
    seen = "SELECT session_id, requests_per_minute, max_repeats FROM staging.user_sessions_enhanced"
    behaviour = {row[0]: row[1:] for row in warehouse.query(seen)}
    assert behaviour["shopper"] == (Decimal("1.2500"), 1)
    assert behaviour["scraper"] == (Decimal(200), 1)
    assert behaviour["few at once"] == (Decimal(29 * 60), 1)  # a second is the shortest time that a rate is told of
    assert behaviour["half a minute"] == (Decimal(60), 1)
    assert behaviour["invoice"] == behaviour["cart"] == (Decimal(0), 0)
    assert behaviour["reloaded"][1] == 201


@contextmanager
def thresholds(warehouse: Warehouse, **values: int) -> Iterator[None]:
    """Thresholds as an operator sets them; as they were afterwards."""
    before = warehouse.query("SELECT name, value FROM ops.quality_thresholds")
    change = "UPDATE ops.quality_thresholds SET value = %s WHERE name = %s"
    for name, value in values.items():
        warehouse.query(change, value, name)
    try:
        yield
    finally:
        for name, value in before:
            warehouse.query(change, value, name)


def test_an_operator_sets_the_thresholds(warehouse: Warehouse) -> None:
    rows = visit("s", ["page_view"] * 40, 600)
    parts = {"events": rows, "sessions": [session_of(rows)]}
    with thresholds(warehouse, bot_requests_per_minute=3):
        flag(warehouse, name="1", **parts)
        assert bots(warehouse, "user_sessions_enhanced", "session_id") == {"s"}
    again = flag(warehouse, name="2", **parts, options=BatchOptions(published_at="2024-02-02T00:00:00Z"))
    assert again["events_inherited"] == 40
    assert again["datasets"]["user_sessions"]["changed"] == 1
    assert (
        bots(warehouse, "events_cleaned", "event_id")
        == bots(warehouse, "user_sessions_enhanced", "session_id")
        == set()
    )


def test_a_rule_may_name_a_threshold_of_its_own(warehouse: Warehouse) -> None:
    warehouse.query("INSERT INTO ops.quality_thresholds (name, value, description) SELECT 'most_addresses', 1.5, 'x'")
    warehouse.query(
        "INSERT INTO ops.quality_rules (dataset, code, severity, predicate, description, enabled) "
        "SELECT 'sessions', 'addresses', 'warn', 'distinct_ip_count > most_addresses', 'x', TRUE"
    )
    try:
        flag(warehouse, sessions=[session("s", "2024-01-15 10:00:00", distinct_ip_count=2)])
    finally:
        warehouse.query("DELETE FROM ops.quality_thresholds WHERE name = 'most_addresses'")
        warehouse.query("DELETE FROM ops.quality_rules WHERE code = 'addresses'")
    assert warehouse.query("SELECT validation_warnings[0]::STRING FROM staging.user_sessions_enhanced") == [
        ("addresses",)
    ]


def test_events_staged_before_follow_when_the_verdict_changes(warehouse: Warehouse) -> None:
    """Over midnight, and back again when the session ends before them; each change names the dates of the events."""
    rows = visit("s", ["page_view"] * 4, 3 * 3600, start="2024-01-15 22:00:00")
    outside = event("outside", "s", "2024-01-20 10:00:00", browser="Chrome")
    flag(warehouse, name="1", events=[*rows[:3], outside], sessions=[session_of(rows[:3])], options=_published(1))
    assert bots(warehouse, "events_cleaned", "event_id") == set()
    rows[3]["browser"] = "HeadlessChrome"
    second = flag(warehouse, name="2", events=rows[3:], sessions=[session_of(rows)], options=_published(2))
    assert bots(warehouse, "events_cleaned", "event_id") == {row["event_id"] for row in rows}
    dates = "SELECT date FROM ops.date_changes WHERE dataset = 'user_events' AND change_id = %s ORDER BY date"
    both = [(date(2024, 1, 15),), (date(2024, 1, 16),)]
    assert warehouse.query(dates, second["change_id"]) == both
    assert second["events_inherited"] == 3
    third = flag(warehouse, name="3", sessions=[session_of(rows[:2])], options=_published(3))
    assert bots(warehouse, "user_sessions_enhanced", "session_id") == set()
    assert bots(warehouse, "events_cleaned", "event_id") == {"s-3"}  # in no session now: judged by its own agent
    assert warehouse.query(dates, third["change_id"]) == both


def _published(hour: int, **options: Any) -> BatchOptions:
    return BatchOptions(published_at=f"2024-02-01T{hour:02}:00:00Z", **options)


# Random histories -----------------------------------------------------------------------------------------------------

_SESSIONS = [f"s{number}" for number in range(8)]
_HOME = {each: at("2024-01-15 12:00:00") + timedelta(hours=9 * number) for number, each in enumerate(_SESSIONS)}


@dataclass
class Lake:
    """Batches of a random history, as the ingest job publishes them: rows, and the whole sessions that they touch.

    events: the copies of each event.
    """

    rng: random.Random
    events: dict[str, list[Row]] = field(default_factory=dict)

    def batch(self) -> dict[str, Any]:
        """Some new events, some sent again with another content, date or session."""
        new = [self._event(f"e{len(self.events) + number}") for number in range(self.rng.randint(1, 12))]
        again = self.rng.sample(sorted(self.events), min(len(self.events), self.rng.randint(0, 3)))
        delivered = [*new, *(self._event(event_id) for event_id in again)]
        for row in delivered:
            self.events.setdefault(row["event_id"], []).append(row)
        touched = {copy["session_id"] for row in delivered for copy in self.events[row["event_id"]]}
        return {"events": delivered, "sessions": self._sessions(touched)}

    def backfill(self) -> dict[str, Any]:
        """All that there is of some dates, where some events are gone."""
        dates = self.rng.sample(sorted({row["date"] for row in self._copies()}), 1)
        on_dates = [row for row in self._copies() if row["date"] in dates]
        touched = {copy["session_id"] for row in on_dates for copy in self.events[row["event_id"]]}
        alone = sorted({row["event_id"] for row in on_dates if len(self.events[row["event_id"]]) == 1})
        for event_id in self.rng.sample(alone, min(len(alone), 2)):
            del self.events[event_id]
        held = [row for row in self._copies() if row["date"] in dates]
        scope = {"user_events": "dates", "user_sessions": "dates"}
        sessions = self._sessions(touched)
        options = {"mode": "backfill", "scope": scope, "affected_dates": [str(each) for each in dates]}
        return {"events": held, "sessions": sessions, "options": options}

    def _event(self, event_id: str) -> Row:
        session_id = self.rng.choice(_SESSIONS)
        time = _HOME[session_id] + timedelta(minutes=self.rng.choice((0, 1, 2, 3, 30, 600, 900)))
        return event(
            event_id,
            session_id,
            str(time.replace(tzinfo=None)),
            self.rng.choice((*_REQUESTS, "purchase", "purchase", "add_to_cart")),
            browser=self.rng.choice(("Chrome",) * 12 + ("Googlebot",)),
            page_url=self.rng.choice(("/", "/a", None)),
            product_id=self.rng.choice(("p1", "p2", "")),
            search_query=self.rng.choice(("shoes", "hats")),
            user_id=self.rng.choice(("6f1c6d40-0000-4000-8000-000000000001",) * 12 + ("tester",)),
        )

    def _copies(self) -> list[Row]:
        return [row for copies in self.events.values() for row in copies]

    def _sessions(self, touched: Iterable[str]) -> list[Row]:
        made = []
        counted = [min(copies, key=_precedence) for copies in self.events.values()]
        for session_id in sorted(touched):
            own = [row for row in counted if row["session_id"] == session_id]
            if own:
                made.append(session_of(own))
            else:
                home = str(_HOME[session_id].replace(tzinfo=None))
                made.append(session(session_id, home, event_count=0, page_views=0, browser=None))
        return made


def _precedence(row: Row) -> tuple[Any, ...]:
    """Of copies of an event the first one counts, by what the random ones differ in."""
    return row["timestamp"], row["user_id"], row["session_id"], row["event_type"], row["browser"]


def history(seed: int, backfills: bool) -> list[dict[str, Any]]:
    lake = Lake(random.Random(seed))
    return [lake.backfill() if backfills and number in (2, 4) else lake.batch() for number in range(6)]


def state(warehouse: Warehouse) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The current events and sessions, by column, without what tells when and how they came."""
    found = []
    for table, columns in (
        (
            "events_cleaned",
            "event_id, session_id, event_type, timestamp, browser, page_url, product_id, search_query, user_id, is_valid,"
            " own_is_bot_traffic, own_is_test_user, is_bot_traffic, is_test_user",
        ),
        (
            "user_sessions_enhanced",
            "session_id, session_start, session_end, event_count, requests_per_minute, max_repeats, is_valid,"
            " is_bot_traffic, is_test_user, is_bounce_session",
        ),
    ):
        names = columns.replace(" ", "").split(",")
        rows = warehouse.query(f"SELECT {columns} FROM staging.{table} ORDER BY 1")
        found.append([dict(zip(names, row, strict=True)) for row in rows])
    return found[0], found[1]


def expected_flags(events: list[dict[str, Any]], sessions: list[dict[str, Any]]) -> tuple[Any, Any]:
    """What the flags must be, from the current rows alone: of sessions by id, of events by id."""
    spans = {s["session_id"]: (s["session_start"], s["session_end"]) for s in sessions}
    inside: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in events:
        first, last = spans.get(row["session_id"], (datetime.max, datetime.min))
        if first <= row["timestamp"] <= min(last, first + _LIMIT if last > datetime.min else last):
            inside[row["session_id"]].append(row)
    verdicts = {}
    for session_id, (first, last) in spans.items():
        asked = [row for row in inside[session_id] if row["event_type"] in _REQUESTS]
        thing = {"page_view": "page_url", "product_view": "product_id", "search": "search_query"}
        repeats = Counter((row["event_type"], row[thing[row["event_type"]]]) for row in asked)
        most = max((n for (_, what), n in repeats.items() if what is not None), default=0)
        minutes = Decimal(max((last - first) // timedelta(microseconds=1), 1_000_000)) / 60_000_000
        fast = len(asked) >= 3 and len(asked) / minutes > 1
        agent = any(row["browser"] == "Googlebot" for row in inside[session_id])
        tested = any(row["user_id"] == "tester" for row in inside[session_id])
        verdicts[session_id] = (agent or fast or most > 2, tested)
    own = {row["event_id"]: (row["browser"] == "Googlebot", row["user_id"] == "tester") for row in events}
    inherited = {row["event_id"]: verdicts[session_id] for session_id, rows in inside.items() for row in rows}
    return verdicts, own | inherited


def publish_all(warehouse: Warehouse, batches: list[dict[str, Any]], seed: int) -> list[str]:
    ids = []
    for number, parts in enumerate(batches):
        options = _published(number, **parts.get("options", {}))
        rows = {name: parts.get(name, ()) for name in ("events", "sessions", "transactions")}
        ids.append(warehouse.publish(name=f"{seed}-{number}", options=options, **rows))
    warehouse.call("ops.load_pending()")
    return ids


@pytest.mark.parametrize(("seed", "backfills"), [(1, False), (2, True)])
def test_events_have_the_flags_of_their_session_in_any_history(
    warehouse: Warehouse, seed: int, backfills: bool
) -> None:
    """After each batch, with the dates of all that has changed recorded; and the same when flagged in another order."""
    batches = history(seed, backfills)
    with thresholds(warehouse, bot_min_requests=3, bot_requests_per_minute=1, bot_repeats=2):
        ids = publish_all(warehouse, batches, seed)
        before: dict[str, dict[str, Any]] = {}
        for batch_id in ids:
            warehouse.call(f"ops.flag_quality('{batch_id}')")
            events, sessions = state(warehouse)
            now = {row["event_id"]: row for row in events}
            assert _flags(events, sessions) == expected_flags(events, sessions)
            changed = {
                row["timestamp"].date()
                for event_id in now.keys() | before.keys()
                if now.get(event_id) != before.get(event_id)
                for row in (now.get(event_id), before.get(event_id))
                if row
            }
            recorded = warehouse.query(
                "SELECT date FROM ops.date_changes WHERE dataset = 'user_events' AND batch_id = %s", batch_id
            )
            assert sorted(row[0] for row in recorded) == sorted(changed)
            before = now
        in_order = state(warehouse)
        flags = [flag for pair in _flags(*in_order)[0].values() for flag in pair]
        assert any(flags)
        assert not all(flags)
        warehouse.reset()
        ids = publish_all(warehouse, batches, seed)
        for batch_id in random.Random(seed).sample(ids, len(ids)):
            warehouse.call(f"ops.flag_quality('{batch_id}')")
        assert state(warehouse) == in_order


def _flags(events: list[dict[str, Any]], sessions: list[dict[str, Any]]) -> tuple[Any, Any]:
    of_sessions = {row["session_id"]: (row["is_bot_traffic"], row["is_test_user"]) for row in sessions}
    return of_sessions, {row["event_id"]: (row["is_bot_traffic"], row["is_test_user"]) for row in events}
