"""A generated week of a shop's events, with the flaws that real streams have, and what the speed layer saw of it.

All of it derives from one seed. The same sessions yield the lake's events (in two deliveries: on time and late) and
the speed layer's rows, so what was planted in the speed layer is known exactly: `Week.planted`.
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

FIRST_DAY = date(2024, 1, 15)
DAYS = 7
TIERS = ("bronze", "silver", "gold", "platinum")
_TIER_WEIGHTS = (50, 28, 15, 7)
# In the data of this day no platinum customer occurs at all: a group that is absent on both sides is no discrepancy.
DAY_WITHOUT_PLATINUM = 4

_BROWSERS = ("Chrome 120", "Safari 17", "Firefox 121", "Edge 120")
_DEVICES = ("mobile", "desktop", "tablet")
_BOT = "Googlebot/2.1"
_SEARCHES = ("red shoes", "lampe", "zelt 2 personen", "kettle", "größe 42", "phone case 📱")
_UNREADABLE_PROPERTIES = ('{"amount": ', '{"amount": "12,50"}', "not json at all", '{"amount": null}')


@dataclass(frozen=True)
class Event:
    """One row of the lake's user_events. Times are UTC; amount is what properties say, None where unreadable.

    quantity and unit_price: what a purchase bought, whatever its properties say.
    """

    event_id: str
    user_id: str | None
    session_id: str
    event_type: str
    timestamp: datetime
    device_type: str
    browser: str
    ip_address: str
    page_url: str
    product_id: str | None
    search_query: str | None
    transaction_id: str | None
    user_tier: str | None
    properties: str
    processing_time: datetime
    amount: Decimal | None
    quantity: int = 0
    unit_price: Decimal = Decimal(0)
    late: bool = False

    def row(self) -> dict[str, Any]:
        """The lake's columns, with the partition columns date and hour."""
        ours = ("amount", "quantity", "unit_price", "late")
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in ours}
        return {**fields, "date": self.timestamp.date(), "hour": self.timestamp.hour}


@dataclass(frozen=True)
class SpeedRow:
    """One row of user_sessions_realtime: a session as the speed layer counted it."""

    session_id: uuid.UUID
    user_id: str | None
    user_tier: str | None
    session_start: datetime
    session_end: datetime
    page_views: int
    product_views: int
    searches: int
    add_to_cart_events: int
    purchases: int
    total_spent: Decimal


@dataclass(frozen=True)
class Week:
    """on_time and late: lake deliveries (duplicates included). distinct: every event once. speed: the speed layer's rows."""

    on_time: tuple[Event, ...]
    late: tuple[Event, ...]
    distinct: tuple[Event, ...]
    speed: tuple[SpeedRow, ...]


def canonical(identifier: str) -> uuid.UUID:
    return uuid.UUID(identifier.strip("{}"))


def session_rows(events: Iterable[Event]) -> list[SpeedRow]:
    """What a faultless speed layer would hold for these events (each given once), by session."""
    sessions: dict[uuid.UUID, list[Event]] = {}
    for event in events:
        sessions.setdefault(canonical(event.session_id), []).append(event)
    return [_session_row(identifier, members) for identifier, members in sessions.items()]


def _session_row(identifier: uuid.UUID, members: Sequence[Event]) -> SpeedRow:
    ordered = sorted(members, key=lambda event: (event.timestamp, event.event_id))
    count = {kind: sum(event.event_type == kind for event in ordered) for kind in {e.event_type for e in ordered}}
    user = next((event.user_id for event in ordered if event.user_id), None)
    return SpeedRow(
        session_id=identifier,
        user_id=user,
        user_tier=next((event.user_tier for event in ordered if event.user_tier), None),
        session_start=ordered[0].timestamp,
        session_end=ordered[-1].timestamp,
        page_views=count.get("page_view", 0),
        product_views=count.get("product_view", 0),
        searches=count.get("search", 0),
        add_to_cart_events=count.get("add_to_cart", 0),
        purchases=count.get("purchase", 0),
        total_spent=sum((e.amount for e in ordered if e.amount is not None), Decimal("0.00")),
    )


