"""Random histories of a shop that a wrong definition does not survive.

A history is a few days of a few people, delivered in three parts: on time, late, and later. All that it names (users,
sessions, transactions, products) is its own, so that many histories can share one lake and one warehouse; five of them share
their dates too, as people do, and because each hour is a partition that Spark must write and read. The same number gives the
same history.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

Row = dict[str, Any]
DELIVERIES = 3
_NAMESPACE = uuid.UUID("00000000-0000-0000-0000-00000000a11e")
# Apart enough for the longest session and the days of returns; the first fits the rules' earliest plausible date.
_FIRST_DATE, _DAYS_APART, _TOGETHER = date(1991, 1, 30), 40, 5
_BEFORE_THE_WEB = datetime(1985, 1, 1, 12, tzinfo=UTC)
_TIERS = ("bronze", "silver", "gold", "platinum", "unknown", "Gold", "", None)
_BROWSERS = ("Firefox 121", "Chrome 120", "", None)
_ROBOTS = ("Googlebot/2.1", "HeadlessChrome/120", "some Crawler", "Baiduspider")
_TYPES = ("page_view", "product_view", "product_view", "search", "add_to_cart", "purchase", "purchase", "wish")
# What stands for an amount: cents, halves of a cent, and what is none.
_NO_AMOUNTS = (
    '"12,50"', '"twelve"', "null", "[5]", '{"value": 5}', "true", '"NaN"', '""', '" 5 "', '"+5"', '".5"', '"5."', '"1_000"',
    '"\\u0663"', '1e18, "amount": "5 "', '5, "rebate": NaN', '5, note: 1', "'5'",
)  # fmt: skip
_AMOUNTS: tuple[Callable[[random.Random], str], ...] = (
    lambda rng: f"{rng.randrange(1, 20_000)}.{rng.randrange(100):02}",
    lambda rng: f"{rng.randrange(1, 90)}.{rng.randrange(100):02}5",
    lambda rng: f'"{rng.randrange(1, 90)}.{rng.randrange(1000):03}"',
    lambda rng: f"{rng.randrange(1, 9)}e{rng.randrange(3)}",
    lambda rng: f"-{rng.randrange(1, 300)}.{rng.randrange(100):02}",
    lambda rng: rng.choice((*_NO_AMOUNTS, "1e24", '"999999999999999999.995"', '"12345678901234567.895"')),
)
_AMOUNT_WEIGHTS = (60, 15, 10, 5, 3, 7)
_QUANTITIES = ("1", "2", "3", '"4"', "0", "-2", "1.5", '"x"', "null", "2.0", '"2.0"', "1e1", '"1e1"', '" 2 "')
_STATUSES = ("completed", "completed", "", "Cancelled", "canceled", "VOIDED", "failed", "pending", None)
_RETURNS = ("returned", "completed", "cancelled", None)
_GAPS = (0, 0, 1, 9, 40, 70, 240, 1800)
# Of the sessions: how the person behind them appears.
_KINDS = {
    "customer": 40,
    "logs in on the way": 16,
    "changes tier": 10,
    "guest": 12,
    "robot by name": 5,
    "hurries": 5,
    "test user": 4,
    "test by document": 3,
    "gives money back": 3,
    "before the web": 2,
    "comes back": 2,
}


@dataclass
class History:
    """number: its seed. deliveries: the events and the transactions of each of the three parts."""

    number: int
    events: tuple[list[Row], ...] = field(default_factory=lambda: tuple([] for _ in range(DELIVERIES)))
    transactions: tuple[list[Row], ...] = field(default_factory=lambda: tuple([] for _ in range(DELIVERIES)))

    def __post_init__(self) -> None:
        self._rng = random.Random(f"history {self.number}")
        self._copies = random.Random(f"copies {self.number}")
        self._names = 0
        self._midnight = datetime.combine(
            _FIRST_DATE + timedelta(days=_DAYS_APART * (self.number // _TOGETHER)), time(), UTC
        ) + timedelta(days=1)
        self._products: list[str | None] = [*(f"H{self.number}-{letter}" for letter in "ABC"), "", None]
        self._customers = [self._name() for _ in range(self._rng.randrange(2, 5))]
        self._bought: dict[tuple[str, str | None], list[Row]] = {}
        self._open_orders: list[str] = []
        self._visits: list[tuple[str, datetime, datetime]] = []
        for _ in range(self._rng.randrange(8, 15)):
            self._deliver_session(self._session())
        if self.number % 8 == 7:
            self._deliver_session(self._session("insists"))
        for _ in range(self._rng.randrange(0, 3)):
            self._deliver(self.events, self._lone_event())
        for (transaction_id, product), purchases in self._bought.items():
            self._sell(transaction_id, product, purchases)
        for _ in range(self._rng.randrange(1, 5)):
            self._take_back()
        for _ in range(self._rng.randrange(1, 4)):
            self._give_back_of_an_order()
            self._give_back_in_a_session()
        for _ in range(self._rng.randrange(0, 3)):
            self._deliver(self.transactions, self._transaction(self._name(), self._midnight + self._moment()))
        self._send_again_days_later()

    # What happens in a session

    def _session(self, kind: str | None = None) -> list[Row]:
        """The events of one session (by default of any kind), in their order."""
        rng = self._rng
        kind = rng.choices(list(_KINDS), list(_KINDS.values()))[0] if kind is None else kind
        at = self._midnight + self._moment()
        if kind == "before the web":
            at = _BEFORE_THE_WEB + timedelta(days=self.number // _TOGETHER, seconds=rng.randrange(900))
        session_id, tier = self._name(), rng.choice(_TIERS)
        user: str | None = rng.choice(self._customers)
        if kind == "guest":
            user = rng.choice(("", None))
        elif kind == "test user":
            user = f"{rng.choice(('test', 'Test-'))}{self.number}"
        count = 1 if rng.random() < 0.2 else rng.randrange(2, 8)
        types = [rng.choice(_TYPES) for _ in range(count)]
        pause: float | None = None
        if kind == "hurries":
            # The least requests that tell anything are 30; 41 in 41 seconds are no robot yet.
            types = [rng.choice(("page_view", "search")) for _ in range(rng.choice((29, 30, 41, 61)))]
            pause = rng.choice((0.2, 1.0, 1.025))
        elif kind == "insists":
            types, pause = ["page_view"] * (200 + self.number // 8 % 2), 1.5
        if kind == "gives money back":
            types.append("purchase")
        events: list[Row] = []
        login = rng.randrange(1, len(types) + 1)
        for place, event_type in enumerate(types):
            if kind == "changes tier" and place == login:
                tier = rng.choice(_TIERS)
            known = kind != "logs in on the way" or place >= login
            event = self._event(event_type, at)
            robot = kind == "robot by name" and place == min(1, len(types) - 1)
            event |= {"session_id": self._form(session_id), "browser": rng.choice(_ROBOTS if robot else _BROWSERS)}
            event |= {"user_id": self._form(user) if known else rng.choice(("", None))}
            event |= {"user_tier": tier if known or rng.random() < 0.3 else rng.choice(("", None))}
            if kind == "test by document" and place == login - 1:
                event["properties"] = rng.choice(('{"is_test": true}', '{"is_test": "TRUE"}'))
            if kind == "gives money back" and place == len(types) - 1:
                event["properties"] = '{"amount": -250000.005}'
            events.append(event)
            if pause is not None:  # every one of them counts
                event |= {"event_type": event_type, "event_id": event["event_id"] or self._name()}
            if kind == "insists":
                event["page_url"] = "/again"
            at += timedelta(seconds=rng.choice(_GAPS) if pause is None else pause)
            at += timedelta(microseconds=0 if pause else rng.choice((0, 0, 1, -1)))
        if kind == "comes back":
            # The last moment that belongs to the session, and the first that does not.
            for later in (timedelta(hours=24), timedelta(hours=24, microseconds=1)):
                event = self._event("product_view", events[0]["timestamp"] + later)
                events.append(event | {"session_id": session_id, "user_id": user, "product_id": self._products[0]})
        elif user:
            # Those of robots and tests are looked for more often than they come.
            seldom = kind in ("robot by name", "hurries", "test by document")
            self._visits += [(user, events[0]["timestamp"], events[-1]["timestamp"])] * (4 if seldom else 1)
        return events

    def _send_again_days_later(self) -> None:
        """A session that begins with, has or ends with a copy of an event of days before, whichever comes first."""
        rng = self._copies
        sent = rng.choice([row for part in self.events for row in part if row["event_id"] and row.get("session_id")])
        session_id, start = self._name(), sent["timestamp"] + timedelta(days=rng.choice((2, 3, 6)))
        copy = sent | {"session_id": session_id, "timestamp": start + timedelta(minutes=rng.choice((0, 5, 20)))}
        part = rng.randrange(DELIVERIES)
        self.events[rng.randrange(part, DELIVERIES)].append(copy)
        for minute in (1, 15)[: rng.choice((1, 2))]:
            own = self._event(rng.choice(("page_view", "purchase")), start + timedelta(minutes=minute))
            own |= {"event_id": self._name(), "user_id": rng.choice(self._customers), "user_tier": rng.choice(_TIERS)}
            self.events[part].append(own | {"session_id": session_id, "browser": "Firefox 121"})

    def _event(self, event_type: str | None, at: datetime) -> Row:
        rng = self._rng
        event: Row = {
            "event_id": self._name(),
            "event_type": event_type,
            "timestamp": at,
            "processing_time": at + timedelta(seconds=2),
            "product_id": rng.choice(self._products) if event_type not in ("page_view", "search") else None,
            "page_url": f"/{rng.randrange(5)}",
            "search_query": rng.choice(("shoes", "hats")) if event_type == "search" else None,
            "ip_address": f"192.0.2.{rng.randrange(20)}",
            "properties": rng.choice(("{}", '{"is_test": false}', '{"broken', "", None)),
        }
        if event_type == "purchase":
            event["properties"] = self._purchase_properties()
            event["transaction_id"] = self._order()
        spoiled = rng.random()
        if spoiled < 0.01:
            event["event_id"] = None
        elif spoiled < 0.02:
            event["event_type"] = None
        return event

    def _purchase_properties(self) -> str:
        rng = self._rng
        if rng.random() < 0.03:
            return rng.choice(("not json", '{"amount": 5', "{}"))
        amount = rng.choices(_AMOUNTS, _AMOUNT_WEIGHTS)[0](rng)
        quantity = f', "quantity": {rng.choice(_QUANTITIES)}' if rng.random() < 0.5 else ""
        return f'{{"amount": {amount}{quantity}}}'

    def _order(self) -> str | None:
        """A new order, one that has purchases already (of whatever session and day), or none."""
        chance = self._rng.random()
        if chance < 0.15:
            return self._rng.choice(("", None))
        if chance < 0.5 and self._open_orders:
            return self._rng.choice(self._open_orders)
        self._open_orders.append(self._name())
        return self._open_orders[-1]

    def _lone_event(self) -> Row:
        """An event of no session."""
        rng = self._rng
        event = self._event(rng.choice(("product_view", "purchase")), self._midnight + self._moment())
        event |= {"session_id": rng.choice(("", None)), "user_tier": rng.choice(_TIERS)}
        event["user_id"] = rng.choice((*self._customers, f"test{self.number}", None))
        event["browser"] = rng.choice((*_BROWSERS, _ROBOTS[0]))
        self._note(event)
        return event

    # What reaches the lake when

    def _deliver_session(self, events: list[Row]) -> None:
        """On time, or with the first, the last or all events late; and some events twice."""
        rng = self._rng
        late = rng.choices(("nothing", "first", "last", "all"), (60, 15, 15, 10))[0]
        part = rng.randrange(1, DELIVERIES)
        for place, event in enumerate(events):
            is_late = late == "all" or (late == "first" and place == 0) or (late == "last" and place == len(events) - 1)
            self._note(event)
            self._deliver(self.events, event, part if is_late else 0)

    def _deliver(self, rows: tuple[list[Row], ...], row: Row, part: int | None = None) -> None:
        """Add a row to a part (by default to any), and sometimes once more to the same or a later one."""
        first = self._rng.randrange(DELIVERIES) if part is None else part
        rows[first].append(row)
        if self._rng.random() < 0.08 and row.get("event_id", "") is not None:
            again = self._rng.randrange(first, DELIVERIES)
            copy = dict(row)
            if rows is self.events:
                copy["processing_time"] += timedelta(hours=3)
                copy |= self._what_differs(copy)
            rows[again].append(copy)
        if rows is self.events:
            row["transaction_id"] = self._form(row.get("transaction_id"))

    def _what_differs(self, event: Row) -> Row:
        """What another copy of an event says otherwise, or nothing; of views and searches, which tell robots, nothing."""
        rng = self._copies
        if event["event_type"] in ("page_view", "search"):
            return {}
        differs: dict[str, Callable[[], Any]] = {
            "timestamp": lambda: (
                event["timestamp"] + timedelta(microseconds=rng.choice((1, -1, 1_800_000_000, -60_000_000)))
            ),
            "session_id": lambda: rng.choice((self._name(), "", None)),
            "user_id": lambda: rng.choice((*self._customers, None)),
            "user_tier": lambda: rng.choice(_TIERS),
            "browser": lambda: rng.choice(_BROWSERS),
            "product_id": lambda: rng.choice(self._products),
            "transaction_id": lambda: rng.choice((*self._open_orders, None)),
            "properties": lambda: f'{{"amount": {rng.randrange(-50, 5_000)}.{rng.randrange(100):02}}}',
            "event_type": lambda: rng.choice(_TYPES),
        }
        names = rng.sample(sorted(differs), rng.choice((0, 0, 1, 1, 2)))
        if event["event_type"] == "purchase" and rng.random() < 0.5:
            names = ["properties"]
        return {name: differs[name]() for name in names}

    def _note(self, event: Row) -> None:
        if event["event_type"] == "purchase" and event.get("transaction_id"):
            self._bought.setdefault((event["transaction_id"], event["product_id"] or None), []).append(event)

    # Transactions

    def _sell(self, transaction_id: str, product: str | None, purchases: Sequence[Row]) -> None:
        """The transaction of an order's line, if it reaches the lake; its status may change later."""
        rng = self._rng
        line = self._transaction(transaction_id, purchases[0]["timestamp"] + timedelta(seconds=1), product)
        chance = rng.random()
        if chance < 0.2:
            return
        if chance < 0.25:  # a return under the order's own number, and no sale
            self._deliver(self.transactions, line | {"quantity": -1})
            return
        spoiled = rng.random()
        if spoiled < 0.05:
            line["total_amount"] = None
        elif spoiled < 0.1:
            line["unit_price"] = Decimal("-1.00")
        part = rng.choice((0, 0, 0, 1, 2))
        self._deliver(self.transactions, line, part)
        if part < DELIVERIES - 1 and rng.random() < 0.25:
            changed = {"status": rng.choice(("refunded", "returned", "completed")), "quantity": rng.randrange(1, 9)}
            last = self.transactions[DELIVERIES - 1]
            last[:] = [
                row for row in last if row != line
            ]  # which of two versions that come at once stands, nothing says
            last.append(line | changed)

    def _take_back(self) -> None:
        """A return, on a date of its own, by someone who bought, a guest, or someone who never came."""
        rng = self._rng
        at = self._midnight + self._moment() + timedelta(days=rng.choice((0, 0, 1, 3)))
        transaction_id = self._name()
        for product in rng.sample(self._products[:4], rng.randrange(1, 3)):
            line = self._transaction(transaction_id, at, product)
            line["quantity"] = -rng.randrange(1, 4)
            line["status"] = "adjustment" if rng.random() < 0.15 else rng.choice(_RETURNS)
            if rng.random() < 0.7:
                line["total_amount"] = -line["total_amount"]
                line["tax_amount"] = None if line["tax_amount"] is None else -line["tax_amount"]
            user = rng.choice((*self._customers, f"never-{self.number}", f"test-{self.number}", "", None))
            self._deliver(self.transactions, line | {"user_id": self._form(user)})

    def _give_back_of_an_order(self) -> None:
        """Returns under an order's own id, of things that the order does not name, whatever became of the order."""
        rng = self._rng
        if not self._open_orders:
            return
        transaction_id = rng.choice(self._open_orders)
        for thing in rng.sample(("fee", "gift", "gifts", ""), rng.choice((1, 2, 3, 4))):
            product = f"H{self.number}-{thing}" if thing else None
            if (transaction_id, product) in self._bought:
                continue
            self._bought[transaction_id, product] = []
            line = self._transaction(transaction_id, self._midnight + self._moment() + timedelta(days=1), product)
            line |= {"quantity": -1, "status": rng.choice(("refunded", "returned", None, "adjustment"))}
            line["total_amount"] *= rng.choice((1, 200))  # less than the order, or more
            self._deliver(self.transactions, line)

    def _give_back_in_a_session(self) -> None:
        """A return at a time at which its user has a session, of whatever kind."""
        rng = self._rng
        if not self._visits:
            return
        user, first, last = rng.choice(self._visits)
        at = rng.choice((first, last, first + (last - first) / 2, last + timedelta(microseconds=1)))
        line = self._transaction(self._name(), at, self._products[0]) | {"quantity": -1, "user_id": self._form(user)}
        self._deliver(self.transactions, line | {"status": rng.choice(_RETURNS)})

    def _transaction(self, transaction_id: str, at: datetime, product: str | None = "P") -> Row:
        rng = self._rng
        price, quantity = Decimal(rng.randrange(1, 9_999)) / 100, rng.choice((1, 1, 2, 3, 5, 0, None))
        return {
            "transaction_id": transaction_id,
            "product_id": f"H{self.number}-unseen" if product == "P" else product,
            "user_id": rng.choice((*self._customers, None)),
            "quantity": quantity,
            "unit_price": price,
            "total_amount": price * (1 if quantity is None else quantity),
            "discount_amount": rng.choice((None, Decimal("0.00"), Decimal(rng.randrange(1, 99)) / 100)),
            "tax_amount": rng.choice((None, Decimal("0.00"), (price * Decimal("0.19")).quantize(Decimal("0.01")))),
            "status": rng.choice(_STATUSES),
            "user_tier": rng.choice(_TIERS),
            "created_at": at,
        }

    # Names and times

    def _name(self) -> str:
        """A UUID that no other history has."""
        self._names += 1
        return str(uuid.uuid5(_NAMESPACE, f"{self.number} {self._names}"))

    def _form(self, identifier: str | None) -> str | None:
        """An identifier as some client may write it."""
        if not identifier or self._rng.random() < 0.85 or len(identifier) != 36:
            return identifier
        forms = (str.upper, lambda text: "{" + text + "}", lambda text: text.replace("-", ""))
        return self._rng.choice(forms)(identifier)

    def _moment(self) -> timedelta:
        """A time around a midnight."""
        rng = self._rng
        return timedelta(days=rng.randrange(2), seconds=rng.randrange(-900, 900), microseconds=rng.choice((0, 999_999)))


def histories(count: int) -> list[History]:
    """The first `count` histories."""
    return [History(number) for number in range(count)]
