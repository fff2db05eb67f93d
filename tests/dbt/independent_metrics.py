"""The marts computed again, in Python, from the same rows of STAGING: docs/metrics.md read literally.

Nothing is shared with the models.
Every quotient is a Fraction until it is rounded once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from tests.dbt.staged_rows import Event, Session, Transaction

CLV_ACTIVE_DAYS = {"bronze": 12, "silver": 24, "gold": 48, "platinum": 96}
CANCELLED = {"cancelled", "canceled", "voided", "failed", "refunded", "returned"}
VIEW_IDLE = timedelta(minutes=30)
_MICROSECOND = timedelta(microseconds=1)
Key = tuple[date, str | None]
Rows = dict[Key, dict[str, Any]]


def rounded(value: Fraction | Decimal | int, scale: int) -> Decimal:
    """Half away from zero."""
    scaled = Fraction(value) * 10**scale
    whole, rest = divmod(abs(scaled), 1)
    units = int(whole) + (rest >= Fraction(1, 2))
    return Decimal(units if scaled >= 0 else -units).scaleb(-scale)


def ratio(numerator: Decimal | int, denominator: int, scale: int) -> Decimal:
    """0 without a denominator."""
    return rounded(Fraction(numerator) / denominator, scale) if denominator else Decimal(0)


def average(total: int, observations: int, unit: int = 1) -> Decimal | None:
    """NULL without observations; four places."""
    return rounded(Fraction(total, observations * unit), 4) if observations else None


def amount_of(event: Event) -> Decimal:
    """properties.amount in cents; 0 where it is missing or no number."""
    try:
        value = Decimal(event.amount or "")
    except InvalidOperation:
        return Decimal(0)
    return rounded(value, 2) if value.is_finite() else Decimal(0)


def _units_of(event: Event) -> int:
    text = event.quantity or ""
    return int(text) if text.isascii() and text.isdigit() and 0 < int(text) < 10**18 else 1


@dataclass
class Line:
    """A line of an order or a return. order_id is None for no order."""

    order_id: str
    product_id: str | None
    day: date
    moment: datetime
    user_id: str | None
    user_tier: str | None
    gross: Decimal = Decimal(0)
    units: int = 0
    net: Decimal = Decimal(0)
    returned_units: int = 0
    is_cancelled: bool = False
    is_return: bool = False


@dataclass
class Day:
    """What a user, or a guest's tier, did on one date."""

    sessions: list[Session] = field(default_factory=list)
    orders: dict[str, list[Line]] = field(default_factory=lambda: defaultdict(list))
    returns: list[Line] = field(default_factory=list)

    @property
    def net(self) -> Decimal:
        """Net revenue of its orders and returns."""
        lines = [line for order in self.orders.values() for line in order] + self.returns
        return sum((line.net for line in lines), Decimal(0))