def generate(seed: int, sessions_per_day: int = 300) -> Week:
    """Generate the week. The same arguments give the same week, to the last identifier."""
    rng = random.Random(seed)
    customers = [_Customer(_new_uuid(rng), rng.choices(TIERS, _TIER_WEIGHTS)[0]) for _ in range(3 * sessions_per_day)]
    distinct: list[Event] = []
    for day in range(DAYS):
        for number in range(sessions_per_day):
            distinct += _session(rng, day, rng.choice(customers), crosses_midnight=number % 50 == 0)
    on_time = [event for event in distinct if not event.late]
    late = [event for event in distinct if event.late]
    # A stream delivers at least once: some events come twice at once, some again with the late delivery.
    again = [_redelivered(event, timedelta(seconds=40)) for event in rng.sample(on_time, len(on_time) // 80)]
    much_later = [_redelivered(event, timedelta(days=9)) for event in rng.sample(on_time, len(on_time) // 200)]
    return Week(
        on_time=tuple(on_time + again),
        late=tuple(late + much_later),
        distinct=tuple(distinct),
        speed=tuple(session_rows(distinct)),
    )


def _redelivered(event: Event, delay: timedelta) -> Event:
    return replace(event, processing_time=event.processing_time + delay)


def _new_uuid(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


@dataclass(frozen=True)
class _Customer:
    """Somebody who comes again in the week."""

    user_id: str
    tier: str


def _session(rng: random.Random, day: int, customer: _Customer, crosses_midnight: bool) -> list[Event]:
    tier = customer.tier
    if day == DAY_WITHOUT_PLATINUM and tier == "platinum":
        tier = "gold"
    kind = rng.choices(("person", "bot", "test user"), (94, 4, 2))[0]
    users = {"person": customer.user_id, "bot": _new_uuid(rng), "test user": f"test-user-{rng.randrange(20):03d}"}
    user: str | None = users[kind]
    if kind == "person" and rng.random() < 0.1:
        user = None  # a guest
    midnight = datetime.combine(FIRST_DAY + timedelta(days=day), time(), UTC)
    if crosses_midnight:
        start = midnight + timedelta(days=1) - timedelta(seconds=rng.randrange(20, 90))
    else:
        start = midnight + timedelta(seconds=rng.randrange(0, 85_000), microseconds=rng.randrange(1_000_000))
    session = Event(
        event_id="",
        user_id=user,
        session_id=_new_uuid(rng),
        event_type="page_view",
        timestamp=start,
        device_type="desktop" if kind == "bot" else rng.choice(_DEVICES),
        browser=_BOT if kind == "bot" else rng.choice(_BROWSERS),
        ip_address=f"203.0.113.{rng.randrange(1, 255)}",
        page_url="/",
        product_id=None,
        search_query=None,
        transaction_id=None,
        user_tier=tier,
        properties="{}",
        processing_time=start,
        amount=None,
    )
    events = _ordered(rng, [_event(rng, session, action) for action in _actions(rng, kind, crosses_midnight)])
    if kind == "person":
        events = _raised(rng, _logged_in_later(rng, events))
    events = _spread(rng, events, crosses_midnight)
    return _delivered_late(rng, _odd_identifiers(rng, events), crosses_midnight)


def _actions(rng: random.Random, kind: str, crosses_midnight: bool) -> list[str]:
    if kind == "bot":
        return ["page_view"] * rng.randrange(40, 80)
    actions = ["page_view"] + ["page_view" for _ in range(rng.randrange(0, 4))]
    if rng.random() < 0.7 or crosses_midnight:
        actions += ["search"] * rng.randrange(0, 3) + ["product_view"] * rng.randrange(1, 5)
        if rng.random() < 0.4:
            actions += ["add_to_cart"] * rng.randrange(1, 3)
            actions += ["purchase"] * rng.choices((0, 1, 2, 3, 4), (40, 35, 15, 7, 3))[0]
    return actions


def _event(rng: random.Random, session: Event, action: str) -> Event:
    product = f"P{rng.randrange(1, 120):04d}" if action in ("product_view", "add_to_cart", "purchase") else None
    properties = json.dumps({"is_test": True} if (session.user_id or "").startswith("test") else {})
    if action != "purchase" and rng.random() < 0.01:
        properties = '{"broken'
    return replace(
        session,
        event_id=_new_uuid(rng),
        event_type=action,
        page_url=f"/product/{product}" if product else f"/page/{rng.randrange(30)}",
        product_id=product,
        search_query=rng.choice(_SEARCHES) if action == "search" else None,
        properties=properties,
    )


def _ordered(rng: random.Random, events: list[Event]) -> list[Event]:
    """Give the purchases their orders, and what they cost: mostly one order a session, sometimes an article twice in it."""
    placed: list[Event] = []
    last: Event | None = None
    for event in events:
        if event.event_type == "purchase":
            same_order = last is not None and rng.random() < 0.85
            product = last.product_id if last and same_order and rng.random() < 0.15 else event.product_id
            order = last.transaction_id if last and same_order else _new_uuid(rng)
            event = last = _bought(rng, replace(event, product_id=product, page_url=f"/product/{product}"), order)
        placed.append(event)
    return placed


def _bought(rng: random.Random, event: Event, order: str | None) -> Event:
    quantity, unit_price = rng.choices((1, 2, 3), (80, 14, 6))[0], list_price(event.product_id or "")
    amount: Decimal | None = unit_price * quantity
    if rng.random() < 0.03:
        amount, properties = None, rng.choice(_UNREADABLE_PROPERTIES)
    else:
        properties = json.dumps({"amount": float(unit_price * quantity), "quantity": quantity, "currency": "EUR"})
    return replace(
        event, transaction_id=order, properties=properties, amount=amount, quantity=quantity, unit_price=unit_price
    )


def list_price(product_id: str) -> Decimal:
    """What a product costs: from 3.00 to 400.00, the same in all orders."""
    return Decimal(300 + int(product_id.lstrip("P")) * 7_919 % 39_700) / 100


def _logged_in_later(rng: random.Random, events: list[Event]) -> list[Event]:
    """In some sessions a guest logs in on the way: until then neither user nor tier is known."""
    if events[0].user_id is None or len(events) == 1 or rng.random() >= 0.15:
        return events
    until, nothing = rng.randrange(1, len(events)), rng.choice((None, ""))
    return [
        replace(event, user_id=None, user_tier=nothing) if number < until else event
        for number, event in enumerate(events)
    ]


def _raised(rng: random.Random, events: list[Event]) -> list[Event]:
    """Some customers rise to the next tier on the way; the session keeps the one it had first."""
    higher = {"bronze": "silver", "silver": "gold"}
    if len(events) == 1 or rng.random() >= 0.03:
        return events
    since = rng.randrange(1, len(events))
    return [
        replace(event, user_tier=higher.get(event.user_tier or "", event.user_tier)) if number >= since else event
        for number, event in enumerate(events)
    ]


def _spread(rng: random.Random, events: list[Event], crosses_midnight: bool) -> list[Event]:
    """Give the events their times, one after another, 1 to 240 s apart."""
    at, spread = events[0].timestamp, []
    for number, event in enumerate(events):
        if number:
            pause = rng.randrange(100, 240) if crosses_midnight else rng.randrange(1, 240)
            at += timedelta(seconds=pause, microseconds=rng.randrange(1_000_000))
        spread.append(replace(event, timestamp=at, processing_time=at + timedelta(seconds=rng.randrange(1, 5))))
    return spread


def _odd_identifiers(rng: random.Random, events: list[Event]) -> list[Event]:
    """In some sessions a client writes the same session id in another form: upper case, braces, without hyphens."""
    if rng.random() >= 0.05:
        return events
    forms = (str.upper, lambda text: "{" + text + "}", lambda text: text.replace("-", ""))
    form = rng.choice(forms)
    return [replace(e, session_id=form(e.session_id)) if rng.random() < 0.5 else e for e in events]


def _delivered_late(rng: random.Random, events: list[Event], crosses_midnight: bool) -> list[Event]:
    """Decide which events reach the lake only with the late delivery (the speed layer saw them in time)."""
    chance = rng.random()
    if crosses_midnight and len(events) > 1 and chance < 0.5:
        late = {0}  # the session's start, before midnight: with it the session moves to the day before
    elif chance < 0.03:
        late = set(range(len(events)))
    elif chance < 0.06 and len(events) > 1:
        late = {len(events) - 1}
    else:
        late = set()
    return [
        replace(event, late=True, processing_time=event.processing_time + timedelta(days=8)) if n in late else event
        for n, event in enumerate(events)
    ]
