"""The marts computed again, in Python, from the same rows: docs/marts.md read literally, sharing nothing with the models."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from tests.dbt.staged_rows import Event, Session

CLV_ACTIVE_DAYS = {"bronze": 12, "silver": 24, "gold": 48, "platinum": 96}
Rows = dict[tuple[date, str | None], dict[str, Any]]


def rounded(value: Decimal, scale: int) -> Decimal:
    """Half away from zero, as Snowflake rounds."""
    return value.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)


def quotient(numerator: Decimal | int, denominator: int, scale: int, empty: Decimal | None) -> Decimal | None:
    """numerator / denominator at a scale; `empty` without a denominator."""
    if not denominator:
        return empty
    return rounded(Decimal(numerator) / denominator, scale)


def rate(numerator: int, denominator: int) -> Decimal | None:
    return quotient(numerator, denominator, 6, Decimal(0))


def money(numerator: Decimal, denominator: int) -> Decimal | None:
    return quotient(numerator, denominator, 2, Decimal(0))


def _groups(sessions: Iterable[Session], changes: Mapping[date, int]) -> dict[tuple[date, str | None], list[Session]]:
    groups = defaultdict(list)
    for session in sessions:
        if session.is_valid and session.date in changes:
            groups[session.date, session.user_tier].append(session)
    return groups


def daily_metrics(sessions: Iterable[Session], changes: Mapping[date, int]) -> Rows:
    """(date, user_tier) -> columns of marts.daily_metrics, without created_at. changes: newest change_id by date."""
    result: Rows = {}
    for (day, tier), group in _groups(sessions, changes).items():
        users = len({s.user_id for s in group if s.user_id is not None})
        revenue = sum((s.total_spent for s in group), Decimal(0))
        purchases = sum(s.purchases for s in group)
        carts = sum(s.add_to_cart_events for s in group)
        views = sum(s.product_views for s in group)
        per_user = money(revenue, users)
        assert per_user is not None
        result[day, tier] = {
            "unique_users": users,
            "sessions": len(group),
            "page_views": sum(s.page_views for s in group),
            "avg_session_duration_minutes": quotient(
                sum((s.session_duration_minutes for s in group), Decimal(0)), len(group), 4, None
            ),
            "product_views": views,
            "searches": sum(s.searches for s in group),
            "add_to_cart_events": carts,
            "purchases": purchases,
            "revenue": revenue,
            "session_to_purchase_rate": rate(sum(s.purchases > 0 for s in group), len(group)),
            "view_to_cart_rate": rate(carts, views),
            "cart_to_purchase_rate": rate(purchases, carts),
            "avg_order_value": money(revenue, purchases),
            "revenue_per_user": per_user,
            "customer_lifetime_value": per_user * CLV_ACTIVE_DAYS.get(tier or "", 6),
            "change_id": changes[day],
        }
    return result


def user_tier_analytics(sessions: Iterable[Session], changes: Mapping[date, int]) -> Rows:
    """(date, user_tier) -> columns of marts.user_tier_analytics, without created_at."""
    result: Rows = {}
    for (day, tier), group in _groups(sessions, changes).items():
        by_user: dict[str, int] = defaultdict(int)
        for session in group:
            if session.user_id is not None:
                by_user[session.user_id] += session.purchases
        times = [s.conversion_time_minutes for s in group if s.conversion_time_minutes is not None]
        result[day, tier] = {
            "avg_events_per_session": quotient(sum(s.event_count for s in group), len(group), 4, None),
            "avg_products_viewed_per_session": quotient(sum(s.product_views for s in group), len(group), 4, None),
            "avg_searches_per_session": quotient(sum(s.searches for s in group), len(group), 4, None),
            "purchase_frequency": rate(sum(by_user.values()), len(by_user)),
            "avg_purchase_amount": money(
                sum((s.total_spent for s in group), Decimal(0)), sum(s.purchases for s in group)
            ),
            "repeat_purchase_rate": rate(sum(n > 1 for n in by_user.values()), sum(n > 0 for n in by_user.values())),
            "bounce_rate": rate(sum(s.event_count == 1 for s in group), len(group)),
            "time_to_purchase_minutes": quotient(sum(times, Decimal(0)), len(times), 4, None),
            "change_id": changes[day],
        }
    return result


def amount_of(event: Event) -> Decimal:
    """properties.amount in cents; 0 where it is missing or no number."""
    try:
        value = Decimal(event.amount or "")
    except InvalidOperation:
        return Decimal(0)
    return rounded(value, 2) if value.is_finite() else Decimal(0)


def product_performance(events: Iterable[Event], changes: Mapping[date, int]) -> Rows:
    """(date, product_id) -> columns of marts.product_performance, without created_at."""
    valid = sorted((e for e in events if e.is_valid), key=lambda e: (e.timestamp, e.event_id))
    following: dict[str, timedelta] = {}
    latest: dict[str, Event] = {}
    for event in valid:
        if event.session_id is None:
            continue
        if (before := latest.get(event.session_id)) and event.timestamp - before.timestamp <= timedelta(hours=24):
            following[before.event_id] = event.timestamp - before.timestamp
        latest[event.session_id] = event

    groups = defaultdict(list)
    for event in valid:
        if (
            event.product_id
            and event.event_type in ("product_view", "add_to_cart", "purchase")
            and event.date in changes
        ):
            groups[event.date, event.product_id].append(event)
    result: Rows = {}
    for (day, product), group in groups.items():
        views = [e for e in group if e.event_type == "product_view"]
        carts = sum(e.event_type == "add_to_cart" for e in group)
        bought = [e for e in group if e.event_type == "purchase"]
        revenue = sum((amount_of(e) for e in bought), Decimal(0))
        lengths = [following[e.event_id] for e in views if e.event_id in following]
        microseconds = sum((t // timedelta(microseconds=1) for t in lengths), 0)
        # A view may end on the next day, whose changes count as changes of this one.
        change_id = max(changes[day], changes.get(day + timedelta(days=1), 0))
        result[day, product] = {
            "views": len(views),
            "unique_viewers": len({e.user_id for e in views if e.user_id is not None}),
            "avg_view_duration_seconds": quotient(microseconds, len(lengths) * 1_000_000, 4, None),
            "add_to_carts": carts,
            "purchases": len(bought),
            "view_to_cart_rate": rate(carts, len(views)),
            "cart_to_purchase_rate": rate(len(bought), carts),
            "revenue": revenue,
            "avg_selling_price": money(revenue, len(bought)),
            "change_id": change_id,
        }
    return result