class Shop:
    """The rows that count, taken apart once: sessions, order lines and return lines."""

    def __init__(
        self, sessions: Iterable[Session], events: Collection[Event], transactions: Iterable[Transaction]
    ) -> None:
        self.all_sessions = list(sessions)
        self.sessions = [s for s in self.all_sessions if s.is_valid and not (s.is_bot or s.is_test_user)]
        self.events = [e for e in events if e.is_valid and not (e.is_bot or e.is_test_user)]
        valid = [t for t in transactions if t.is_valid]
        self.transactions = {(t.transaction_id, t.product_id): t for t in valid}
        sold = list(self._sold())
        left_out = {e.transaction_id for e in events if e.is_valid and e.event_type == "purchase" and e.transaction_id}
        self.lines = [*sold, *self._returned(valid, sold, left_out - {line.order_id for line in sold})]
        self.days = self._days()

    def _sold(self) -> Iterable[Line]:
        users = {s.session_id: s for s in self.all_sessions}
        orders: dict[str, list[Event]] = defaultdict(list)
        for event in self.events:
            if event.event_type == "purchase":
                orders[event.transaction_id or f"event:{event.event_id}"].append(event)
        for order_id, purchases in orders.items():
            purchases.sort(key=lambda e: (e.timestamp, e.event_id))
            owners = []
            for purchase in purchases:
                session = users.get(purchase.session_id or "")
                if session and not session.session_start <= purchase.timestamp <= session.session_end:
                    session = None
                owners.append(
                    (
                        purchase.user_id or (session and session.user_id) or None,
                        purchase.user_tier or (session and session.user_tier) or None,
                    )
                )
            user = next((u for u, _ in owners if u), None)
            tier = next((t for _, t in owners if t), None)
            first = purchases[0].timestamp
            for product in {p.product_id or None for p in purchases}:
                own = [p for p in purchases if (p.product_id or None) == product]
                gross = sum(map(amount_of, own), Decimal(0))
                line = Line(order_id, product, first.date(), first, user, tier, gross)
                line.units, line.net = sum(map(_units_of, own)), gross
                known = self.transactions.get((order_id, product))
                if known is not None and (known.quantity or 0) >= 0:
                    line.units = line.units if known.quantity is None else known.quantity
                    line.is_cancelled = (known.status or "").lower() in CANCELLED
                    if line.is_cancelled:
                        line.net = Decimal(0)
                    elif known.total_amount is not None:
                        line.net = known.total_amount - (known.tax_amount or 0)
                yield line

    def _returned(
        self, transactions: Iterable[Transaction], sold: Iterable[Line], left_out: Collection[str]
    ) -> Iterable[Line]:
        left: dict[str, Decimal] = defaultdict(Decimal)
        for line in sold:
            left[line.order_id] += line.net
        for row in sorted(transactions, key=lambda t: (t.created_at, t.product_id or "")):
            if (row.quantity or 0) < 0 and (row.status or "").lower() != "adjustment" and not row.is_test_user:
                assert row.quantity is not None
                visits = [
                    s.is_bot or s.is_test_user
                    for s in self.all_sessions
                    if s.user_id and s.user_id == row.user_id and s.session_start <= row.created_at <= s.session_end
                ]
                if row.transaction_id in left_out or (visits and all(visits)):
                    continue
                line = Line(
                    row.transaction_id,
                    row.product_id,
                    row.date,
                    row.created_at,
                    row.user_id,
                    row.user_tier,
                    is_return=True,
                )
                if row.total_amount is not None:
                    line.net = -abs(row.total_amount - (row.tax_amount or 0))
                if row.transaction_id in left:
                    taken = min(-line.net, max(left[row.transaction_id], Decimal(0)))
                    left[row.transaction_id] += line.net
                    line.net = -taken
                line.returned_units = -row.quantity
                yield line

    def _days(self) -> dict[tuple[date, str], Day]:
        days: dict[tuple[date, str], Day] = defaultdict(Day)
        for session in self.sessions:
            if session.user_id:
                days[session.date, session.user_id].sessions.append(session)
        for line in self.lines:
            if line.user_id and line.is_return:
                days[line.day, line.user_id].returns.append(line)
            elif line.user_id:
                days[line.day, line.user_id].orders[line.order_id].append(line)
        return days

    def tier(self, day: date, user: str | None, own: str | None) -> str | None:
        """The tier that a row of the user's date stands under; of a guest's row, its own."""
        if not user:
            return own or None
        acts = self.days[day, user]
        sessions = sorted((s for s in acts.sessions if s.user_tier), key=lambda s: (s.session_start, s.session_id))
        if sessions:
            return sessions[-1].user_tier
        orders = sorted(
            (lines[0] for lines in acts.orders.values() if lines[0].user_tier), key=lambda o: (o.moment, o.order_id)
        )
        if orders:
            return orders[-1].user_tier
        returns = sorted(
            (r for r in acts.returns if r.user_tier), key=lambda r: (r.moment, r.order_id, r.product_id or "")
        )
        return returns[-1].user_tier if returns else None


@dataclass
class Cell:
    """All of one date and tier."""

    sessions: list[Session] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    users: list[str] = field(default_factory=list)


def _cells(shop: Shop) -> dict[Key, Cell]:
    cells: dict[Key, Cell] = defaultdict(Cell)
    for session in shop.sessions:
        cells[session.date, shop.tier(session.date, session.user_id, session.user_tier)].sessions.append(session)
    for line in shop.lines:
        cells[line.day, shop.tier(line.day, line.user_id, line.user_tier)].lines.append(line)
    for day, user in shop.days:
        cells[day, shop.tier(day, user, None)].users.append(user)
    return cells


def _sum(values: Iterable[Decimal]) -> Decimal:
    return sum(values, Decimal(0))


def daily_metrics(shop: Shop, changes: Mapping[date, int]) -> Rows:
    """(date, user_tier) -> columns of marts.daily_metrics, without created_at. changes: newest change of sessions by date."""
    result: Rows = {}
    for (day, tier), cell in _cells(shop).items():
        users = {s.user_id for s in cell.sessions if s.user_id}
        sold = [line for line in cell.lines if not line.is_return]
        orders = {line.order_id for line in sold}
        carts = sum(s.add_to_cart_events for s in cell.sessions)
        views = sum(s.product_views for s in cell.sessions)
        purchases = sum(s.purchases for s in cell.sessions)
        converting = sum(s.purchases > 0 for s in cell.sessions)
        value = _sum(line.gross for line in sold)
        history = [d for (when, user), d in shop.days.items() if user in cell.users and when <= day]
        expected = CLV_ACTIVE_DAYS.get(tier or "", 6)
        result[day, tier] = {
            "unique_users": len(users),
            "sessions": len(cell.sessions),
            "page_views": sum(s.page_views for s in cell.sessions),
            "avg_session_duration_minutes": average(
                sum((s.session_end - s.session_start) // _MICROSECOND for s in cell.sessions),
                len(cell.sessions),
                60_000_000,
            ),
            "product_views": views,
            "searches": sum(s.searches for s in cell.sessions),
            "add_to_cart_events": carts,
            "purchases": purchases,
            "revenue": _sum(s.total_spent for s in cell.sessions),
            "session_to_purchase_rate": ratio(converting, len(cell.sessions), 6),
            "view_to_cart_rate": ratio(carts, views, 6),
            "cart_to_purchase_rate": ratio(purchases, carts, 6),
            "avg_order_value": ratio(value, len(orders), 2),
            "revenue_per_user": ratio(_sum(s.total_spent for s in cell.sessions if s.user_id), len(users), 2),
            "customer_lifetime_value": ratio(_sum(d.net for d in history) * expected, len(history), 2),
            "change_id": changes.get(day, 0),
            "converting_sessions": converting,
            "orders": len(orders),
            "order_value": value,
            "units": sum(line.units for line in sold),
            "net_revenue": _sum(line.net for line in cell.lines),
            "buyers": len({line.user_id for line in sold if line.user_id}),
        }
    return result


def user_tier_analytics(shop: Shop, changes: Mapping[date, int]) -> Rows:
    """(date, user_tier) -> columns of marts.user_tier_analytics, without created_at."""
    result: Rows = {}
    for (day, tier), cell in _cells(shop).items():
        sold = [line for line in cell.lines if not line.is_return]
        by_buyer: dict[str, set[str]] = defaultdict(set)
        for line in sold:
            if line.user_id:
                by_buyer[line.user_id].add(line.order_id)
        times = [(s.first_purchase_at - s.session_start) // _MICROSECOND for s in cell.sessions if s.first_purchase_at]
        count = len(cell.sessions)
        result[day, tier] = {
            "avg_events_per_session": average(sum(s.event_count for s in cell.sessions), count),
            "avg_products_viewed_per_session": average(sum(s.product_views for s in cell.sessions), count),
            "avg_searches_per_session": average(sum(s.searches for s in cell.sessions), count),
            "purchase_frequency": ratio(sum(map(len, by_buyer.values())), len(by_buyer), 6),
            "avg_purchase_amount": ratio(_sum(x.gross for x in sold), len({x.order_id for x in sold}), 2),
            "repeat_purchase_rate": ratio(sum(len(o) > 1 for o in by_buyer.values()), len(by_buyer), 6),
            "bounce_rate": ratio(sum(s.event_count == 1 and s.purchases == 0 for s in cell.sessions), count, 6),
            "time_to_purchase_minutes": average(sum(times), len(times), 60_000_000),
            "change_id": changes.get(day, 0),
        }
    return result


def daily_totals(shop: Shop, changes: Mapping[date, int]) -> Rows:
    """(date, None) -> columns of marts.daily_totals, without created_at."""
    result: Rows = {}
    for day in {s.date for s in shop.sessions} | {line.day for line in shop.lines}:
        sessions = [s for s in shop.sessions if s.date == day]
        lines = [line for line in shop.lines if line.day == day]
        sold = [line for line in lines if not line.is_return]
        orders: dict[str, list[Line]] = defaultdict(list)
        for line in sold:
            orders[line.order_id].append(line)
        buyers = {line.user_id for line in sold if line.user_id}
        earlier = {user for (when, user), acts in shop.days.items() if when < day and acts.orders}
        returns = [line for line in lines if line.is_return]
        result[day, None] = {
            "unique_users": len({s.user_id for s in sessions if s.user_id}),
            "sessions": len(sessions),
            "converting_sessions": sum(s.purchases > 0 for s in sessions),
            "purchases": sum(s.purchases for s in sessions),
            "revenue": _sum(s.total_spent for s in sessions),
            "orders": len(orders),
            "order_value": _sum(line.gross for line in sold),
            "units": sum(line.units for line in sold),
            "net_revenue": _sum(line.net for line in lines),
            "buyers": len(buyers),
            "cancelled_orders": sum(all(line.is_cancelled for line in order) for order in orders.values()),
            "guest_orders": sum(not order[0].user_id for order in orders.values()),
            "returns": len({line.order_id for line in returns}),
            "returned_units": sum(line.returned_units for line in returns),
            "returning_buyers": len(buyers & earlier),
            "avg_order_value": ratio(_sum(line.gross for line in sold), len(orders), 2),
            "returning_buyer_rate": ratio(len(buyers & earlier), len(buyers), 6),
            "change_id": changes.get(day, 0),
        }
    return result


def product_performance(shop: Shop, changes: Mapping[date, int]) -> Rows:
    """(date, product_id) -> columns of marts.product_performance, without created_at. changes: those of events."""
    ordered = sorted(shop.events, key=lambda e: (e.timestamp, e.event_id))
    followed: dict[str, datetime] = {}
    latest: dict[str, Event] = {}
    for event in ordered:
        if event.session_id:
            if event.session_id in latest:
                followed[latest[event.session_id].event_id] = event.timestamp
            latest[event.session_id] = event
    acts: dict[Key, list[Event]] = defaultdict(list)
    for event in ordered:
        if event.product_id and event.event_type in ("product_view", "add_to_cart", "purchase"):
            acts[event.date, event.product_id].append(event)
    lines: dict[Key, list[Line]] = defaultdict(list)
    for line in shop.lines:
        if line.product_id:
            lines[line.day, line.product_id].append(line)
    result: Rows = {}
    for key in acts.keys() | lines.keys():
        views = [e for e in acts[key] if e.event_type == "product_view"]
        gaps = [followed[e.event_id] - e.timestamp for e in views if e.event_id in followed]
        timed = [gap // _MICROSECOND for gap in gaps if gap <= VIEW_IDLE]
        carts = sum(e.event_type == "add_to_cart" for e in acts[key])
        purchases = [e for e in acts[key] if e.event_type == "purchase"]
        units = sum(line.units for line in lines[key])
        result[key] = {
            "views": len(views),
            "unique_viewers": len({e.user_id for e in views if e.user_id}),
            "avg_view_duration_seconds": average(sum(timed), len(timed), 1_000_000),
            "add_to_carts": carts,
            "purchases": len(purchases),
            "view_to_cart_rate": ratio(carts, len(views), 6),
            "cart_to_purchase_rate": ratio(len(purchases), carts, 6),
            "revenue": _sum(map(amount_of, purchases)),
            "avg_selling_price": ratio(_sum(line.gross for line in lines[key]), units, 2),
            "change_id": changes.get(key[0], 0),
            "units": units,
            "net_revenue": _sum(line.net for line in lines[key]),
        }
    return result


def daily_speed_comparable(shop: Shop, changes: Mapping[date, int]) -> Rows:
    """(date, user_tier) -> columns of marts.daily_speed_comparable, without created_at."""
    groups: dict[Key, list[Session]] = defaultdict(list)
    for session in shop.all_sessions:
        groups[session.date, session.user_tier or None].append(session)
    result: Rows = {}
    for (day, tier), group in groups.items():
        row: dict[str, Any] = {"change_id": changes.get(day, 0)}
        for prefix, is_valid in (("", True), ("invalid_", False)):
            own = [s for s in group if s.is_valid is is_valid]
            row |= {
                f"{prefix}{name}": sum(getattr(s, name) for s in own)
                for name in ("page_views", "product_views", "searches", "add_to_cart_events", "purchases")
            }
            row[f"{prefix}sessions"] = (
                len({s.session_id.strip(" \t\r\n").lower() for s in own}) if is_valid else len(own)
            )
            row[f"{prefix}revenue"] = _sum(s.total_spent for s in own)
            row[f"{prefix}unique_users"] = len({s.user_id.strip(" \t\r\n").lower() for s in own if s.user_id})
            row[f"{prefix}converting_sessions"] = sum(s.purchases > 0 for s in own)
        result[day, tier] = row
    return result
